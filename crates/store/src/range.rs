//! Reading many entries, a bounded page at a time.

use bytes::Bytes;
use thiserror::Error;

use crate::{Entry, Key, Prefix, Revision};

/// The most entries in a page.
pub const MAX_PAGE_ENTRIES: u32 = 10_000;
/// A page ends with the entry that takes it to this many bytes of keys and values; it is over by
/// less than one entry.
pub const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Which entries to read: a half-open interval of keys, and how many at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    start: Bytes,
    end: Option<Bytes>,
    limit: u32,
}

/// Entries in key order, all of them as they were at one revision.
///
/// Two pages may come from two revisions. Who lists many pages and then watches from the revision
/// after the *first* page's misses nothing: what changed in between is told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What was found, in key order.
    pub entries: Vec<Entry>,
    /// How to ask for the rest, if there may be more.
    pub next: Option<Range>,
    /// When this was so.
    pub revision: Revision,
}

/// A page has 1 to [`MAX_PAGE_ENTRIES`] entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a page of {0} entries was asked for; 1 to {MAX_PAGE_ENTRIES} are allowed")]
pub struct InvalidLimit(pub u32);

impl Range {
    /// Every key that starts with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &Prefix) -> Self {
        Self { start: prefix.bytes(), end: prefix.end(), limit: 1000 }
    }

    /// Every key.
    #[must_use]
    pub fn everything() -> Self {
        Self::prefix(&Prefix::everything())
    }

    /// From `start` up to but not including `end`.
    #[must_use]
    pub fn between(start: &Key, end: &Key) -> Self {
        let copy = |key: &Key| Bytes::copy_from_slice(key.as_bytes());
        Self { start: copy(start), end: Some(copy(end)), limit: 1000 }
    }

    /// With at most this many entries a page: 1 to [`MAX_PAGE_ENTRIES`], 1000 unless told.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// The same, but nothing before `start`: how a page token handed to somebody is taken up
    /// again. Never starts earlier than before.
    #[must_use]
    pub fn starting_at(self, start: &[u8]) -> Self {
        let start = self.start.as_ref().max(start);
        Self { start: Bytes::copy_from_slice(start), ..self }
    }

    /// The first key asked for, as bytes: the page token of [`Page::next`].
    #[must_use]
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// The first key not asked for; none means to the last key there is.
    #[must_use]
    pub fn end(&self) -> Option<&[u8]> {
        self.end.as_deref()
    }

    /// The most entries to a page.
    #[must_use]
    pub fn max_entries(&self) -> u32 {
        self.limit
    }

    /// The rest of this range after `key`, which is how a backend makes [`Page::next`].
    #[must_use]
    pub fn after(&self, key: &Key) -> Self {
        Self { start: key.successor(), ..self.clone() }
    }

    /// Whether no key can be in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        let key = key.as_bytes();
        key >= self.start.as_ref() && self.end.as_ref().is_none_or(|end| key < end.as_ref())
    }

    /// # Errors
    /// When the limit is out of bounds.
    pub fn check(&self) -> Result<(), InvalidLimit> {
        match self.limit {
            1..=MAX_PAGE_ENTRIES => Ok(()),
            limit => Err(InvalidLimit(limit)),
        }
    }
}
