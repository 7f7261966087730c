//! A resource laid flat, as rules look at it.

use crate::diff::{Part, Path, Root};
use crate::resource::{Resource, Value};

/// What is known of a resource, each value under the names of all keys that lead to it, joined by
/// dots: `labels.com.example.app`, whether its source nests labels or not. Its id is `@id`, its
/// name `@name`, a tag `@tags.env`. A list and a set are one value.
#[derive(Debug)]
pub(super) struct Facts<'a>(Vec<(String, Fact<'a>)>);

#[derive(Debug)]
enum Fact<'a> {
    Text(&'a str),
    Value(&'a Value),
}

impl<'a> Facts<'a> {
    pub(super) fn of(resource: &'a Resource) -> Self {
        let mut facts = vec![
            ("@id".to_owned(), Fact::Text(resource.key.id())),
            ("@name".to_owned(), Fact::Text(&resource.name)),
        ];
        for (key, value) in &resource.tags {
            facts.push((format!("@tags.{key}"), Fact::Text(value)));
        }
        for (key, value) in &resource.properties {
            lay(&mut facts, key, value);
        }
        facts.sort_by(|a, b| a.0.cmp(&b.0));
        Self(facts)
    }

    /// Whether a value of this name passes; `None` where there is none, or where it is a secret.
    pub(super) fn any(&self, name: &str, pass: impl Fn(&str) -> bool) -> Option<bool> {
        let at = self.0.binary_search_by(|(one, _)| one.as_str().cmp(name)).ok()?;
        match &self.0[at].1 {
            Fact::Text(text) => Some(pass(text)),
            Fact::Value(value) => any(value, &pass),
        }
    }

    /// The number of this name; a text that is a number counts as one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        let at = self.0.binary_search_by(|(one, _)| one.as_str().cmp(name)).ok()?;
        match &self.0[at].1 {
            Fact::Value(Value::Int(number)) => Some(*number),
            Fact::Text(text) => text.parse().ok(),
            Fact::Value(Value::Text(text)) => text.parse().ok(),
            Fact::Value(_) => None,
        }
    }

    /// Every name there is.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

fn lay<'a>(facts: &mut Vec<(String, Fact<'a>)>, name: &str, value: &'a Value) {
    match value {
        Value::Map(map) => {
            for (key, value) in map {
                lay(facts, &format!("{name}.{key}"), value);
            }
        }
        Value::Bool(_)
        | Value::Int(_)
        | Value::Text(_)
        | Value::Hidden(_)
        | Value::List(_)
        | Value::Set(_) => facts.push((name.to_owned(), Fact::Value(value))),
    }
}

/// Of a list or set one that passes is enough. A secret is neither this nor that.
fn any(value: &Value, pass: &impl Fn(&str) -> bool) -> Option<bool> {
    match value {
        Value::Bool(yes) => Some(pass(if *yes { "true" } else { "false" })),
        Value::Int(number) => Some(pass(&number.to_string())),
        Value::Text(text) => Some(pass(text)),
        Value::Hidden(_) => None,
        Value::List(list) => Some(list.iter().any(|one| any(one, pass) == Some(true))),
        Value::Set(set) => Some(set.iter().any(|one| any(one, pass) == Some(true))),
        Value::Map(map) => Some(map.values().any(|one| any(one, pass) == Some(true))),
    }
}

/// A path as [`Facts`] spells it: keys joined by dots, without a list's places and a set's members.
pub(super) fn spelled(path: &Path) -> String {
    let root = match path.root {
        Root::Properties => "",
        Root::Name => "@name",
        Root::Tags => "@tags",
        Root::Created => "@created",
        Root::Updated => "@updated",
        Root::DependsOn => "@depends_on",
        Root::Parent => "@parent",
    };
    let mut text = root.to_owned();
    for part in &path.parts {
        match part {
            Part::Key(key) => {
                let dot = if text.is_empty() { "" } else { "." };
                text.push_str(dot);
                text.push_str(key);
            }
            Part::Index(_) | Part::Member(_) => break,
        }
    }
    text
}
