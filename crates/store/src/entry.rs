//! What the store holds and how it changes: entries, revisions, events.

use std::fmt;

use bytes::Bytes;

use crate::Key;

/// A point in a store's history. Each commit that changes something gets the next one, so they
/// order all changes of one store. They mean nothing in another store: an import starts anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// One key, its value, and when it came to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The address.
    pub key: Key,
    /// What is stored there.
    pub value: Bytes,
    /// The commit that made the key; a key deleted and made again is new.
    pub created: Revision,
    /// The commit that last wrote the key.
    pub modified: Revision,
}

/// One change, as a watch tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The commit that made the change. Several events can share one.
    pub revision: Revision,
    /// The change.
    pub change: Change,
}

/// What happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was written.
    Put(Entry),
    /// It was deleted.
    Delete(Key),
}

impl Revision {
    /// The revision before the first: that of a store nobody has written to.
    pub const ZERO: Self = Self(0);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Event {
    /// The key that changed.
    #[must_use]
    pub fn key(&self) -> &Key {
        match &self.change {
            Change::Put(entry) => &entry.key,
            Change::Delete(key) => key,
        }
    }
}

impl Entry {
    /// Key and value, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.key.as_bytes().len() + self.value.len()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
