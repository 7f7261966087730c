//! Selectors that no host can satisfy, whatever hosts there are.

use std::cmp::Ordering;

use super::{Comparison, Pattern, Selector, Term, Test};
use crate::version;

/// Why no value of one key can satisfy all of the selectors together: the terms that cannot hold
/// at once, as they are written. None: a host could be thought of.
pub(super) fn clash<'a>(selectors: impl IntoIterator<Item = &'a Selector>) -> Option<String> {
    let terms: Vec<&Term> = selectors.into_iter().flat_map(|selector| &selector.terms).collect();
    terms.iter().enumerate().find_map(|(at, first)| {
        // Each key once, where it comes first.
        let of_key: Vec<_> = terms.iter().filter(|term| term.key == first.key).copied().collect();
        let seen = terms[..at].iter().any(|term| term.key == first.key);
        (!seen && impossible(&of_key)).then(|| words(&of_key))
    })
}

fn impossible(terms: &[&Term]) -> bool {
    let absent = terms.iter().any(|term| matches!(term.test, Test::Absent));
    let present = |test: &Test| matches!(test, Test::Exists | Test::In(_) | Test::Compare(..));
    if absent && terms.iter().any(|term| present(&term.test)) {
        return true;
    }
    let listed = terms.iter().find_map(|term| match &term.test {
        Test::In(values) if values.iter().all(Pattern::is_plain) => Some(values),
        Test::In(_) | Test::NotIn(_) | Test::Exists | Test::Absent | Test::Compare(..) => None,
    });
    match listed {
        Some(values) => !values.iter().any(|value| terms.iter().all(|term| term.takes(&value.0))),
        None => empty_range(terms),
    }
}

/// Whether a lower bound is above an upper one.
fn empty_range(terms: &[&Term]) -> bool {
    let bounds: Vec<_> = terms
        .iter()
        .filter_map(|term| match &term.test {
            Test::Compare(comparison, bound) => Some((*comparison, bound.as_str())),
            Test::Exists | Test::Absent | Test::In(_) | Test::NotIn(_) => None,
        })
        .collect();
    let lower = |of: Comparison| matches!(of, Comparison::AtLeast | Comparison::Above);
    let strict = |of: Comparison| matches!(of, Comparison::Above | Comparison::Below);
    bounds.iter().filter(|(of, _)| lower(*of)).any(|(low, from)| {
        bounds.iter().filter(|(of, _)| !lower(*of)).any(|(high, to)| {
            match version::compare(from, to) {
                Ordering::Greater => true,
                Ordering::Equal => strict(*low) || strict(*high),
                Ordering::Less => false,
            }
        })
    })
}

fn words(terms: &[&Term]) -> String {
    let one = |term: &&Term| Selector { terms: vec![(*term).clone()] }.to_string();
    terms.iter().map(one).collect::<Vec<_>>().join(" and ")
}

impl Term {
    /// Whether it holds where its key has this value.
    fn takes(&self, value: &str) -> bool {
        match &self.test {
            Test::Exists => true,
            Test::Absent => false,
            Test::In(patterns) => patterns.iter().any(|pattern| pattern.matches(value)),
            Test::NotIn(patterns) => !patterns.iter().any(|pattern| pattern.matches(value)),
            Test::Compare(comparison, bound) => comparison.holds(version::compare(value, bound)),
        }
    }
}

impl Pattern {
    fn is_plain(&self) -> bool {
        !self.0.contains('*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash_of(selectors: &[&str]) -> Option<String> {
        let read: Vec<Selector> =
            selectors.iter().map(|text| text.parse().expect("a selector")).collect();
        clash(&read)
    }

    #[test]
    fn what_no_host_can_satisfy_is_named() {
        for (selectors, words) in [
            (&["os=linux", "os=windows"][..], "os=linux and os=windows"),
            (&["zone in (a,b),rack=1", "zone notin (a,b)"], "zone in (a,b) and zone notin (a,b)"),
            (&["gpu", "!gpu"], "gpu and !gpu"),
            (&["kernel>=6.10,kernel<6.9"], "kernel>=6.10 and kernel<6.9"),
            (&["kernel>6", "kernel<=6"], "kernel>6 and kernel<=6"),
            (
                &["distro_version=12", "distro_version>12"],
                "distro_version=12 and distro_version>12",
            ),
            (&["name=web-1", "name=db-*"], "name=web-1 and name=db-*"),
        ] {
            assert_eq!(clash_of(selectors).as_deref(), Some(words));
        }
    }

    #[test]
    fn what_a_host_could_satisfy_is_left_alone() {
        for selectors in [
            &["os=linux", "os in (linux,windows)"][..],
            &["name=web-*", "name=*-1"],
            &["zone!=a", "zone!=b", "!zone"],
            &["kernel>=6", "kernel<=6"],
            &["os=linux", "arch=arm64"],
        ] {
            assert_eq!(clash_of(selectors), None, "{selectors:?}");
        }
    }
}
