//! The bounds, each on both of its sides: what has just room, and what is one more.

use std::collections::{BTreeMap, BTreeSet};

use tamer_drift::delta::{self, Delta, DeltaChange, What};
use tamer_drift::diff::{FieldChange, Part, Path, Root};
use tamer_drift::fleet::{HostState, MAX_PROBLEM_BYTES, MAX_SOURCES, Member, SourceState};
use tamer_drift::tree::{
    Entry, MAX_NODE_BYTES, Memory, NodeBytes, Nodes, TreeError, Unsorted, build, check,
};
use tamer_drift::{
    Digest, Domain, Kind, MAX_DEPTH, MAX_ID_BYTES, MAX_RESOURCE_BYTES, Resource, ResourceKey,
    Source, Value, canonical,
};
use tamer_model::{HostId, Timestamp};

use crate::draw::{Content, package, tree};
use crate::hostile::node_bytes;

/// A package with a text, so long that all of it is encoded in so many bytes.
fn of_length(bytes: usize) -> Resource {
    let with = |length: usize| package(1, 0).with("text", "x".repeat(length));
    let rest = canonical::encode(&with(bytes - 200)).len() - (bytes - 200);
    with(bytes - rest)
}

#[test]
fn a_resource_fills_its_bytes_and_no_more() {
    let most = of_length(MAX_RESOURCE_BYTES);
    let bytes = canonical::encode(&most);
    assert_eq!(bytes.len(), MAX_RESOURCE_BYTES);
    assert_eq!(most.check(), Ok(()));
    assert_eq!(canonical::decode(&bytes), Ok(most));
    let more = of_length(MAX_RESOURCE_BYTES + 1);
    let problem = more.check().expect_err("too long");
    assert!(problem.message.contains("262145 bytes"), "{problem}");
    let error = canonical::decode(&canonical::encode(&more)).expect_err("too long");
    assert_eq!(error.what, "is longer than a resource may be");
}

#[test]
fn a_body_fills_its_bytes_and_no_more() {
    let key = Resource::key_bytes(&package(1, 0).key);
    // A body alone: no version, no key and no length of one.
    let beside = 2 + key.len();
    let most = of_length(MAX_RESOURCE_BYTES + beside);
    let body = most.body().expect("just room");
    assert_eq!(body.len(), MAX_RESOURCE_BYTES);
    assert_eq!(Resource::read(&key, &body), Ok(most));
    assert!(of_length(MAX_RESOURCE_BYTES + beside + 1).body().is_err());
    let mut longer = body;
    longer.push(0);
    let error = Resource::read(&key, &longer).expect_err("too long");
    assert_eq!(error.what, "a resource longer than one may be");
}

#[test]
fn a_time_is_as_late_as_it_may_be() {
    let latest = i64::MAX as u64;
    for (millis, is_time) in [(0, true), (latest, true), (latest + 1, false), (u64::MAX, false)] {
        let time = Some(Timestamp::from_millis(millis));
        let created = Resource { created: time, ..package(1, 0) };
        let updated = Resource { updated: time, ..package(1, 0) };
        for (field, one) in [("created", created), ("updated", updated)] {
            let problem = one.check().err();
            assert_eq!(problem.is_none(), is_time, "{field} {millis}: {problem:?}");
            assert_eq!(problem.and_then(|one| one.field).as_deref(), (!is_time).then_some(field));
        }
    }
}

#[test]
fn keys_are_as_long_as_they_may_be() {
    let longest = "s".repeat(Source::MAX_BYTES);
    let source: Source = longest.parse().expect("just room");
    assert!(format!("{longest}s").parse::<Source>().is_err());
    let key = ResourceKey::new(source.clone(), Kind::File, "i".repeat(MAX_ID_BYTES));
    let key = key.expect("just room");
    assert_eq!(Resource::read_key(&Resource::key_bytes(&key)), Ok(key));
    assert!(ResourceKey::new(source.clone(), Kind::File, "i".repeat(MAX_ID_BYTES + 1)).is_err());
    assert!(ResourceKey::new(source, Kind::File, "").is_err());
    let mut bytes = vec![0];
    bytes.extend(std::iter::repeat_n(b's', Source::MAX_BYTES + 1));
    bytes.extend([0, b'i']);
    let error = Resource::read_key(&bytes).expect_err("too long");
    assert_eq!((error.at, error.what), (1, "a key without an id"));
    let error = Resource::read_key(b"\x00host\x00").expect_err("no id");
    assert_eq!((error.at, error.what), (6, "an id of no valid length"));
    let error = Resource::read_key(b"").expect_err("nothing");
    assert_eq!((error.at, error.what), (0, "an empty key"));
}

