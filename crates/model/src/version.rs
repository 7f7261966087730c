//! Comparing versions as people number them.

use std::cmp::Ordering;

/// Compares two versions part by part: runs of digits as numbers, runs of letters as texts; what
/// stands between them does not count. A missing part is less than any number, and greater than
/// letters: `1.0 < 1.0.1`, `1.0-rc1 < 1.0`.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (Parts(left), Parts(right));
    loop {
        let ordering = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(Part::Number(_))) => Ordering::Less,
            (None, Some(Part::Word(_))) => Ordering::Greater,
            (Some(Part::Number(_)), None) => Ordering::Greater,
            (Some(Part::Word(_)), None) => Ordering::Less,
            (Some(Part::Number(a)), Some(Part::Number(b))) => number(a, b),
            (Some(Part::Word(a)), Some(Part::Word(b))) => a.cmp(b),
            (Some(Part::Number(_)), Some(Part::Word(_))) => Ordering::Greater,
            (Some(Part::Word(_)), Some(Part::Number(_))) => Ordering::Less,
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

enum Part<'a> {
    Number(&'a str),
    Word(&'a str),
}

struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let rest = self.0.trim_start_matches(|c: char| !c.is_alphanumeric());
        let first = rest.chars().next()?;
        let digits = first.is_ascii_digit();
        let same = |c: char| {
            if digits { c.is_ascii_digit() } else { c.is_alphanumeric() && !c.is_ascii_digit() }
        };
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let (part, rest) = rest.split_at(end);
        self.0 = rest;
        Some(if digits { Part::Number(part) } else { Part::Word(part) })
    }
}

/// Numbers of any length: without leading zeros the longer one is the larger.
fn number(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_ordered_as_people_mean_them() {
        let ordered = [
            "0.9",
            "1.0-alpha",
            "1.0-rc2",
            "1.0-rc10",
            "1.0",
            "1.0.1",
            "1.9",
            "1.10",
            "5.10.0-8-amd64",
            "10.0.22631",
            "20.10.24",
        ];
        for (at, left) in ordered.iter().enumerate() {
            for (other, right) in ordered.iter().enumerate() {
                assert_eq!(compare(left, right), at.cmp(&other), "{left} and {right}");
            }
        }
        assert_eq!(compare("v1.02", "v1.2"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in "[0-2a-b.-]{0,6}", b in "[0-2a-b.-]{0,6}", c in "[0-2a-b.-]{0,6}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }
    }
}
