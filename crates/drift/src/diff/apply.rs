//! Changes of fields, carried out; and fields, looked up.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::Timestamp;

use super::fields::{FieldChange, member, number, text};
use super::path::{Part, Path, Root};
use crate::resource::{Resource, ResourceKey, Value};

/// A change that does not fit the resource: its field is not what the change says it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the change of {path} does not fit {key}: it is not what the change says it was")]
pub struct Misfit {
    /// Which resource.
    pub key: ResourceKey,
    /// Which field.
    pub path: Path,
}

/// The resource after the changes. Each must find its field as it says it was.
pub fn apply(resource: &Resource, changes: &[FieldChange]) -> Result<Resource, Misfit> {
    let mut resource = resource.clone();
    for change in changes {
        let misfit = || Misfit { key: resource.key.clone(), path: change.path.clone() };
        let misfit = misfit();
        one(&mut resource, change).ok_or(misfit)?;
    }
    Ok(resource)
}

impl Resource {
    /// What a field is; of a set's member the member, when it is there.
    pub fn at(&self, path: &Path) -> Option<Value> {
        match path.root {
            Root::Properties => {
                let (Part::Key(name), rest) = path.parts.split_first()? else { return None };
                look(self.properties.get(name)?, rest).cloned()
            }
            Root::Tags => match path.parts.as_slice() {
                [Part::Key(key)] => self.tags.get(key).cloned().map(Value::Text),
                _other => None,
            },
            Root::DependsOn => match path.parts.as_slice() {
                [Part::Member(key)] => {
                    self.depends_on.iter().map(text).find(|text| text == key).map(Value::Text)
                }
                _other => None,
            },
            Root::Name => Some(Value::Text(self.name.clone())),
            Root::Created => self.created.map(number).map(Value::Int),
            Root::Updated => self.updated.map(number).map(Value::Int),
            Root::Parent => self.parent.as_ref().map(text).map(Value::Text),
        }
    }
}

fn look<'a>(value: &'a Value, parts: &[Part]) -> Option<&'a Value> {
    let Some((part, rest)) = parts.split_first() else { return Some(value) };
    let inner = match (value, part) {
        (Value::Map(map), Part::Key(key)) => map.get(key),
        (Value::List(list), Part::Index(index)) => list.get(usize::try_from(*index).ok()?),
        (Value::Set(set), Part::Member(_)) => set.iter().find(|value| member(value) == *part),
        _unlike => None,
    };
    look(inner?, rest)
}

/// `None` where the change does not fit.
fn one(resource: &mut Resource, change: &FieldChange) -> Option<()> {
    let parts = change.path.parts.as_slice();
    match change.path.root {
        Root::Properties => in_map(&mut resource.properties, parts, change),
        Root::Name => fits(&Some(Value::Text(resource.name.clone())), change)
            .and_then(|()| as_text(change.after.as_ref()?))
            .map(|name| resource.name = name),
        Root::Tags => in_tags(&mut resource.tags, parts, change),
        Root::Created => in_time(&mut resource.created, change),
        Root::Updated => in_time(&mut resource.updated, change),
        Root::DependsOn => in_keys(&mut resource.depends_on, change),
        Root::Parent => {
            fits(&resource.parent.as_ref().map(text).map(Value::Text), change)?;
            let after = change.after.as_ref();
            resource.parent = after.map(as_key).map_or(Some(None), |key| key.map(Some))?;
            Some(())
        }
    }
}

fn fits(is: &Option<Value>, change: &FieldChange) -> Option<()> {
    (*is == change.before).then_some(())
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _other => None,
    }
}

fn as_key(value: &Value) -> Option<ResourceKey> {
    as_text(value)?.parse().ok()
}

fn in_map(map: &mut BTreeMap<String, Value>, parts: &[Part], change: &FieldChange) -> Option<()> {
    let (Part::Key(key), rest) = parts.split_first()? else { return None };
    if !rest.is_empty() {
        return in_value(map.get_mut(key)?, rest, change);
    }
    if map.get(key) != change.before.as_ref() {
        return None;
    }
    match &change.after {
        Some(after) => map.insert(key.clone(), after.clone()),
        None => map.remove(key),
    };
    Some(())
}

fn in_value(value: &mut Value, parts: &[Part], change: &FieldChange) -> Option<()> {
    let (part, rest) = parts.split_first()?;
    match (value, part) {
        (Value::Map(map), Part::Key(_)) => in_map(map, parts, change),
        (Value::Set(set), Part::Member(_)) if rest.is_empty() => in_set(set, change),
        (Value::List(list), Part::Index(index)) => {
            let value = list.get_mut(usize::try_from(*index).ok()?)?;
            if !rest.is_empty() {
                return in_value(value, rest, change);
            }
            (Some(&*value) == change.before.as_ref()).then_some(())?;
            *value = change.after.clone()?;
            Some(())
        }
        _unlike => None,
    }
}

fn in_set(set: &mut BTreeSet<Value>, change: &FieldChange) -> Option<()> {
    if let Some(before) = &change.before {
        set.remove(before).then_some(())?;
    }
    if let Some(after) = &change.after {
        set.insert(after.clone()).then_some(())?;
    }
    Some(())
}

fn in_tags(
    tags: &mut BTreeMap<String, String>,
    parts: &[Part],
    change: &FieldChange,
) -> Option<()> {
    let [Part::Key(key)] = parts else { return None };
    fits(&tags.get(key).cloned().map(Value::Text), change)?;
    match &change.after {
        Some(after) => tags.insert(key.clone(), as_text(after)?),
        None => tags.remove(key),
    };
    Some(())
}

fn in_time(time: &mut Option<Timestamp>, change: &FieldChange) -> Option<()> {
    fits(&time.map(number).map(Value::Int), change)?;
    *time = match &change.after {
        None => None,
        Some(Value::Int(millis)) => Some(Timestamp::from_millis(u64::try_from(*millis).ok()?)),
        Some(_other) => return None,
    };
    Some(())
}

fn in_keys(keys: &mut BTreeSet<ResourceKey>, change: &FieldChange) -> Option<()> {
    if let Some(before) = &change.before {
        keys.remove(&as_key(before)?).then_some(())?;
    }
    if let Some(after) = &change.after {
        keys.insert(as_key(after)?).then_some(())?;
    }
    Some(())
}
