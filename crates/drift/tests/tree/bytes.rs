//! One content has one encoding, and a reader takes no other: whatever bytes are tried, they are
//! refused or are the ones that the writer makes.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use tamer_drift::delta::{self, Delta};
use tamer_drift::fleet::{HostState, Member, SourceState};
use tamer_drift::tree::{Entry, Nodes, TreeError, build, check};
use tamer_drift::{Digest, Domain, MAX_DEPTH, Resource, Value, canonical};
use tamer_model::{HostId, Timestamp};

use crate::cases::cases;
use crate::draw::{content, grow, package, resource, text};

/// What becomes of bytes on a bad day.
#[derive(Debug, Clone)]
pub enum Harm {
    Cut(usize),
    Flip(usize, u8),
    Put(usize, u8),
    Drop(usize),
    Double(usize, usize),
}

pub fn harm() -> impl Strategy<Value = Harm> {
    let low = prop_oneof![0u8..10, any::<u8>()];
    prop_oneof![
        any::<usize>().prop_map(Harm::Cut),
        (any::<usize>(), low.clone()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        (any::<usize>(), low).prop_map(|(at, byte)| Harm::Put(at, byte)),
        any::<usize>().prop_map(Harm::Drop),
        (any::<usize>(), 1usize..20).prop_map(|(at, length)| Harm::Double(at, length)),
    ]
}

pub fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        let length = bytes.len().max(1);
        match *harm {
            Harm::Cut(at) => bytes.truncate(at % length),
            Harm::Put(at, byte) => bytes.insert(at % length.min(bytes.len() + 1), byte),
            Harm::Flip(..) | Harm::Drop(_) | Harm::Double(..) if bytes.is_empty() => {}
            Harm::Flip(at, byte) => bytes[at % length] = byte,
            Harm::Drop(at) => drop(bytes.remove(at % length)),
            Harm::Double(at, more) => {
                let at = at % length;
                let piece = bytes[at..(at + more).min(length)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn is_canonical(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(resource) = canonical::decode(bytes) {
        prop_assert_eq!(canonical::encode(&resource), bytes);
        prop_assert!(resource.check().is_ok());
    }
    if let Ok(delta) = delta::decode(bytes) {
        prop_assert_eq!(delta::encode(&delta), bytes);
    }
    Ok(())
}

pub fn deltas() -> impl Strategy<Value = Delta> {
    (vec(resource(), 1..5), vec(resource(), 1..5)).prop_map(|(before, after)| {
        let mut memory = tamer_drift::tree::Memory::new();
        let mut root = |resources: Vec<Resource>| {
            let by_key: BTreeMap<_, _> =
                resources.into_iter().map(|resource| (resource.key.clone(), resource)).collect();
            let built = build(by_key.into_values()).expect("within bounds");
            memory.extend(built.nodes);
            built.root
        };
        let (before, after) = (root(before), root(after));
        Delta::between(Some(before), after, &memory).expect("whole")
    })
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn resources_read_back(resource in resource()) {
        let bytes = canonical::encode(&resource);
        prop_assert_eq!(canonical::decode(&bytes), Ok(resource.clone()));
        let key = Resource::key_bytes(&resource.key);
        let body = resource.body().expect("within bounds");
        prop_assert_eq!(Resource::read(&key, &body), Ok(resource));
    }

    #[test]
    fn keys_sort_as_their_bytes(a in crate::draw::key(), b in crate::draw::key()) {
        prop_assert_eq!(a.cmp(&b), Resource::key_bytes(&a).cmp(&Resource::key_bytes(&b)));
        prop_assert_eq!(Resource::read_key(&Resource::key_bytes(&a)), Ok(a.clone()));
        prop_assert_eq!(a.to_string().parse(), Ok(a));
    }

    #[test]
    fn harmed_resources_are_refused_or_are_others(
        resource in resource(), harms in vec(harm(), 1..4),
    ) {
        is_canonical(&harmed(canonical::encode(&resource), &harms))?;
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(mut bytes in vec(prop_oneof![0u8..9, any::<u8>()], 0..80)) {
        is_canonical(&bytes)?;
        bytes.insert(0, canonical::VERSION);
        is_canonical(&bytes)?;
    }

    #[test]
    fn every_cut_is_refused(resource in resource(), at: usize) {
        let bytes = canonical::encode(&resource);
        prop_assert!(canonical::decode(&bytes[..at % bytes.len()]).is_err());
    }

    #[test]
    fn harmed_deltas_are_refused_or_are_others(delta in deltas(), harms in vec(harm(), 1..4)) {
        let bytes = delta::encode(&delta);
        prop_assert_eq!(delta::decode(&bytes), Ok(delta));
        is_canonical(&harmed(bytes, &harms))?;
    }

    /// A hostile node under its right name: it is refused by name, or is a node of entries.
    #[test]
    fn harmed_nodes_are_refused_by_name(content in content(), which: usize, harms in vec(harm(), 1..4)) {
        let mut memory = tamer_drift::tree::Memory::new();
        grow(&content, &mut memory);
        let (_, bytes) = memory.iter().nth(which % memory.len()).expect("a node");
        let bytes = harmed(bytes.to_vec(), &harms);
        let digest = Digest::of(Domain::HOST, &bytes);
        match check::<Resource>(&digest, &bytes.clone().into()) {
            Ok(()) => {}
            Err(TreeError::Malformed { digest: named, at, .. }) => {
                prop_assert_eq!(named, digest);
                prop_assert!(at <= bytes.len());
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
        // And whoever walks there comes to an end.
        memory.put(digest, bytes.into());
        prop_assert!(memory.has(&digest));
        let _any = tamer_drift::tree::verify::<Resource>(&digest, &memory);
        let walk = tamer_drift::diff::diff(None, Some(&digest), &memory);
        prop_assert!(walk.map_or(0, Iterator::count) <= 2000);
    }

    #[test]
    fn members_read_back(member in members(), harms in vec(harm(), 1..3)) {
        let key = Member::key_bytes(&member.host);
        let body = member.body().expect("within bounds");
        prop_assert_eq!(Member::read(&key, &body), Ok(member));
        let harmed = harmed(body, &harms);
        if let Ok(other) = Member::read(&key, &harmed) {
            prop_assert_eq!(other.body().expect("within bounds"), harmed);
        }
    }
}

fn members() -> impl Strategy<Value = Member> {
    let at = || any::<u64>().prop_map(Timestamp::from_millis);
    let source = (any::<bool>(), proptest::option::of(text()), 0u64..900, any::<u64>(), at());
    let source = source.prop_map(|(complete, problem, took_ms, resources, at)| SourceState {
        complete,
        problem,
        took_ms,
        resources,
        at,
    });
    let name = "[a-z][a-z0-9-]{0,6}".prop_map(|name| name.parse().expect("a source"));
    let sources = proptest::collection::btree_map(name, source, 0..4);
    (any::<[u8; 10]>(), any::<[u8; 32]>(), any::<[u8; 16]>(), any::<u64>(), at(), sources).prop_map(
        |(host, root, epoch, counter, at, sources)| Member {
            host: HostId::from_bytes(host),
            state: HostState { root: Digest::from_bytes(root), epoch, counter, at, sources },
        },
    )
}

/// Bytes that somebody else's writer might make, one by one.
#[test]
fn other_forms_of_the_same_are_refused() {
    let good = canonical::encode(&package(1, 0));
    let refused = |bytes: &[u8], what: &str| {
        let error = canonical::decode(bytes).expect_err(what);
        assert_eq!(error.what, what);
    };
    let mut newer = good.clone();
    newer[0] = canonical::VERSION + 1;
    refused(&newer, "made by a newer tamer");
    newer[0] = 0;
    refused(&newer, "an unknown version");
    let mut longer = good.clone();
    longer.push(0);
    refused(&longer, "bytes too many");
    // The length of the key is the second byte: the same number in two bytes.
    let mut long_form = good.clone();
    long_form.splice(1..2, [good[1] | 0x80, 0]);
    refused(&long_form, "a number in a long form");
    refused(&[canonical::VERSION, 0xff, 0xff, 0xff, 0xff, 0x0f], "a count of more than is there");
    let wide = [&[canonical::VERSION][..], &[0xff; 9], &[0x02]].concat();
    refused(&wide, "a number of more than 64 bits");
}

#[test]
fn values_lie_eight_deep_and_no_deeper() {
    let nested = |depth: usize| {
        let value = (0..depth).fold(Value::Int(1), |inner, _| Value::List(vec![inner]));
        package(1, 0).with("deep", value)
    };
    let most = nested(MAX_DEPTH);
    assert!(most.check().is_ok());
    assert_eq!(canonical::decode(&canonical::encode(&most)), Ok(most));
    let deeper = nested(MAX_DEPTH + 1);
    assert_eq!(deeper.check().expect_err("too deep").field.as_deref(), Some("properties.deep"));
    let error = canonical::decode(&canonical::encode(&deeper)).expect_err("too deep");
    assert_eq!(error.what, "values nested too deep");
    assert!(build([deeper]).is_err());
}
