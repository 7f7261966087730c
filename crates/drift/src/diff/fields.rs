//! What differs between two states of one resource.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tamer_model::Timestamp;

use super::path::{Part, Path, Root};
use crate::canonical::{Writer, write_value};
use crate::digest::{Digest, Domain};
use crate::resource::{Resource, ResourceKey, Value};

/// One field that differs. A set's member and a map's key come and go: then one side is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Which field.
    pub path: Path,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl FieldChange {
    /// The way back.
    pub fn undone(&self) -> Self {
        let Self { path, before, after } = self.clone();
        Self { path, before: after, after: before }
    }
}

/// The fields that differ, in the order of their paths' parts: properties first. Maps are compared
/// by key, sets by member, lists of one length by place; everything else, and lists whose length
/// changed, as one piece.
pub fn fields(before: &Resource, after: &Resource) -> Vec<FieldChange> {
    let mut found = Found::default();
    found.maps(&mut at(Root::Properties), &before.properties, &after.properties);
    found.atoms(Root::Name, Some(before.name.as_str()), Some(after.name.as_str()));
    found.tags(&before.tags, &after.tags);
    found.atoms(Root::Created, before.created.map(number), after.created.map(number));
    found.atoms(Root::Updated, before.updated.map(number), after.updated.map(number));
    found.depends(&before.depends_on, &after.depends_on);
    found.atoms(Root::Parent, before.parent.as_ref().map(text), after.parent.as_ref().map(text));
    found.0
}

/// How a set's member is named in a path.
pub(super) fn member(value: &Value) -> Part {
    Part::Member(match value {
        Value::Text(text) => text.clone(),
        Value::Bool(_) | Value::Int(_) => value.to_string(),
        Value::Hidden(_) | Value::List(_) | Value::Set(_) | Value::Map(_) => {
            let mut to = Writer::new();
            write_value(&mut to, value);
            let digest = Digest::of(Domain::RESOURCE, &to.into_bytes()).to_string();
            digest[..16].to_owned()
        }
    })
}

pub(super) fn number(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn text(key: &ResourceKey) -> String {
    key.to_string()
}

fn at(root: Root) -> Path {
    Path { root, parts: Vec::new() }
}

#[derive(Default)]
struct Found(Vec<FieldChange>);

impl Found {
    fn put(&mut self, path: &Path, before: Option<Value>, after: Option<Value>) {
        self.0.push(FieldChange { path: path.clone(), before, after });
    }

    fn atoms<T: Into<Value> + PartialEq>(
        &mut self,
        root: Root,
        before: Option<T>,
        after: Option<T>,
    ) {
        if before != after {
            self.put(&at(root), before.map(Into::into), after.map(Into::into));
        }
    }

    fn tags(&mut self, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
        for (key, before, after) in by_key(before, after).filter(|(_, a, b)| a != b) {
            let path = Path { root: Root::Tags, parts: vec![Part::Key(key.clone())] };
            self.put(&path, before.cloned().map(Value::Text), after.cloned().map(Value::Text));
        }
    }

    fn depends(&mut self, before: &BTreeSet<ResourceKey>, after: &BTreeSet<ResourceKey>) {
        let as_values =
            |keys: &BTreeSet<ResourceKey>| keys.iter().map(text).map(Value::Text).collect();
        self.sets(&mut at(Root::DependsOn), &as_values(before), &as_values(after));
    }

    fn maps(
        &mut self,
        path: &mut Path,
        before: &BTreeMap<String, Value>,
        after: &BTreeMap<String, Value>,
    ) {
        for (key, before, after) in by_key(before, after).filter(|(_, a, b)| a != b) {
            path.parts.push(Part::Key(key.clone()));
            match (before, after) {
                (Some(before), Some(after)) => self.values(path, before, after),
                (before, after) => self.put(path, before.cloned(), after.cloned()),
            }
            path.parts.pop();
        }
    }

    fn sets(&mut self, path: &mut Path, before: &BTreeSet<Value>, after: &BTreeSet<Value>) {
        for value in before.symmetric_difference(after) {
            path.parts.push(member(value));
            let (old, new) = (before.get(value).cloned(), after.get(value).cloned());
            self.put(path, old, new);
            path.parts.pop();
        }
    }

    fn lists(&mut self, path: &mut Path, before: &[Value], after: &[Value]) {
        for (index, (before, after)) in (0u32..).zip(before.iter().zip(after)) {
            if before != after {
                path.parts.push(Part::Index(index));
                self.values(path, before, after);
                path.parts.pop();
            }
        }
    }

    /// Two values that differ.
    fn values(&mut self, path: &mut Path, before: &Value, after: &Value) {
        match (before, after) {
            (Value::Map(before), Value::Map(after)) => self.maps(path, before, after),
            (Value::Set(before), Value::Set(after)) => self.sets(path, before, after),
            (Value::List(before), Value::List(after)) if before.len() == after.len() => {
                self.lists(path, before, after);
            }
            (before, after) => self.put(path, Some(before.clone()), Some(after.clone())),
        }
    }
}

/// The keys of two maps in order, each with what it has in either.
fn by_key<'a, T>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a String, Option<&'a T>, Option<&'a T>)> {
    let mut before = before.iter().peekable();
    let mut after = after.iter().peekable();
    std::iter::from_fn(move || {
        let key = match (before.peek(), after.peek()) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((key, _)), None) | (None, Some((key, _))) => *key,
            (None, None) => return None,
        };
        let old = before.next_if(|(at, _)| *at == key).map(|(_, value)| value);
        let new = after.next_if(|(at, _)| *at == key).map(|(_, value)| value);
        Some((key, old, new))
    })
}
