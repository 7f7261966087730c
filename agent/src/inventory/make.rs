//! Resources as collectors make them.

use tamer_drift::{Kind, Resource, ResourceKey, Source, Value};
use tamer_model::Timestamp;

/// The longest text of a property, in bytes. What is longer is cut, and its digest added.
const LONGEST: usize = 4096;
/// The longest id, in bytes; of one that is longer the end is a digest.
const LONGEST_ID: usize = tamer_drift::MAX_ID_BYTES;

/// A resource in the making.
#[derive(Debug)]
pub struct Make(Resource);

/// A resource of the host itself, named as its id.
pub fn host(kind: Kind, id: &str) -> Make {
    of(Source::host(), kind, id)
}

/// A resource of this source.
pub fn of(source: Source, kind: Kind, id: &str) -> Make {
    Make(Resource::new(key(source, kind, id), short(id, LONGEST_ID)))
}

/// The name of a resource for ever. One without an id is called `?`, and there is one such.
pub fn key(source: Source, kind: Kind, id: &str) -> ResourceKey {
    let id = if id.is_empty() { "?".to_owned() } else { short(id, LONGEST_ID) };
    ResourceKey::new(source, kind, id).expect("it is neither empty nor too long")
}

/// A value of text, cut where it is too long.
pub fn text(text: impl AsRef<str>) -> Value {
    Value::Text(short(text.as_ref(), LONGEST))
}

/// Texts whose order means nothing.
pub fn set<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Value {
    Value::Set(texts.into_iter().map(text).collect())
}

/// Texts in their order.
pub fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Value {
    Value::List(texts.into_iter().map(text).collect())
}

impl Make {
    /// What people call it.
    pub fn named(mut self, name: &str) -> Self {
        self.0.name = short(name, LONGEST_ID);
        self
    }

    /// A text; an empty one says nothing.
    pub fn text(self, name: &str, value: impl AsRef<str>) -> Self {
        match value.as_ref() {
            "" => self,
            value => self.put(name, text(value)),
        }
    }

    /// A number.
    pub fn int(self, name: &str, value: impl TryInto<i64>) -> Self {
        self.put(name, Value::Int(value.try_into().unwrap_or(i64::MAX)))
    }

    /// Whether it is so; that it is not so is not told.
    pub fn flag(self, name: &str, value: bool) -> Self {
        if value { self.put(name, Value::Bool(true)) } else { self }
    }

    /// Any value.
    pub fn put(mut self, name: &str, value: Value) -> Self {
        self.0.properties.insert(name.to_owned(), value);
        self
    }

    /// A value where there is one.
    pub fn maybe(self, name: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// A tag.
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.0.tags.insert(name.to_owned(), short(value, LONGEST));
        self
    }

    /// When it was made.
    pub fn created(mut self, at: Option<Timestamp>) -> Self {
        self.0.created = at;
        self
    }

    /// What it needs.
    pub fn needs(mut self, key: ResourceKey) -> Self {
        self.0.depends_on.insert(key);
        self
    }

    /// Another resource of the same source that it needs.
    pub fn needs_own(self, kind: Kind, id: &str) -> Self {
        let source = self.0.key.source().clone();
        self.needs(key(source, kind, id))
    }

    /// The resource.
    pub fn done(self) -> Resource {
        self.0
    }
}

/// A text of at most so many bytes without control characters, which nobody wants on a terminal.
/// What is cut off shows in a digest.
pub fn short(text: &str, most: usize) -> String {
    let clean = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
            .collect()
    };
    let whole = clean(text);
    if whole.len() <= most {
        return whole;
    }
    let end = format!("…{}", &blake3::hash(text.as_bytes()).to_hex()[..16]);
    let mut at = most - end.len();
    while !whole.is_char_boundary(at) {
        at -= 1;
    }
    format!("{}{end}", &whole[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_still_differs() {
        let long = |end: &str| format!("{}{end}", "ä".repeat(5000));
        let (one, two) = (short(&long("1"), 512), short(&long("2"), 512));
        assert!(one.len() <= 512 && one != two, "{one} {two}");
        assert_eq!(short("a\u{7}b", 512), "a\u{fffd}b");
        assert_eq!(short("", 512), "");
    }
}
