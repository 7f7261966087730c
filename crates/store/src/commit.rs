//! A commit: conditions and writes that hold and happen together, or not at all.
//!
//! The limits are below etcd's defaults (128 operations a list, 1.5 MiB a request), so that a
//! commit the embedded store accepts is one a cluster accepts.

use std::collections::HashSet;

use bytes::Bytes;
use thiserror::Error;

use crate::{Entry, Key, Revision};

/// The most preconditions in a commit, and the most writes.
pub const MAX_COMMIT_OPS: usize = 128;
/// The largest value, in bytes.
pub const MAX_VALUE: usize = 1024 * 1024;
/// The most bytes in a commit: all keys of its preconditions and writes, and all values.
pub const MAX_COMMIT_BYTES: usize = 1280 * 1024;

/// What must be true of a key for the commit to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing is stored there.
    Absent(Key),
    /// Something is stored there.
    Exists(Key),
    /// What is stored there was last written by this commit.
    ModifiedAt(Key, Revision),
}

/// One change to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Store this value.
    Put(Key, Bytes),
    /// Store nothing. Deleting what is absent changes nothing and is no error.
    Delete(Key),
}

/// Conditions and the writes that depend on them. Everything in it gets one revision.
///
/// A commit that changes nothing (no writes, or only deletes of absent keys) is still checked and
/// ordered after all earlier ones; it returns the revision it was checked at, and makes no event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a commit happens when it is given to Store::commit"]
pub struct Commit {
    preconditions: Vec<Precondition>,
    writes: Vec<Write>,
}

/// Why a commit is refused before anything is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidCommit {
    /// A list is too long.
    #[error("a commit has {0} preconditions; at most {MAX_COMMIT_OPS} are allowed")]
    TooManyPreconditions(usize),
    /// A list is too long.
    #[error("a commit has {0} writes; at most {MAX_COMMIT_OPS} are allowed")]
    TooManyWrites(usize),
    /// A value is too big.
    #[error("the value of {key} has {size} bytes; at most {MAX_VALUE} are allowed")]
    ValueTooBig {
        /// Where it was to be stored.
        key: Key,
        /// Its size in bytes.
        size: usize,
    },
    /// All of it together is too big.
    #[error("a commit has {0} bytes of keys and values; at most {MAX_COMMIT_BYTES} are allowed")]
    TooBig(usize),
    /// One commit writes a key once.
    #[error("a commit writes {0} twice")]
    KeyTwice(Key),
}

impl Precondition {
    /// The key it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Absent(key) | Self::Exists(key) | Self::ModifiedAt(key, _) => key,
        }
    }

    /// Whether it holds, given what is stored at its key.
    #[must_use]
    pub fn holds(&self, stored: Option<&Entry>) -> bool {
        match self {
            Self::Absent(_) => stored.is_none(),
            Self::Exists(_) => stored.is_some(),
            Self::ModifiedAt(_, revision) => stored.is_some_and(|it| it.modified == *revision),
        }
    }
}

impl Write {
    /// The key it changes.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Put(key, value) => key.as_bytes().len() + value.len(),
            Self::Delete(key) => key.as_bytes().len(),
        }
    }
}

impl Commit {
    /// One that does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a precondition.
    pub fn require(mut self, precondition: Precondition) -> Self {
        self.preconditions.push(precondition);
        self
    }

    /// Only if nothing is stored at `key`.
    pub fn absent(self, key: Key) -> Self {
        self.require(Precondition::Absent(key))
    }

    /// Only if something is stored at `key`.
    pub fn exists(self, key: Key) -> Self {
        self.require(Precondition::Exists(key))
    }

    /// Only if the last write of `key` was at `revision`.
    pub fn modified_at(self, key: Key, revision: Revision) -> Self {
        self.require(Precondition::ModifiedAt(key, revision))
    }

    /// Only if `entry` is still what is stored at its key.
    pub fn unchanged(self, entry: &Entry) -> Self {
        self.modified_at(entry.key.clone(), entry.modified)
    }

    /// Adds a write.
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Stores `value` at `key`.
    pub fn put(self, key: Key, value: impl Into<Bytes>) -> Self {
        self.write(Write::Put(key, value.into()))
    }

    /// Deletes `key`.
    pub fn delete(self, key: Key) -> Self {
        self.write(Write::Delete(key))
    }

    /// What must hold.
    #[must_use]
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// What is to change.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Keys and values, in bytes: what [`MAX_COMMIT_BYTES`] limits.
    #[must_use]
    pub fn size(&self) -> usize {
        let conditions = self.preconditions.iter().map(|it| it.key().as_bytes().len());
        conditions.chain(self.writes.iter().map(Write::size)).sum()
    }

    /// Checks the limits, as [`crate::Store::commit`] does first.
    ///
    /// # Errors
    /// With the first limit that is broken.
    pub fn check(&self) -> Result<(), InvalidCommit> {
        if self.preconditions.len() > MAX_COMMIT_OPS {
            return Err(InvalidCommit::TooManyPreconditions(self.preconditions.len()));
        }
        if self.writes.len() > MAX_COMMIT_OPS {
            return Err(InvalidCommit::TooManyWrites(self.writes.len()));
        }
        let mut keys = HashSet::with_capacity(self.writes.len());
        for write in &self.writes {
            if let Write::Put(key, value) = write
                && value.len() > MAX_VALUE
            {
                return Err(InvalidCommit::ValueTooBig { key: key.clone(), size: value.len() });
            }
            if !keys.insert(write.key()) {
                return Err(InvalidCommit::KeyTwice(write.key().clone()));
            }
        }
        match self.size() {
            size if size > MAX_COMMIT_BYTES => Err(InvalidCommit::TooBig(size)),
            _ => Ok(()),
        }
    }
}
