//! Keys and key prefixes: the only way raw bytes become an address in the store.

use std::fmt;

use bytes::Bytes;
use thiserror::Error;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 512;

/// The address of one entry: 1 to [`MAX_KEY`] bytes, ordered bytewise.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

/// The start that a set of keys shares: 0 to [`MAX_KEY`] bytes. The empty prefix is every key.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Prefix(Bytes);

/// Why bytes are not a key or a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidKey {
    /// A key has at least one byte.
    #[error("a key is empty; it needs 1 to {MAX_KEY} bytes")]
    Empty,
    /// A key has at most [`MAX_KEY`] bytes.
    #[error("a key has {0} bytes; at most {MAX_KEY} are allowed")]
    TooLong(usize),
}

impl Key {
    /// A key of these bytes (or of this text: `Key::new("hosts/1")`).
    ///
    /// # Errors
    /// When it is empty or longer than [`MAX_KEY`].
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, InvalidKey> {
        Self::from_bytes(Bytes::copy_from_slice(bytes.as_ref()))
    }

    /// As [`Key::new`], without the copy.
    ///
    /// # Errors
    /// When it is empty or longer than [`MAX_KEY`].
    pub fn from_bytes(bytes: Bytes) -> Result<Self, InvalidKey> {
        match bytes.len() {
            0 => Err(InvalidKey::Empty),
            1..=MAX_KEY => Ok(Self(bytes)),
            long => Err(InvalidKey::TooLong(long)),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key as text, if it is UTF-8.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The smallest string of bytes that sorts after this key. It may be one byte longer than a
    /// key is allowed to be, which is why it is not a key.
    pub(crate) fn successor(&self) -> Bytes {
        let mut next = Vec::with_capacity(self.0.len() + 1);
        next.extend_from_slice(&self.0);
        next.push(0);
        next.into()
    }
}

impl Prefix {
    /// The prefix of every key.
    #[must_use]
    pub const fn everything() -> Self {
        Self(Bytes::new())
    }

    /// The prefix of these bytes (or of this text: `Prefix::new("hosts/")`).
    ///
    /// # Errors
    /// When it is longer than a key may be.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, InvalidKey> {
        let bytes = bytes.as_ref();
        if bytes.len() > MAX_KEY {
            return Err(InvalidKey::TooLong(bytes.len()));
        }
        Ok(Self(Bytes::copy_from_slice(bytes)))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `key` starts with this prefix.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        key.0.starts_with(&self.0)
    }

    /// The first string of bytes after every key with this prefix, or none if there is no such
    /// string: the prefix is empty or all `0xff`.
    #[must_use]
    pub fn end(&self) -> Option<Bytes> {
        let last = self.0.iter().rposition(|byte| *byte != 0xff)?;
        let mut end = self.0[..=last].to_vec();
        end[last] += 1;
        Some(end.into())
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.0.clone()
    }
}

impl From<Key> for Prefix {
    fn from(key: Key) -> Self {
        Self(key.0)
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        readable(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        readable(&self.0, f)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        readable(&self.0, f)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        readable(&self.0, f)
    }
}

fn readable(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", bytes.escape_ascii())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may")]
    use super::*;

    #[test]
    fn a_key_has_one_to_512_bytes() {
        assert_eq!(Key::new(""), Err(InvalidKey::Empty));
        assert!(Key::new([7; 512]).is_ok());
        assert_eq!(Key::new([7; 513]), Err(InvalidKey::TooLong(513)));
    }

    #[test]
    fn a_prefix_ends_where_the_next_one_starts() {
        let end = |prefix: &[u8]| Prefix::new(prefix).unwrap().end().map(|end| end.to_vec());
        assert_eq!(end(b"a"), Some(b"b".to_vec()));
        assert_eq!(end(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(end(b"a\xff\xffb"), Some(b"a\xff\xffc".to_vec()));
        assert_eq!(end(b"\xff\xff"), None);
        assert_eq!(end(b""), None);
    }
}
