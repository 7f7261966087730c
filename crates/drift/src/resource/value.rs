//! The values of a resource's properties, and how JSON says them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use data_encoding::HEXLOWER;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A property's value. The variant says how it is compared: a list in order, a set without order,
/// a map by key, everything else as one piece. Units are canonical: bytes, milliseconds,
/// milliseconds since the Unix epoch.
///
/// In JSON a set is `{"$set": […]}`, a hidden value `{"$hidden": "<32 hex digits>"}`, and a map
/// with a key that begins with `$` is `{"$map": {…}}`; all else is what it looks like.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A number: a count, bytes, milliseconds, or milliseconds since the Unix epoch.
    Int(i64),
    /// A text.
    Text(String),
    /// The keyed hash of a secret. The secret itself never leaves its host.
    Hidden([u8; 16]),
    /// Values whose order matters.
    List(Vec<Value>),
    /// Values without order, each once.
    Set(BTreeSet<Value>),
    /// Values by key.
    Map(BTreeMap<String, Value>),
}

const SET: &str = "$set";
const HIDDEN: &str = "$hidden";
const MAP: &str = "$map";

impl Value {
    /// How many lists, sets and maps lie in each other here; zero for a plain value.
    pub fn depth(&self) -> usize {
        match self {
            Self::Bool(_) | Self::Int(_) | Self::Text(_) | Self::Hidden(_) => 0,
            Self::List(values) => 1 + values.iter().map(Self::depth).max().unwrap_or(0),
            Self::Set(values) => 1 + values.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(values) => 1 + values.values().map(Self::depth).max().unwrap_or(0),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

/// As people read it; for anything that is read back there is JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Hidden(hash) => write!(f, "hidden:{}", HEXLOWER.encode(&hash[..4])),
            Self::List(values) => enclosed(f, '[', values.iter(), ']'),
            Self::Set(values) => enclosed(f, '{', values.iter(), '}'),
            Self::Map(values) => {
                let pairs = values.iter().map(|(key, value)| format!("{key}: {value}"));
                enclosed(f, '{', pairs, '}')
            }
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn enclosed(
    f: &mut fmt::Formatter<'_>,
    open: char,
    items: impl Iterator<Item = impl fmt::Display>,
    close: char,
) -> fmt::Result {
    write!(f, "{open}")?;
    for (at, item) in items.enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    write!(f, "{close}")
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(yes) => to.serialize_bool(*yes),
            Self::Int(number) => to.serialize_i64(*number),
            Self::Text(text) => to.serialize_str(text),
            Self::Hidden(hash) => tagged(to, HIDDEN, &HEXLOWER.encode(hash)),
            Self::List(values) => values.serialize(to),
            Self::Set(values) => tagged(to, SET, values),
            Self::Map(values) if values.keys().any(|key| key.starts_with('$')) => {
                tagged(to, MAP, values)
            }
            Self::Map(values) => values.serialize(to),
        }
    }
}

fn tagged<S: Serializer>(to: S, tag: &str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(1))?;
    map.serialize_entry(tag, value)?;
    map.end()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, a whole number, a text, a list or a map")
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number)
            .map(Value::Int)
            .map_err(|_| E::custom(format!("{number} is more than {}", i64::MAX)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = from.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut values = BTreeMap::new();
        while let Some(key) = from.next_key::<String>()? {
            let value = match key.as_str() {
                SET => Value::Set(members(from.next_value()?)?),
                HIDDEN => Value::Hidden(hash(&from.next_value::<String>()?)?),
                MAP => Value::Map(unique(from.next_value::<Entries>()?)?),
                name if name.starts_with('$') => {
                    let message = format!("{name:?} is none of {SET}, {HIDDEN}, {MAP}");
                    return Err(de::Error::custom(message));
                }
                _plain => {
                    let value = from.next_value()?;
                    put(&mut values, key, value)?;
                    continue;
                }
            };
            return alone(&values, &mut from, value);
        }
        Ok(Value::Map(values))
    }
}

/// A marked value is the only one in its map.
fn alone<'de, A: MapAccess<'de>>(
    before: &BTreeMap<String, Value>,
    from: &mut A,
    value: Value,
) -> Result<Value, A::Error> {
    if before.is_empty() && from.next_key::<String>()?.is_none() {
        return Ok(value);
    }
    Err(de::Error::custom(format!("{SET}, {HIDDEN} and {MAP} stand alone in their map")))
}

fn put<E: de::Error>(
    map: &mut BTreeMap<String, Value>,
    key: String,
    value: Value,
) -> Result<(), E> {
    if map.contains_key(&key) {
        return Err(E::custom(format!("the key {key:?} is there twice")));
    }
    map.insert(key, value);
    Ok(())
}

fn members<E: de::Error>(values: Vec<Value>) -> Result<BTreeSet<Value>, E> {
    let told = values.len();
    let set: BTreeSet<Value> = values.into_iter().collect();
    if set.len() == told { Ok(set) } else { Err(E::custom("a set's member is there twice")) }
}

fn hash<E: de::Error>(text: &str) -> Result<[u8; 16], E> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| E::custom(format!("{HIDDEN} is 32 hex digits in lower case")))
}

/// A map as it was told, so that a key that is there twice is seen.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Told;
        impl<'de> Visitor<'de> for Told {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = from.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_map(Told)
    }
}

fn unique<E: de::Error>(entries: Entries) -> Result<BTreeMap<String, Value>, E> {
    let mut map = BTreeMap::new();
    for (key, value) in entries.0 {
        put(&mut map, key, value)?;
    }
    Ok(map)
}
