//! Streams of a gibibyte and more, of which a reader takes a mebibyte: what it holds is bounded by
//! what it took.

use std::collections::BTreeMap;

use bytes::Bytes;
use tamer_drift::{Digest, Resource, tree};

use super::document::{Document, host, host_id, record, state};
use super::{AHEAD, Bounds, OURS, Shelf};
use crate::drift::MAX_PIECE;

/// A gibibyte in pieces as long as they come.
const PIECES: usize = (1 << 30) / MAX_PIECE;

/// A beginning, and after it the same again and again until the gibibyte is full.
fn stream(begin: &str, again: &str) -> impl Iterator<Item = Bytes> {
    let many = (MAX_PIECE / again.len()).max(1);
    let piece = Bytes::from(again.repeat(many));
    std::iter::once(Bytes::from(begin.to_owned())).chain(std::iter::repeat_n(piece, PIECES))
}

fn refused(bounds: Bounds, begin: &str, again: &str, what: &str) -> usize {
    let (found, taken) = Shelf::new().read(bounds, stream(begin, again));
    let problem = found.err().unwrap_or_else(|| panic!("{what}: taken"));
    assert!(problem.message.contains(what), "{what}: {problem:?}");
    taken
}

#[test]
fn one_thing_without_an_end_is_refused_after_a_mebibyte() {
    let document = Document::new(&[1]);
    let (head, first) = (document.head(), &document.hosts[0]);
    let in_first = first.split_once("\"resources\":[").expect("resources").0;
    let begins = [
        ("", " "),
        ("", "\n"),
        ("{", "\t"),
        ("{\"", "a"),
        ("{\"format\":\"", "a"),
        ("{\"format\":\"", "\\u0061"),
        ("{\"format\":\"tamer-snapshot\",\"version\":", " "),
        (&head, " "),
        (&format!("{head}{{"), " "),
        (&format!("{head}{{\"id\":\""), "h"),
        (&format!("{head}{in_first}\"resources\":["), " "),
        (&format!("{head}{in_first}\"resources\":[{{\"key\":\""), "p"),
        (&format!("{head}{in_first}\"resources\":[{{\"properties\":{{\"a\":["), "1,"),
        (&format!("{head}{in_first}\"resources\":[{{\"properties\":{{\"a\":["), "{},"),
        (&format!("{head}{in_first}\"resources\":[{{\"depends_on\":["), "\"file/host/a\","),
        (&format!("{head}{first}],\"end\":{{\"hosts\":1,\"resources\":1}}}}"), " "),
    ];
    for (begin, again) in begins {
        let taken = refused(Bounds::USUAL, begin, again, "is longer than 1048576 bytes");
        // A mebibyte, those that wait, the one that is being read and the beginning.
        let most = (1 << 20) / MAX_PIECE + AHEAD + 3;
        assert!(taken <= most, "{taken} pieces of {again:?} after {begin:.40?}");
    }
}

#[test]
fn numbers_and_depths_without_an_end_are_refused() {
    let begin = "{\"format\":\"tamer-snapshot\",\"version\":";
    for (again, what) in [("9", "is longer"), ("[", "invalid type"), ("{\"a\":", "invalid type")] {
        let taken = refused(Bounds::USUAL, begin, again, what);
        assert!(taken <= (1 << 20) / MAX_PIECE + AHEAD + 3, "{taken} pieces");
    }
}

/// Bounds that a test reaches soon.
const SMALL: Bounds = Bounds {
    file: 8 << 20,
    stretch: 64 << 10,
    hosts: 500,
    sources: 1 << 20,
    resources: 2_000,
    host: 256 << 10,
};

#[test]
fn more_than_the_bounds_is_refused_when_it_comes() {
    let empty = tree::build(Vec::<Resource>::new()).expect("a tree").root;
    let head = Document::new(&[]).head();
    // A host without an end of its own: which resource is there twice is found at the end of it.
    let begin = host(host_id(1), &state(empty, "", 0), &[]);
    let begin = format!("{head}{}", begin.strip_suffix("]}").expect("its end"));
    let small = "{\"key\":\"file/host/a\",\"name\":\"a\"},";
    refused(SMALL, &begin, small, "more than 2000 resources on one host");
    let large = format!("{{\"key\":\"file/host/a\",\"name\":\"{}\"}},", "a".repeat(30_000));
    refused(SMALL, &begin, &large, "more than 262144 bytes of resources on one host");
    let bounds = Bounds { resources: usize::MAX, host: usize::MAX, ..SMALL };
    refused(bounds, &begin, small, "the file is longer than 8388608 bytes");
    let problem = refused(SMALL, &begin, &format!("{small}{small} 7,"), "invalid type");
    assert!(problem < 10);
}

/// A file of hosts without resources.
fn hosts(many: usize, problem: &str, sources: usize) -> (Vec<Bytes>, usize) {
    let empty = tree::build(Vec::<Resource>::new()).expect("a tree").root;
    let state = state(empty, problem, sources);
    let states: BTreeMap<_, _> = (0..many).map(|at| (host_id(at), state.clone())).collect();
    let fits = sources <= 256 && problem.len() <= 1024;
    let mut snapshot = record(&BTreeMap::new());
    if fits {
        snapshot = record(&states);
    }
    let snapshot = serde_json::to_string(&snapshot).expect("JSON");
    let texts: Vec<_> = states.iter().map(|(id, state)| host(*id, state, &[])).collect();
    let document = Document { snapshot, hosts: texts, resources: 0, states };
    let text = document.text();
    (text.as_bytes().chunks(MAX_PIECE).map(Bytes::copy_from_slice).collect(), text.len())
}

#[test]
fn hosts_are_as_many_as_they_may_be() {
    let shelf = Shelf::new();
    // Longer than a stretch in all, and without a resource that ends.
    let (pieces, bytes) = hosts(SMALL.hosts, "", 1);
    assert!(bytes > 2 * SMALL.stretch, "{bytes}");
    let (found, _) = shelf.read(SMALL, pieces);
    let found = found.unwrap_or_else(|problem| panic!("{problem:?}"));
    assert_eq!(found.taken.hosts.len(), SMALL.hosts);
    let refused = |(pieces, _): (Vec<Bytes>, usize), what: &str| {
        let problem = shelf.read(SMALL, pieces).0.err().unwrap_or_else(|| panic!("{what}: taken"));
        assert!(problem.message.contains(what), "{what}: {problem:?}");
    };
    refused(hosts(SMALL.hosts + 1, "", 1), "more than 500 hosts");
    refused(hosts(100, &"x".repeat(1_000), 20), "of the sources of its hosts");
    refused(hosts(1, "", 257), "tells of 257 sources");
    refused(hosts(1, &"x".repeat(1_025), 1), "is too long");
    // A root that is none of its hosts.
    let other = Document { states: BTreeMap::new(), ..Document::new(&[0]) };
    let text = other.text();
    let root = record(&BTreeMap::from([(host_id(0), state(tree_of_nothing(), "", 2))])).root;
    let text = text.replacen(&root.to_string(), &Digest::from_bytes([5; 32]).to_string(), 1);
    let problem = shelf.whole(text.as_bytes()).err().expect("refused");
    assert_eq!(problem.field.as_deref(), Some("snapshot.root"), "{OURS}: {problem:?}");
}

fn tree_of_nothing() -> Digest {
    tree::build(Vec::<Resource>::new()).expect("a tree").root
}
