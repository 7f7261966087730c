//! Who gets which rows and columns.

use crate::output::{Line, Tone};

/// Rows above the keys from which on everything has its place.
pub const COSY: usize = 9;

/// The `rows` most urgent lines, in their order. Urgency 0 comes first.
pub fn most_urgent(lines: Vec<(u8, Line)>, rows: usize) -> Vec<Line> {
    let mut urgencies: Vec<_> =
        lines.iter().enumerate().map(|(at, (urgency, _))| (*urgency, at)).collect();
    urgencies.sort_unstable();
    urgencies.truncate(rows);
    let kept = |at| urgencies.iter().any(|(_, kept)| *kept == at);
    let lines = lines.into_iter().enumerate().filter(|(at, _)| kept(*at));
    lines.map(|(_, (_, line))| line).collect()
}

/// How many of `total` rows each gets that wants so many: nobody gets more than wanted, and
/// nobody's wish is cut for one that is larger.
pub fn shares<const N: usize>(wanted: [usize; N], total: usize) -> [usize; N] {
    let mut shares = [0; N];
    let mut left = total;
    loop {
        let hungry = (0..N).filter(|at| shares[*at] < wanted[*at]).count();
        if hungry == 0 || left == 0 {
            return shares;
        }
        let each = (left / hungry).max(1);
        for at in 0..N {
            let more = each.min(wanted[at] - shares[at]).min(left);
            shares[at] += more;
            left -= more;
        }
    }
}

/// Two columns of lines beside each other, the left one so wide.
pub fn beside(left: Vec<Line>, right: Vec<Line>, wide: usize) -> Vec<Line> {
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    let row = |_| {
        let line = left.next().unwrap_or_default().fit(wide);
        let pad = " ".repeat(wide.saturating_sub(line.columns()));
        let line = line.and(Tone::Dim, format!("{pad} │ "));
        line.then(right.next().unwrap_or_default())
    };
    (0..rows).map(row).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_wishes_are_met_first() {
        assert_eq!(shares([2, 10, 10], 14), [2, 6, 6]);
        assert_eq!(shares([2, 3], 14), [2, 3]);
        assert_eq!(shares([5, 5, 5], 2), [1, 1, 0]);
        assert_eq!(shares([0, 0], 9), [0, 0]);
    }

    proptest! {
        #[test]
        fn all_that_is_wanted_is_given_out(wanted in any::<[u8; 3]>(), total in 0usize..300) {
            let wanted = wanted.map(usize::from);
            let given = shares(wanted, total);
            prop_assert_eq!(given.iter().sum::<usize>(), total.min(wanted.iter().sum()));
            prop_assert!(given.iter().zip(wanted).all(|(given, wanted)| *given <= wanted));
        }
    }
}
