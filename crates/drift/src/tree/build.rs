//! Trees of all their entries at once.

use tamer_model::Problem;

use super::chunker::{Chunker, Made};
use super::unsorted::Unsorted;
use super::{Entry, NodeBytes};
use crate::digest::{Digest, Domain};

/// A tree that was made: its root, and all its nodes.
#[derive(Debug, Clone)]
pub struct Built {
    /// The name of the tree.
    pub root: Digest,
    /// Its nodes, children before their parents.
    pub nodes: Vec<(Digest, NodeBytes)>,
}

/// The tree of these entries, in whatever order they come. Refuses two of one key, and entries
/// outside their bounds.
pub fn build<E: Entry>(entries: impl IntoIterator<Item = E>) -> Result<Built, Problem> {
    let mut unsorted = Unsorted::new();
    entries.into_iter().try_for_each(|entry| unsorted.push(&entry))?;
    unsorted.build()
}

/// Makes a tree of entries that come in rising order, and hands on each node as it is made: what
/// it holds itself is one node a level.
pub struct Builder<F> {
    domain: Domain,
    levels: Vec<Level>,
    last_key: Vec<u8>,
    sink: F,
}

struct Level {
    chunker: Chunker,
    made: u64,
    last: Option<Digest>,
}

impl<F: FnMut(Digest, NodeBytes)> Builder<F> {
    /// A tree without entries yet; `sink` gets its nodes, children before their parents.
    pub fn new<E: Entry>(sink: F) -> Self {
        Self { domain: E::DOMAIN, levels: Vec::new(), last_key: Vec::new(), sink }
    }

    /// Adds an entry. Refuses one that is outside its bounds or not after the one before.
    pub fn push<E: Entry>(&mut self, entry: &E) -> Result<(), Problem> {
        let (key, body) = (E::key_bytes(entry.key()), entry.body()?);
        self.put::<E>(&key, &body)
    }

    /// The root, when all entries are there.
    pub fn finish(mut self) -> Digest {
        if self.levels.is_empty() {
            let empty = Chunker::new(self.domain, 0).end();
            (self.sink)(empty.child.digest, empty.bytes);
            return empty.child.digest;
        }
        let mut at = 0;
        loop {
            if !self.levels[at].chunker.is_empty() {
                let made = self.levels[at].chunker.end();
                self.emit(at, made);
            }
            match self.levels[at] {
                Level { made: 1, last: Some(root), .. } => return root,
                Level { .. } => at += 1,
            }
        }
    }

    pub(super) fn put<E: Entry>(&mut self, key: &[u8], body: &[u8]) -> Result<(), Problem> {
        if !self.levels.is_empty() && key <= self.last_key.as_slice() {
            return Err(disorder::<E>(key));
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.add(0, key, body, 1);
        Ok(())
    }

    fn add(&mut self, at: usize, key: &[u8], value: &[u8], count: u64) {
        if self.levels.len() == at {
            let level = u8::try_from(at).expect("a level has two children at least");
            let chunker = Chunker::new(self.domain, level);
            self.levels.push(Level { chunker, made: 0, last: None });
        }
        if let Some(made) = self.levels[at].chunker.push(key, value, count) {
            self.emit(at, made);
        }
    }

    fn emit(&mut self, at: usize, made: Made) {
        self.levels[at].made += 1;
        self.levels[at].last = Some(made.child.digest);
        (self.sink)(made.child.digest, made.bytes);
        self.add(at + 1, &made.last_key, &made.child.write(), made.child.count);
    }
}

fn disorder<E: Entry>(key: &[u8]) -> Problem {
    let key = E::read_key(key).map(|key| key.to_string()).unwrap_or_default();
    Problem::field("id", format!("{key} is there twice, or out of order"))
        .remedy("give each thing an id of its own, and tell each once")
}
