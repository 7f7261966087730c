//! Deltas give what they were made of, are small, and fit nothing else.

use proptest::prelude::{prop_assert_eq, proptest};
use tamer_drift::delta::{Delta, DeltaError, apply_delta, decode, encode};
use tamer_drift::tree::Memory;
use tamer_drift::{Digest, Resource, Value};

use crate::cases::cases;
use crate::draw::{Content, contents, grow, package, tree, two_states};

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn a_delta_carried_out_is_what_was_after((before, after) in contents()) {
        let (a, mut memory) = tree(&before);
        let mut both = memory.clone();
        let b = grow(&after, &mut both);
        let delta = Delta::between(Some(a), b, &both).expect("whole");
        prop_assert_eq!(decode(&encode(&delta)), Ok(delta.clone()));
        let edited = apply_delta(Some(&a), &delta, &memory).expect("it fits");
        prop_assert_eq!(edited.root, b);
        memory.extend(edited.made);
        let back = delta.undone().expect("there was something before");
        prop_assert_eq!(apply_delta(Some(&b), &back, &memory).expect("it fits").root, a);
        let first = Delta::between(None, b, &both).expect("whole");
        prop_assert_eq!(first.undone(), None);
        let built = apply_delta(None, &first, &Memory::new()).expect("it fits");
        prop_assert_eq!(built.root, b);
    }

    /// Resources of every shape.
    #[test]
    fn fields_of_every_sort_are_kept((before, after) in two_states()) {
        let mut memory = Memory::new();
        let mut root = |resource: &Resource| {
            let built = tamer_drift::tree::build([resource.clone()]).expect("within bounds");
            memory.extend(built.nodes);
            built.root
        };
        let (a, b) = (root(&before), root(&after));
        let delta = Delta::between(Some(a), b, &memory).expect("whole");
        let delta = decode(&encode(&delta)).expect("it was encoded");
        prop_assert_eq!(apply_delta(Some(&a), &delta, &memory).expect("it fits").root, b);
    }
}

#[test]
fn one_field_is_kept_in_less_than_300_bytes() {
    let long = "x".repeat(40);
    let service = |state: &str| {
        let mut resource = package(7, 1).with(long.clone(), Value::from(state));
        for at in 0..30 {
            resource = resource.with(format!("property-{at}"), "a value of some length");
        }
        resource
    };
    let mut memory = Memory::new();
    let mut root = |resource| -> Digest {
        let built = tamer_drift::tree::build([resource]).expect("within bounds");
        memory.extend(built.nodes);
        built.root
    };
    let (a, b) = (root(service("active (running)")), root(service("failed (exit code 203)")));
    let delta = Delta::between(Some(a), b, &memory).expect("whole");
    let bytes = encode(&delta).len();
    assert!((100..300).contains(&bytes), "{bytes} bytes");
}

#[test]
fn a_delta_fits_where_it_begins_and_nowhere_else() {
    let mut memory = Memory::new();
    let mut at = |pairs: &[(u32, u32)]| grow(&Content::from_iter(pairs.to_vec()), &mut memory);
    let (a, b, other) = (at(&[(1, 0), (2, 0)]), at(&[(1, 1), (3, 0)]), at(&[(1, 2), (2, 0)]));
    let delta = Delta::between(Some(a), b, &memory).expect("whole");
    let fails = |before: Digest, delta: &Delta| {
        apply_delta(Some(&before), delta, &memory).expect_err("it does not fit")
    };
    assert_eq!(fails(other, &delta), DeltaError::OtherTree);
    let moved = Delta { before: Some(other), ..delta.clone() };
    assert!(matches!(fails(other, &moved), DeltaError::Misfit(_)));
    let lost = Delta { before: Some(b), ..delta.clone() };
    assert!(matches!(fails(b, &lost), DeltaError::Misfit(_) | DeltaError::OtherResource(_)));
    let damaged = Delta { after: other, ..delta.clone() };
    assert_eq!(fails(a, &damaged), DeltaError::OtherEnd { made: b, said: other });
    let mut partly = delta;
    partly.changes.remove(0);
    assert!(matches!(fails(a, &partly), DeltaError::OtherEnd { .. }));
}

#[test]
fn a_delta_out_of_order_is_refused() {
    let mut memory = Memory::new();
    let root = grow(&Content::from([(1, 0), (2, 0)]), &mut memory);
    let mut delta = Delta::between(None, root, &memory).expect("whole");
    delta.changes.reverse();
    assert_eq!(decode(&encode(&delta)).expect_err("out of order").what, "changes out of order");
    delta.changes.truncate(1);
    delta.changes.push(delta.changes[0].clone());
    assert_eq!(decode(&encode(&delta)).expect_err("twice").what, "changes out of order");
}

/// What goes has to be what the delta says it was, also where the tree after would be the same.
#[test]
fn what_goes_was_what_the_delta_says() {
    let (old, mut memory) = tree(&Content::from([(1, 0), (2, 0)]));
    let other = grow(&Content::from([(1, 1), (2, 0)]), &mut memory);
    let after = grow(&Content::from([(2, 0)]), &mut memory);
    let delta = Delta::between(Some(old), after, &memory).expect("whole");
    assert!(apply_delta(Some(&old), &delta, &memory).is_ok());
    let misled = Delta { before: Some(other), ..delta };
    let key = package(1, 0).key;
    assert_eq!(
        apply_delta(Some(&other), &misled, &memory).expect_err("it is another"),
        DeltaError::OtherResource(key)
    );
}
