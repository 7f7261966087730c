//! The floor of a difference: two lists of keys and digests, in no order, sorted and compared.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use tamer_drift::canonical;

use crate::grow;

type List = Vec<(String, [u8; 32])>;

/// How long two lists of so many resources take, of which one in `one_of` differs, and how many
/// differences are found. Making the lists is not timed.
pub fn compare(of: u32, one_of: u32) -> Result<(Duration, usize)> {
    let (mut before, mut after) = (list(of, None)?, list(of, Some(one_of))?);
    let began = Instant::now();
    before.sort_unstable();
    after.sort_unstable();
    let found = differences(&before, &after);
    Ok((began.elapsed(), found))
}

fn list(of: u32, one_of: Option<u32>) -> Result<List> {
    let mut list = List::with_capacity(of as usize);
    for at in 0..of {
        // Any order that is not the one of the keys; the step shares no divisor with a round number.
        let number = (u64::from(at) * 999_983 % u64::from(of)) as u32;
        let differs = one_of.is_some_and(|one_of| number.is_multiple_of(one_of));
        let resource =
            if differs { grow::changed(number, of)? } else { grow::resource(number, of)? };
        list.push((resource.key.to_string(), *canonical::digest(&resource).as_bytes()));
    }
    Ok(list)
}

fn differences(before: &List, after: &List) -> usize {
    let (mut a, mut b, mut found) = (before.iter().peekable(), after.iter().peekable(), 0);
    while let (Some(old), Some(new)) = (a.peek(), b.peek()) {
        match old.0.cmp(&new.0) {
            Ordering::Less => drop(a.next()),
            Ordering::Greater => drop(b.next()),
            Ordering::Equal => {
                found += usize::from(old.1 != new.1);
                a.next();
                b.next();
                continue;
            }
        }
        found += 1;
    }
    found + a.count() + b.count()
}
