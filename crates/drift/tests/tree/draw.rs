//! Resources and hosts, drawn.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use tamer_drift::tree::{Memory, build};
use tamer_drift::{Digest, Kind, Resource, ResourceKey, Source, Value};
use tamer_model::Timestamp;

/// A package of the host by a number. Its key and its content follow from the arguments.
pub fn package(number: u32, version: u32) -> Resource {
    let id = format!("package-{number}");
    let key = ResourceKey::new(Source::host(), Kind::Package, &*id).expect("a key");
    Resource::new(key, id).with("version", format!("1.{version}")).with("size", 4096_i64)
}

/// What a host has: versions of packages by number.
pub type Content = BTreeMap<u32, u32>;

pub fn resources(content: &Content) -> Vec<Resource> {
    content.iter().map(|(number, version)| package(*number, *version)).collect()
}

/// The tree of a content, in a memory.
pub fn tree(content: &Content) -> (Digest, Memory) {
    let mut memory = Memory::new();
    let root = grow(content, &mut memory);
    (root, memory)
}

/// The same, in a memory that has more.
pub fn grow(content: &Content, memory: &mut Memory) -> Digest {
    let built = build(resources(content)).expect("no key is there twice");
    memory.extend(built.nodes);
    built.root
}

/// Some hundred resources: a tree of two or three levels.
pub fn content() -> impl Strategy<Value = Content> {
    btree_map(0u32..1500, 0u32..3, 0..700)
}

/// A content and another that differs in some places, or has lost all on one side of a key.
pub fn contents() -> impl Strategy<Value = (Content, Content)> {
    let changes = vec((0u32..1500, proptest::option::of(0u32..3)), 0..40);
    let lost = proptest::option::weighted(0.3, (0u32..1500, any::<bool>()));
    (content(), changes, lost).prop_map(|(before, changes, lost)| {
        let mut after = before.clone();
        for (number, version) in changes {
            match version {
                Some(version) => after.insert(number, version),
                None => after.remove(&number),
            };
        }
        if let Some((number, lower)) = lost {
            // Trees have the order of texts.
            let at = number.to_string();
            after.retain(|number, _| (number.to_string() < at) == lower);
        }
        (before, after)
    })
}

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{0,6}",
        1 => "[\\PC\u{0}]{0,6}",
        1 => Just("$set".to_owned()),
        1 => Just("a.b]c}\\d#1".to_owned()),
    ]
}

/// Values down to four deep.
pub fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![-3i64..3, any::<i64>()].prop_map(Value::Int),
        text().prop_map(Value::Text),
        any::<[u8; 16]>().prop_map(Value::Hidden),
    ];
    plain.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::List),
            btree_set(inner.clone(), 0..5).prop_map(Value::Set),
            btree_map(text(), inner, 0..5).prop_map(Value::Map),
        ]
    })
}

pub fn key() -> impl Strategy<Value = ResourceKey> {
    let source = prop_oneof![Just("host"), Just("docker"), Just("h0-st")];
    let id = prop_oneof!["[a-z/:]{1,9}", Just("i".repeat(512)), "[\\PC\u{0}\n]{1,4}"];
    (0..Kind::ALL.len(), source, id).prop_map(|(kind, source, id)| {
        let source = source.parse().expect("a source");
        ResourceKey::new(source, Kind::ALL[kind], id).expect("a key")
    })
}

pub fn time() -> impl Strategy<Value = Option<Timestamp>> {
    let millis = prop_oneof![0u64..5, Just(i64::MAX as u64)];
    proptest::option::of(millis.prop_map(Timestamp::from_millis))
}

pub fn resource() -> impl Strategy<Value = Resource> {
    (key(), state()).prop_map(|(key, state)| Resource { key, ..state })
}

/// Two states of one resource, often alike in much.
pub fn two_states() -> impl Strategy<Value = (Resource, Resource)> {
    (state(), state(), any::<[bool; 7]>()).prop_map(|(before, drawn, keep)| {
        let mut after = before.clone();
        let [name, properties, tags, created, updated, depends_on, parent] = keep;
        if name {
            after.name = drawn.name
        }
        if properties {
            after.properties = mixed(&before.properties, drawn.properties)
        }
        if tags {
            after.tags = drawn.tags
        }
        if created {
            after.created = drawn.created
        }
        if updated {
            after.updated = drawn.updated
        }
        if depends_on {
            after.depends_on = drawn.depends_on
        }
        if parent {
            after.parent = drawn.parent
        }
        (before, after)
    })
}

/// Maps and sets that share members, so that what is compared within them is tried.
fn mixed(
    before: &BTreeMap<String, Value>,
    drawn: BTreeMap<String, Value>,
) -> BTreeMap<String, Value> {
    let mix = |key: &String, new: Value| match (before.get(key), new) {
        (Some(Value::Map(old)), Value::Map(new)) => Value::Map(mixed(old, new)),
        (Some(Value::Set(old)), Value::Set(new)) => {
            Value::Set(old.iter().take(2).cloned().chain(new).collect())
        }
        (Some(Value::List(old)), Value::List(new)) => {
            let rest = old.iter().skip(new.len()).cloned();
            Value::List(new.into_iter().chain(rest).collect())
        }
        (_, new) => new,
    };
    drawn.into_iter().map(|(key, new)| (key.clone(), mix(&key, new))).collect()
}

/// A resource of one key, whatever it is.
fn state() -> impl Strategy<Value = Resource> {
    let key = ResourceKey::new(Source::host(), Kind::System, "os").expect("a key");
    let names = prop_oneof![Just("a".to_owned()), Just("b".to_owned()), text()];
    let properties = btree_map(names.clone(), value(), 0..5);
    let tags = btree_map(names.clone(), text(), 0..3);
    let depends = btree_set(self::key(), 0..3);
    let parent = proptest::option::of(self::key());
    (names, properties, tags, time(), time(), depends, parent).prop_map(
        move |(name, properties, tags, created, updated, depends_on, parent)| Resource {
            key: key.clone(),
            name,
            properties,
            tags,
            created,
            updated,
            depends_on: BTreeSet::from_iter(depends_on),
            parent,
        },
    )
}
