//! Resources and values in canonical form.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::Timestamp;

use super::{Malformed, Reader, Writer};
use crate::resource::{Kind, MAX_DEPTH, Resource, ResourceKey, Source, Value};

/// A key as bytes that sort as keys do: the kind's number, the source, a zero, the id. A source
/// has no byte as low as a zero in it.
pub(crate) fn key_bytes(key: &ResourceKey) -> Vec<u8> {
    let source = key.source().as_str().as_bytes();
    let mut bytes = Vec::with_capacity(2 + source.len() + key.id().len());
    bytes.push(key.kind().number());
    bytes.extend_from_slice(source);
    bytes.push(0);
    bytes.extend_from_slice(key.id().as_bytes());
    bytes
}

/// The key of its bytes.
pub(crate) fn read_key(bytes: &[u8]) -> Result<ResourceKey, Malformed> {
    let refuse = |at, what| Malformed { at, what };
    let (kind, rest) = bytes.split_first().ok_or_else(|| refuse(0, "an empty key"))?;
    let kind = Kind::of_number(*kind).ok_or_else(|| refuse(0, "an unknown kind"))?;
    let zero = rest.iter().take(Source::MAX_BYTES + 1).position(|byte| *byte == 0);
    let zero = zero.ok_or_else(|| refuse(1, "a key without an id"))?;
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| refuse(1, "a key that is not UTF-8"));
    let source =
        text(&rest[..zero])?.parse().map_err(|_| refuse(1, "a source of no valid name"))?;
    ResourceKey::new(source, kind, text(&rest[zero + 1..])?)
        .map_err(|_| refuse(zero + 2, "an id of no valid length"))
}

/// All of a resource but its key.
pub(crate) fn write_body(to: &mut Writer, resource: &Resource) {
    to.text(&resource.name);
    write_map(to, &resource.properties, write_value);
    write_map(to, &resource.tags, |to, tag| to.text(tag));
    to.option(resource.created, |to, time| to.number(time.as_millis()));
    to.option(resource.updated, |to, time| to.number(time.as_millis()));
    to.count(resource.depends_on.len());
    for key in &resource.depends_on {
        to.bytes(&key_bytes(key));
    }
    to.option(resource.parent.as_ref(), |to, key| to.bytes(&key_bytes(key)));
}

/// The resource of a key and what [`write_body`] wrote.
pub(crate) fn read_body(from: &mut Reader<'_>, key: ResourceKey) -> Result<Resource, Malformed> {
    Ok(Resource {
        key,
        name: from.text()?.to_owned(),
        properties: read_map(from, |from| read_value(from, 0))?,
        tags: read_map(from, |from| Ok(from.text()?.to_owned()))?,
        created: from.option(read_time)?,
        updated: from.option(read_time)?,
        depends_on: read_keys(from)?,
        parent: from.option(|from| read_key(from.bytes()?))?,
    })
}

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const INT: u8 = 2;
const TEXT: u8 = 3;
const HIDDEN: u8 = 4;
const LIST: u8 = 5;
const SET: u8 = 6;
const MAP: u8 = 7;

pub(crate) fn write_value(to: &mut Writer, value: &Value) {
    match value {
        Value::Bool(yes) => to.byte(if *yes { TRUE } else { FALSE }),
        Value::Int(number) => {
            to.byte(INT);
            to.signed(*number);
        }
        Value::Text(text) => {
            to.byte(TEXT);
            to.text(text);
        }
        Value::Hidden(hash) => {
            to.byte(HIDDEN);
            to.raw(hash);
        }
        Value::List(values) => write_all(to, LIST, values.len(), values.iter()),
        Value::Set(values) => write_all(to, SET, values.len(), values.iter()),
        Value::Map(values) => {
            to.byte(MAP);
            write_map(to, values, write_value);
        }
    }
}

/// A value that lies in `depth` others.
pub(crate) fn read_value(from: &mut Reader<'_>, depth: usize) -> Result<Value, Malformed> {
    let sort = from.byte()?;
    if sort >= LIST && depth == MAX_DEPTH {
        return Err(from.refuse("values nested too deep"));
    }
    match sort {
        FALSE => Ok(Value::Bool(false)),
        TRUE => Ok(Value::Bool(true)),
        INT => from.signed().map(Value::Int),
        TEXT => Ok(Value::Text(from.text()?.to_owned())),
        HIDDEN => from.array().map(Value::Hidden),
        LIST => read_list(from, depth + 1).map(Value::List),
        SET => read_set(from, depth + 1).map(Value::Set),
        MAP => read_map(from, |from| read_value(from, depth + 1)).map(Value::Map),
        _unknown => Err(from.refuse("a value of an unknown sort")),
    }
}

fn write_all<'a>(to: &mut Writer, sort: u8, count: usize, values: impl Iterator<Item = &'a Value>) {
    to.byte(sort);
    to.count(count);
    values.for_each(|value| write_value(to, value));
}

fn write_map<T>(to: &mut Writer, map: &BTreeMap<String, T>, write: impl Fn(&mut Writer, &T)) {
    to.count(map.len());
    for (key, value) in map {
        to.text(key);
        write(to, value);
    }
}

fn read_list(from: &mut Reader<'_>, depth: usize) -> Result<Vec<Value>, Malformed> {
    // Grown as values come: a count alone allocates nothing.
    let mut values = Vec::new();
    for _ in 0..from.count()? {
        values.push(read_value(from, depth)?);
    }
    Ok(values)
}

fn read_set(from: &mut Reader<'_>, depth: usize) -> Result<BTreeSet<Value>, Malformed> {
    let mut values: Vec<Value> = Vec::new();
    for _ in 0..from.count()? {
        let value = read_value(from, depth)?;
        if values.last().is_some_and(|last| *last >= value) {
            return Err(from.refuse("a set out of order"));
        }
        values.push(value);
    }
    Ok(values.into_iter().collect())
}

fn read_map<T>(
    from: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<BTreeMap<String, T>, Malformed> {
    let mut entries: Vec<(String, T)> = Vec::new();
    for _ in 0..from.count()? {
        let key = from.text()?;
        if entries.last().is_some_and(|(last, _)| last.as_str() >= key) {
            return Err(from.refuse("a map out of order"));
        }
        let key = key.to_owned();
        entries.push((key, read(from)?));
    }
    Ok(entries.into_iter().collect())
}

fn read_keys(from: &mut Reader<'_>) -> Result<BTreeSet<ResourceKey>, Malformed> {
    let mut keys: Vec<ResourceKey> = Vec::new();
    for _ in 0..from.count()? {
        let key = read_key(from.bytes()?)?;
        if keys.last().is_some_and(|last| *last >= key) {
            return Err(from.refuse("keys out of order"));
        }
        keys.push(key);
    }
    Ok(keys.into_iter().collect())
}

fn read_time(from: &mut Reader<'_>) -> Result<Timestamp, Malformed> {
    let millis = from.number()?;
    if i64::try_from(millis).is_err() {
        return Err(from.refuse("a time that is none"));
    }
    Ok(Timestamp::from_millis(millis))
}
