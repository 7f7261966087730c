//! The values of a resource's properties.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use data_encoding::HEXLOWER;

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