/// Each sort of nesting, and all of them in turn.
#[test]
fn values_of_every_sort_lie_as_deep_as_they_may() {
    let list = |inner| Value::List(vec![inner]);
    let set = |inner| Value::Set(BTreeSet::from([inner]));
    let map = |inner| Value::Map(BTreeMap::from([("k".to_owned(), inner)]));
    let nest = |depth: usize, sort: usize| {
        (0..depth).fold(Value::Int(1), |inner, at| match (sort + at * (sort / 3)) % 3 {
            0 => list(inner),
            1 => set(inner),
            _two => map(inner),
        })
    };
    for sort in 0..6 {
        let (most, more) = (nest(MAX_DEPTH, sort), nest(MAX_DEPTH + 1, sort));
        assert_eq!((most.depth(), more.depth()), (MAX_DEPTH, MAX_DEPTH + 1));
        let resource = package(1, 0).with("deep", most);
        assert_eq!(resource.check(), Ok(()));
        assert_eq!(canonical::decode(&canonical::encode(&resource)), Ok(resource));
        let resource = package(1, 0).with("deep", more);
        assert!(resource.check().is_err());
        let error = canonical::decode(&canonical::encode(&resource)).expect_err("too deep");
        assert_eq!(error.what, "values nested too deep");
    }
}

#[test]
fn a_path_of_a_delta_leads_as_deep_as_values_lie() {
    let with = |steps: usize| {
        let step = |at: usize| {
            if at.is_multiple_of(2) { Part::Key("k".to_owned()) } else { Part::Index(3) }
        };
        let path = Path { root: Root::Properties, parts: (0..steps).map(step).collect() };
        let change = FieldChange { path, before: None, after: Some(Value::Bool(true)) };
        let what = What::Changed(vec![change]);
        let after = Digest::from_bytes([1; 32]);
        Delta { before: None, after, changes: vec![DeltaChange { key: package(1, 0).key, what }] }
    };
    let most = with(MAX_DEPTH + 1);
    assert_eq!(delta::decode(&delta::encode(&most)), Ok(most));
    let error = delta::decode(&delta::encode(&with(MAX_DEPTH + 2))).expect_err("too deep");
    assert_eq!(error.what, "a path too deep");
}

fn member(sources: usize, problem: usize) -> Member {
    let at = Timestamp::from_millis(1);
    let state = |_| SourceState {
        complete: problem == 0,
        problem: (problem > 0).then(|| "p".repeat(problem)),
        took_ms: 1,
        resources: 2,
        at,
    };
    let name = |number| format!("s{number}").parse().expect("a source");
    let sources = (0..sources).map(|number| (name(number), state(number))).collect();
    let root = Digest::from_bytes([1; 32]);
    Member {
        host: HostId::from_bytes([1; 10]),
        state: HostState { root, epoch: [2; 16], counter: 3, at, sources },
    }
}

#[test]
fn a_host_tells_of_as_many_sources_as_it_may() {
    let key = Member::key_bytes(&HostId::from_bytes([1; 10]));
    for most in [member(MAX_SOURCES, 0), member(3, MAX_PROBLEM_BYTES)] {
        assert_eq!(Member::read(&key, &most.body().expect("just room")), Ok(most));
    }
    let problem = member(MAX_SOURCES + 1, 0).body().expect_err("too many");
    assert_eq!(problem.field.as_deref(), Some("sources"));
    assert!(problem.message.contains("257 sources"), "{problem}");
    let problem = member(3, MAX_PROBLEM_BYTES + 1).body().expect_err("too long");
    assert_eq!(problem.field.as_deref(), Some("sources.problem"));
}

