//! How JSON says values, and any other format that describes itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use data_encoding::HEXLOWER;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Value;

const SET: &str = "$set";
const HIDDEN: &str = "$hidden";
const MAP: &str = "$map";

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
