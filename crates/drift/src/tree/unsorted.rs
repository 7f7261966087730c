//! Entries that come in any order, until they are a tree.

use std::marker::PhantomData;

use tamer_model::Problem;

use super::build::{Builder, Built};
use super::entry::Entry;

/// Entries that come in any order, in canonical form: what they take is their bytes, and little
/// more for each. Whoever takes them from elsewhere asks [`Unsorted::bytes`] and sets a bound.
#[derive(Debug)]
pub struct Unsorted<E> {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    sort: PhantomData<fn(E)>,
}

impl<E: Entry> Unsorted<E> {
    /// None yet.
    pub const fn new() -> Self {
        Self { entries: Vec::new(), bytes: 0, sort: PhantomData }
    }

    /// Adds an entry. Refuses one that is outside its bounds.
    pub fn push(&mut self, entry: &E) -> Result<(), Problem> {
        let (key, body) = (E::key_bytes(entry.key()), entry.body()?);
        self.bytes = self.bytes.saturating_add(key.len()).saturating_add(body.len());
        self.entries.push((key, body));
        Ok(())
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes they have.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Their tree. Refuses two of one key.
    pub fn build(mut self) -> Result<Built, Problem> {
        self.entries.sort_unstable();
        let mut nodes = Vec::new();
        let mut builder = Builder::new::<E>(|digest, bytes| nodes.push((digest, bytes)));
        for (key, body) in &self.entries {
            builder.put::<E>(key, body)?;
        }
        let root = builder.finish();
        Ok(Built { root, nodes })
    }
}

impl<E: Entry> Default for Unsorted<E> {
    fn default() -> Self {
        Self::new()
    }
}
