//! Nodes that somebody made wrong on purpose, under their right names: refused by name.

use tamer_drift::diff::diff;
use tamer_drift::tree::{
    Entry, MAX_ENTRIES, MAX_LEVEL, Memory, TreeError, check, count, edit, get, missing, verify,
};
use tamer_drift::{Digest, Domain, Resource};

use crate::draw::{Content, package, tree};

fn number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn piece(to: &mut Vec<u8>, bytes: &[u8]) {
    number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// A node of these entries, put in the memory under its name.
fn node(memory: &mut Memory, level: u8, entries: &[(Vec<u8>, Vec<u8>)]) -> Digest {
    let bytes = node_bytes(level, entries);
    let digest = Digest::of(Domain::HOST, &bytes);
    memory.put(digest, bytes.into());
    digest
}

/// A node's bytes by another writer than the crate's.
pub fn node_bytes(level: u8, entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![1, level];
    number(&mut bytes, entries.len() as u64);
    for (key, value) in entries {
        piece(&mut bytes, key);
        piece(&mut bytes, value);
    }
    bytes
}

pub fn key(at: u32) -> Vec<u8> {
    Resource::key_bytes(&package(at, 0).key)
}

pub fn entry(at: u32) -> (Vec<u8>, Vec<u8>) {
    (key(at), package(at, 0).body().expect("within bounds"))
}

pub fn child(last: u32, digest: Digest, count: u64) -> (Vec<u8>, Vec<u8>) {
    let mut value = digest.as_bytes().to_vec();
    number(&mut value, count);
    (key(last), value)
}

/// That every way to read the tree refuses the node for this reason, and none says that all is
/// well.
fn refused(memory: &Memory, root: &Digest, bad: &Digest, why: &str) {
    let is = |error: TreeError| match error {
        TreeError::Malformed { digest, what, .. } => assert_eq!((digest, what), (*bad, why)),
        TreeError::Missing(_) | TreeError::Damaged(_) => panic!("{error}"),
    };
    is(verify::<Resource>(root, memory).expect_err(why));
    let walked: Result<Vec<_>, _> =
        diff(None, Some(root), memory).and_then(|found| found.collect());
    is(walked.expect_err(why));
}

#[test]
fn leaves_out_of_order_are_refused() {
    for order in [vec![2, 1], vec![1, 1], vec![1, 3, 2]] {
        let mut memory = Memory::new();
        let entries: Vec<_> = order.into_iter().map(entry).collect();
        let bad = node(&mut memory, 0, &entries);
        refused(&memory, &bad, &bad, "keys out of order");
    }
}

#[test]
fn too_many_entries_are_refused() {
    let mut memory = Memory::new();
    let mut entries: Vec<_> = (0..=MAX_ENTRIES as u32).map(entry).collect();
    entries.sort();
    let bad = node(&mut memory, 0, &entries);
    refused(&memory, &bad, &bad, "a node outside the bounds");
    let bytes = memory.iter().next().expect("a node").1.clone();
    assert!(check::<Resource>(&bad, &bytes).is_err());
}

/// A number after whose key a leaf ends.
fn ending() -> u32 {
    let ends = |at: &u32| blake3::hash(&key(*at)).as_bytes()[0] & 31 == 0;
    (1100..).find(ends).expect("one in 32 does")
}

#[test]
fn parents_that_lie_are_refused() {
    let mut memory = Memory::new();
    let at = ending();
    let one = node(&mut memory, 0, &[entry(at - 1), entry(at)]);
    let two = node(&mut memory, 0, &[entry(at + 1), entry(at + 2)]);
    let count = "a child with another count than its parent says";
    let last = "a child with another last key than its parent says";
    let lies = [
        ([child(at, one, 3), child(at + 2, two, 2)], one, count),
        ([child(at, one, 2), child(at + 2, two, 1)], two, count),
        ([child(at - 1, one, 2), child(at + 2, two, 2)], one, last),
        ([child(at, one, 2), child(at + 3, two, 2)], two, last),
    ];
    for (children, bad, why) in lies {
        let root = node(&mut memory, 1, &children);
        refused(&memory, &root, &bad, why);
    }
    let root = node(&mut memory, 2, &[child(at, one, 2), child(at + 2, two, 2)]);
    refused(&memory, &root, &one, "a child of another level than its place");
}

#[test]
fn a_root_of_one_child_is_refused() {
    let mut memory = Memory::new();
    let leaf = node(&mut memory, 0, &[entry(1)]);
    let root = node(&mut memory, 1, &[child(1, leaf, 1)]);
    refused(&memory, &root, &root, "a root with one child");
}

#[test]
fn neighbours_that_overlap_are_refused() {
    let mut memory = Memory::new();
    let at = ending();
    let one = node(&mut memory, 0, &[entry(at - 3), entry(at)]);
    let two = node(&mut memory, 0, &[entry(at - 1), entry(at + 1)]);
    let root = node(&mut memory, 1, &[child(at, one, 2), child(at + 1, two, 2)]);
    refused(&memory, &root, &two, "a child with keys of its neighbour");
    let low = node(&mut memory, 1, &[child(at, one, 2)]);
    let high = node(&mut memory, 1, &[child(at + 1, two, 2)]);
    let root = node(&mut memory, 2, &[child(at, low, 2), child(at + 1, high, 2)]);
    // What ends too early is refused first by whoever looks at everything.
    assert!(verify::<Resource>(&root, &memory).is_err());
    let walked: Result<Vec<_>, _> =
        diff(None, Some(&root), &memory).and_then(|found| found.collect());
    assert_eq!(
        walked.expect_err("overlap"),
        TreeError::Malformed { digest: two, at: 0, what: "a child with keys of its neighbour" }
    );
}

#[test]
fn counts_that_overflow_are_refused() {
    let mut memory = Memory::new();
    let one = node(&mut memory, 0, &[entry(1)]);
    let root = node(&mut memory, 1, &[child(1, one, u64::MAX), child(2, one, 2)]);
    let why = count::<Resource>(&root, &memory).expect_err("overflow");
    assert_eq!(why, TreeError::Malformed { digest: root, at: 0, what: "counts too great" });
    let empty = node(&mut memory, 1, &[child(1, one, 0), child(2, one, 2)]);
    refused(&memory, &empty, &empty, "a child without entries");
    let none = node(&mut memory, 1, &[]);
    refused(&memory, &none, &none, "an inner node without children");
}

/// A tower that claims to be higher than any tree can be: nobody climbs it.
#[test]
fn towers_are_refused() {
    let mut memory = Memory::new();
    let mut top = node(&mut memory, 0, &[entry(1)]);
    for level in 1..=MAX_LEVEL {
        top = node(&mut memory, level, &[child(1, top, 1)]);
    }
    refused(&memory, &top, &top, "a root with one child");
    let high = node(&mut memory, MAX_LEVEL + 1, &[child(1, top, 1), child(2, top, 1)]);
    refused(&memory, &high, &high, "a node outside the bounds");
}

/// The right entries in nodes that end elsewhere: readable, but not the tree of its content.
#[test]
fn nodes_that_end_elsewhere_are_refused_when_all_is_looked_at() {
    let mut memory = Memory::new();
    let one = node(&mut memory, 0, &[entry(1), entry(2)]);
    let two = node(&mut memory, 0, &[entry(3), entry(4)]);
    let root = node(&mut memory, 1, &[child(2, one, 2), child(4, two, 2)]);
    let why = "a node that does not end where it should";
    assert_eq!(
        verify::<Resource>(&root, &memory),
        Err(TreeError::Malformed { digest: one, at: 0, what: why })
    );
    let honest = Content::from_iter((1..=4).map(|number| (number, 0)));
    let (same, nodes) = tree(&honest);
    memory.extend(nodes.iter().map(|(digest, bytes)| (*digest, bytes.clone())));
    assert_eq!(diff(Some(&root), Some(&same), &memory).expect("readable").count(), 0);
    assert!(verify::<Resource>(&same, &memory).is_ok());
}

/// Bytes that are no resource: refused where they are read, whichever way.
#[test]
fn leaves_of_something_else_are_refused() {
    let mut memory = Memory::new();
    let bad = node(&mut memory, 0, &[(key(1), vec![9, 9, 9])]);
    refused(&memory, &bad, &bad, "a count of more than is there");
    // The head, the key and two lengths; then where in the value.
    let at = 3 + 1 + key(1).len() + 1 + 1;
    let what = "a count of more than is there";
    let found = get::<Resource>(&bad, &package(1, 0).key, &memory);
    assert_eq!(found, Err(TreeError::Malformed { digest: bad, at, what }));
    assert!(get::<Resource>(&bad, &package(1, 0).key, &memory).is_err());
    let kind = node(&mut memory, 0, &[(vec![200, b'h', 0, b'x'], entry(1).1)]);
    refused(&memory, &kind, &kind, "an unknown kind");
    // The place is one in the key where that is what is wrong.
    let odd = node(&mut memory, 0, &[(vec![0, b'h', 0xff, 0, b'x'], entry(1).1)]);
    let what = "a key that is not UTF-8";
    let found = verify::<Resource>(&odd, &memory);
    assert_eq!(found, Err(TreeError::Malformed { digest: odd, at: 3 + 1 + 1, what }));
    // An edit copies what it does not know; whoever reads it is told.
    let edited = edit::<Resource>(&bad, [(package(2, 0).key, Some(package(2, 0)))], &memory)
        .expect("copied");
    memory.extend(edited.made);
    assert!(verify::<Resource>(&edited.root, &memory).is_err());
    assert_eq!(missing::<Resource>(&edited.root, &memory, 9), Ok(vec![]));
}
