//! Bytes and texts that somebody makes wrong by chance or on purpose, many of them: whatever comes,
//! it is refused and says where, or is what the writer would write. `TAMER_SOAK` makes it a campaign.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::{Index, select};
use tamer_drift::delta::{self, Delta, apply_delta};
use tamer_drift::diff::Path;
use tamer_drift::tree::{
    Entry, MAX_ENTRIES, MAX_NODE_BYTES, Memory, TreeError, check, count, get, iter, missing, verify,
};
use tamer_drift::{Digest, Domain, Kind, Resource, ResourceKey, Source, Value, canonical};

use crate::bytes::{Harm, deltas, harm, harmed};
use crate::cases::cases;
use crate::draw::{content, grow, package, resource, tree, value};
use crate::hostile::{child, entry, key, node_bytes};

/// What a resource that was read holds: its values, and the bytes of its texts.
fn weight(resource: &Resource) -> usize {
    let Resource { key, name, properties, tags, created, updated, depends_on, parent } = resource;
    let keys = depends_on.iter().chain(parent).chain([key]).map(|key| 1 + key.id().len());
    let tags = tags.iter().map(|(key, tag)| 2 + key.len() + tag.len());
    let times = usize::from(created.is_some()) + usize::from(updated.is_some());
    let values = properties.iter().map(|(key, value)| 1 + key.len() + of(value));
    name.len() + keys.sum::<usize>() + tags.sum::<usize>() + values.sum::<usize>() + times
}

fn of(value: &Value) -> usize {
    1 + match value {
        Value::Bool(_) | Value::Int(_) => 0,
        Value::Hidden(hash) => hash.len(),
        Value::Text(text) => text.len(),
        Value::List(all) => all.iter().map(of).sum(),
        Value::Set(all) => all.iter().map(of).sum(),
        Value::Map(all) => all.iter().map(|(key, one)| 1 + key.len() + of(one)).sum(),
    }
}

/// An encoding with pieces of another one in it.
fn spliced() -> impl Strategy<Value = Vec<u8>> {
    let cuts = any::<[Index; 4]>();
    (resource(), resource(), cuts, vec(harm(), 0..2)).prop_map(|(one, other, cuts, harms)| {
        let (mut into, from) = (canonical::encode(&one), canonical::encode(&other));
        let [a, b, c, d] = cuts;
        let (a, b) = (a.index(into.len()), b.index(into.len()));
        let (c, d) = (c.index(from.len()), d.index(from.len()));
        into.splice(a.min(b)..a.max(b), from[c.min(d)..c.max(d)].iter().copied());
        harmed(into, &harms)
    })
}

/// Entries as another writer might put them into a node, and what becomes of the bytes.
fn nodes() -> impl Strategy<Value = Vec<u8>> {
    let number = || prop_oneof![0u32..6, any::<u32>()];
    let body = resource().prop_map(|one| one.body().expect("within bounds"));
    let one = prop_oneof![
        4 => number().prop_map(entry),
        2 => (number(), body).prop_map(|(at, body)| (key(at), body)),
        2 => (number(), any::<[u8; 32]>(), 0u64..3)
            .prop_map(|(at, digest, many)| child(at, Digest::from_bytes(digest), many)),
        1 => (vec(any::<u8>(), 0..8), vec(any::<u8>(), 0..8)),
    ];
    let level = prop_oneof![4 => 0u8..1, 2 => 0u8..3, 1 => any::<u8>()];
    (level, vec(one, 0..6), any::<bool>(), vec(harm(), 0..3)).prop_map(
        |(level, mut entries, sorted, harms)| {
            if sorted {
                entries.sort();
                entries.dedup_by(|a, b| a.0 == b.0);
            }
            harmed(node_bytes(level, &entries), &harms)
        },
    )
}