/// The same bounds where bytes are read that somebody else wrote.
#[test]
fn who_reads_a_host_keeps_the_bounds_too() {
    let key = Member::key_bytes(&HostId::from_bytes([1; 10]));
    let body = member(1, MAX_PROBLEM_BYTES).body().expect("just room");
    let text = body.windows(2).position(|two| two == [0x80, 0x08]).expect("1024 in two bytes");
    let mut longer = body.clone();
    longer[text] = 0x81;
    longer.insert(text + 2, b'p');
    let error = Member::read(&key, &longer).expect_err("too long");
    assert_eq!(error.what, "a problem told too long");

    let body = member(MAX_SOURCES, 0).body().expect("just room");
    // The root, the epoch, the counter and the time; then how many: 256 in two bytes.
    let many = 32 + 16 + 1 + 1;
    assert_eq!(body[many..many + 2], [0x80, 0x02]);
    let mut more = body.clone();
    more[many] = 0x81;
    let last = member(1, 0).body().expect("one")[many + 1..].to_vec();
    more.extend(last.iter().map(|byte| if *byte == b'0' { b'~' } else { *byte }));
    let error = Member::read(&key, &more).expect_err("too many");
    assert_eq!(error.what, "more sources than a host may have");
    let mut trailing = body;
    trailing.push(0);
    assert_eq!(Member::read(&key, &trailing).expect_err("more").what, "bytes too many");
}

/// Nodes behind a reference are those that are there.
#[test]
fn nodes_are_found_behind_a_reference() {
    fn look(nodes: impl Nodes, digest: &Digest) -> (bool, Option<NodeBytes>) {
        (nodes.has(digest), nodes.node(digest))
    }
    let (root, memory) = tree(&Content::from([(1, 1)]));
    let absent = Digest::from_bytes([9; 32]);
    let (has, bytes) = look(&memory, &root);
    assert!(has && bytes.is_some());
    assert_eq!(look(&memory, &absent), (false, None));
    let empty = Memory::new();
    assert_eq!(look(&empty, &root), (false, None));
    // Who says nothing of its own has what it gives.
    struct Plain(Memory);
    impl Nodes for Plain {
        fn node(&self, digest: &Digest) -> Option<NodeBytes> {
            self.0.node(digest)
        }
    }
    assert_eq!(look(Plain(memory.clone()), &root), (true, memory.node(&root)));
    assert_eq!(look(Plain(memory), &absent), (false, None));
}

/// Under its right name, and longer than any honest node: nobody looks into it.
#[test]
fn nodes_longer_than_they_may_be_are_refused() {
    let key = Resource::key_bytes(&package(1, 0).key);
    for bytes in [MAX_NODE_BYTES + 1, MAX_NODE_BYTES + 4096] {
        let node = node_bytes(0, &[(key.clone(), vec![0; bytes - key.len() - 7])]);
        assert_eq!(node.len(), bytes);
        let digest = Digest::of(Domain::HOST, &node);
        let error = check::<Resource>(&digest, &node.into()).expect_err("too long");
        let what = "a node outside the bounds";
        assert_eq!(error, TreeError::Malformed { digest, at: 3, what });
    }
}

#[test]
fn unsorted_entries_say_how_many_bytes_they_have() {
    let all: Vec<Resource> = (0..5).rev().map(|number| package(number, 0)).collect();
    let mut unsorted = Unsorted::default();
    assert!(unsorted.is_empty());
    let mut bytes = 0;
    for (at, one) in all.iter().enumerate() {
        unsorted.push(one).expect("within bounds");
        bytes += Resource::key_bytes(&one.key).len() + one.body().expect("within bounds").len();
        assert_eq!((unsorted.len(), unsorted.bytes(), unsorted.is_empty()), (at + 1, bytes, false));
    }
    assert!(unsorted.push(&of_length(MAX_RESOURCE_BYTES + 4096)).is_err());
    assert_eq!((unsorted.len(), unsorted.bytes()), (5, bytes), "what is refused is not there");
    assert_eq!(unsorted.build().expect("a tree").root, build(all).expect("a tree").root);
}

/// Tests and logs show digests by `Debug`: it is the text.
#[test]
fn digests_read_the_same_everywhere() {
    let digest = Digest::from_bytes([0xab; 32]);
    assert_eq!(format!("{digest:?}"), "ab".repeat(32));
    assert_eq!(format!("{digest:>66}"), format!("  {}", "ab".repeat(32)));
}