/// The digests that an inner node names, in a memory that has nothing but it.
fn children(root: &Digest, memory: &Memory) -> Result<Vec<Digest>, TreeError> {
    missing::<Resource>(root, memory, usize::MAX)
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn spliced_resources_are_refused_or_are_others(bytes in spliced()) {
        match canonical::decode(&bytes) {
            Ok(resource) => {
                prop_assert!(weight(&resource) <= bytes.len(), "no more than was told");
                prop_assert!(resource.check().is_ok());
                prop_assert_eq!(canonical::encode(&resource), bytes);
            }
            Err(error) => prop_assert!(error.at <= bytes.len() && !error.what.is_empty()),
        }
    }

    /// The same content in a node: what is accepted is what a second writer writes of it.
    #[test]
    fn nodes_are_refused_or_hold_what_they_say(bytes in nodes()) {
        let digest = Digest::of(Domain::HOST, &bytes);
        let mut memory = Memory::new();
        memory.put(digest, bytes.clone().into());
        let told = check::<Resource>(&digest, &bytes.clone().into());
        if let Err(TreeError::Malformed { digest: named, at, what }) = &told {
            prop_assert!(*named == digest && *at <= bytes.len() && !what.is_empty());
        }
        // Ways to read it come to an end, and agree on whether it is one.
        let whole = verify::<Resource>(&digest, &memory);
        let read: Result<Vec<Resource>, _> =
            iter(&digest, &memory).and_then(|all| all.collect());
        let found = get::<Resource>(&digest, &package(1, 0).key, &memory);
        match told {
            Err(error) => {
                prop_assert!(!matches!(error, TreeError::Missing(_) | TreeError::Damaged(_)));
                prop_assert!(whole.is_err() && read.is_err());
            }
            Ok(()) if bytes[1] == 0 => {
                let read = read.expect("a leaf of entries");
                prop_assert!(read.len() <= MAX_ENTRIES && bytes.len() <= MAX_NODE_BYTES);
                let has = read.iter().find(|one| one.key == package(1, 0).key);
                prop_assert_eq!(found.as_ref().map(Option::as_ref), Ok(has));
                prop_assert_eq!(count::<Resource>(&digest, &memory), Ok(read.len() as u64));
                let entry = |one: &Resource| {
                    (Resource::key_bytes(&one.key), one.body().expect("within bounds"))
                };
                let again: Vec<_> = read.iter().map(entry).collect();
                prop_assert_eq!(node_bytes(0, &again), bytes);
            }
            Ok(()) => {
                let wanted = children(&digest, &memory);
                prop_assert!(wanted.is_err() || wanted.is_ok_and(|all| all.len() <= MAX_ENTRIES));
                prop_assert!(whole.is_err() && read.is_err(), "its children are not here");
            }
        }
    }

    #[test]
    fn any_text_is_a_name_or_says_why_not(text in texts()) {
        if let Ok(path) = text.parse::<Path>() {
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
        match text.parse::<ResourceKey>() {
            Ok(key) => prop_assert_eq!(key.to_string(), text.as_str()),
            Err(problem) => prop_assert!(!problem.message.is_empty()),
        }
        if let Ok(source) = text.parse::<Source>() {
            prop_assert!(source.as_str() == text && text.len() <= Source::MAX_BYTES);
        }
        if let Ok(digest) = text.parse::<Digest>() {
            prop_assert_eq!(digest.to_string(), text.as_str());
        }
        if let Ok(kind) = text.parse::<Kind>() {
            prop_assert_eq!(kind.as_str(), text.as_str());
        }
    }

    /// JSON that was changed on its way is refused, or says something else that reads back.
    #[test]
    fn harmed_json_is_refused_or_says_something_else(
        value in value(), resource in resource(), harms in vec(harm(), 1..4),
    ) {
        let text = serde_json::to_vec(&value).expect("JSON");
        if let Ok(read) = serde_json::from_slice::<Value>(&harmed(text, &harms)) {
            let again = serde_json::to_string(&read).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Value>(&again).expect("it reads back"), read);
        }
        let text = serde_json::to_vec(&resource).expect("JSON");
        if let Ok(read) = serde_json::from_slice::<Resource>(&harmed(text, &harms))
            && read.check().is_ok()
        {
            prop_assert_eq!(canonical::decode(&canonical::encode(&read)), Ok(read));
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// A delta that was changed on its way fits nothing, or makes the tree that it names.
    #[test]
    fn harmed_deltas_make_what_they_say_or_nothing(
        before in content(), delta in deltas(), harms in vec(harm(), 1..4), first: bool,
    ) {
        let (root, memory) = tree(&before);
        let bytes = delta::encode(&delta);
        let honest = |harm: &Harm| !matches!(harm, Harm::Cut(_));
        let harms: Vec<_> = harms.into_iter().filter(honest).collect();
        let Ok(read) = delta::decode(&harmed(bytes, &harms)) else { return Ok(()) };
        let read = Delta { before: (!first).then_some(root), ..read };
        if let Ok(edited) = apply_delta(read.before.as_ref(), &read, &memory) {
            prop_assert_eq!(edited.root, read.after);
        }
        let back = read.undone();
        prop_assert_eq!(back.is_some(), read.before.is_some());
        prop_assert_eq!(back.and_then(|back| back.undone()), (!first).then_some(read));
    }

    /// A tree of which any nodes are exchanged by others of its own, under right names or wrong ones.
    #[test]
    fn trees_with_exchanged_nodes_are_refused(
        content in content(), picks in vec((any::<Index>(), any::<Index>()), 1..4),
    ) {
        let mut memory = Memory::new();
        let root = grow(&content, &mut memory);
        let honest = memory.clone();
        let names: Vec<Digest> = memory.iter().map(|(digest, _)| *digest).collect();
        for (one, other) in &picks {
            let (one, other) = (one.get(&names), other.get(&names));
            let bytes = memory.iter().find(|(name, _)| *name == other).map(|(_, bytes)| bytes.clone());
            memory.put(*one, bytes.expect("it is there"));
        }
        let same = memory.iter().all(|(name, bytes)| {
            honest.iter().any(|(digest, honest)| digest == name && honest == bytes)
        });
        prop_assert_eq!(verify::<Resource>(&root, &memory).is_ok(), same);
        let all: Result<Vec<Resource>, _> =
            iter(&root, &memory).and_then(|all| all.collect());
        prop_assert_eq!(all.is_ok(), same);
    }
}

/// What somebody might write where a name, a path or a digest belongs.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            "package",
            "host",
            "docker",
            "/",
            "@name",
            "@tags",
            "@",
            ".",
            "[",
            "]",
            "{",
            "}",
            "#",
            "#0",
            "#4294967296",
            "\\",
            "a",
            "A",
            "0",
            "-",
            " ",
            "\u{0}",
            "\n",
            "é",
            "\u{202e}",
            "*",
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}
