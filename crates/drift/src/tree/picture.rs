//! A tree that is kept in memory while its entries come and go.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use tamer_model::Problem;

use super::chunker::Chunker;
use super::edit::{Edits, Value, edit_bytes};
use super::read::{Iter, Store};
use super::{Edited, Entry, Memory, NodeBytes, Nodes, TreeError, get, iter};
use crate::digest::Digest;

/// Changes wait until there are this many, or a quarter of what is there, and are then worked in
/// together: so a first scan in any order costs as much as sorting it, and what waits is bounded.
const MAX_WAITING: usize = 8192;

/// The tree of a host's resources, kept in memory while they come and go. Holds each resource once,
/// in canonical form.
pub struct Picture<E> {
    nodes: Memory,
    root: Digest,
    waiting: Edits,
    /// Since the last commit.
    made: BTreeMap<Digest, NodeBytes>,
    gone: BTreeMap<Digest, NodeBytes>,
    entries: u64,
    sort: PhantomData<fn() -> E>,
}

/// What a commit made of the changes since the last.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The name of the tree now.
    pub root: Digest,
    /// The nodes that are new in it.
    pub made: Vec<(Digest, NodeBytes)>,
    /// The nodes that are no longer in it: who was told of the tree before may still ask for them.
    pub gone: Vec<(Digest, NodeBytes)>,
}

impl<E: Entry> Default for Picture<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Entry> Picture<E> {
    /// Without entries.
    pub fn new() -> Self {
        let empty = Chunker::new(E::DOMAIN, 0).end();
        let mut nodes = Memory::new();
        nodes.put(empty.child.digest, empty.bytes.clone());
        Self {
            nodes,
            root: empty.child.digest,
            waiting: Edits::new(),
            made: BTreeMap::from([(empty.child.digest, empty.bytes)]),
            gone: BTreeMap::new(),
            entries: 0,
            sort: PhantomData,
        }
    }

    /// The tree of a root, from nodes that were kept. Every one is read and checked; nothing has
    /// changed since.
    pub fn open(root: &Digest, nodes: &dyn Nodes) -> Result<Self, TreeError> {
        let mut kept = Memory::new();
        let summary = super::verify::collect::<E>(root, nodes, |digest, bytes| {
            kept.put(digest, bytes);
        })?;
        Ok(Self {
            nodes: kept,
            root: *root,
            waiting: Edits::new(),
            made: BTreeMap::new(),
            gone: BTreeMap::new(),
            entries: summary.entries,
            sort: PhantomData,
        })
    }

    /// Puts an entry in the place of what has its key. Refuses one that is outside its bounds.
    pub fn put(&mut self, entry: &E) -> Result<(), Problem> {
        let value = Value::entry(entry.body()?);
        self.waiting.insert(E::key_bytes(entry.key()), Some(value));
        self.work_if_many();
        Ok(())
    }

    /// Takes away what has the key, if anything has.
    pub fn remove(&mut self, key: &E::Key) {
        self.waiting.insert(E::key_bytes(key), None);
        self.work_if_many();
    }

    /// The name of the tree as it is now.
    pub fn root(&mut self) -> Digest {
        self.work();
        self.root
    }

    /// How many entries there are now.
    pub fn len(&mut self) -> u64 {
        self.work();
        self.entries
    }

    /// Whether there is none.
    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    /// What the changes since the last commit made. Of the first commit everything is new.
    pub fn commit(&mut self) -> Commit {
        self.work();
        Commit {
            root: self.root,
            made: std::mem::take(&mut self.made).into_iter().collect(),
            gone: std::mem::take(&mut self.gone).into_iter().collect(),
        }
    }

    /// The entry of a key as it is now.
    pub fn get(&mut self, key: &E::Key) -> Option<E> {
        self.work();
        get(&self.root, key, &self.nodes).expect("nodes in memory are whole")
    }

    /// Every entry in the order of keys.
    pub fn iter(&mut self) -> Iter<'_, E> {
        self.work();
        iter(&self.root, &self.nodes).expect("nodes in memory are whole")
    }

    /// The nodes of the tree as it is now.
    pub fn nodes(&mut self) -> &Memory {
        self.work();
        &self.nodes
    }

    fn work_if_many(&mut self) {
        let quarter = usize::try_from(self.entries / 4).unwrap_or(usize::MAX);
        if self.waiting.len() >= MAX_WAITING.max(quarter) {
            self.work();
        }
    }

    fn work(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let edits = std::mem::take(&mut self.waiting);
        let store = Store::new::<E>(&self.nodes);
        let edited = edit_bytes(store, &self.root, edits).expect("nodes in memory are whole");
        self.take(edited);
        let count = super::count::<E>(&self.root, &self.nodes);
        self.entries = count.expect("nodes in memory are whole");
    }

    /// A node that went and came back, or came and went, was neither.
    fn take(&mut self, edited: Edited) {
        self.root = edited.root;
        for digest in edited.gone {
            let bytes = self.nodes.remove(&digest).expect("what goes was there");
            if self.made.remove(&digest).is_none() {
                self.gone.insert(digest, bytes);
            }
        }
        for (digest, bytes) in edited.made {
            self.nodes.put(digest, bytes.clone());
            if self.gone.remove(&digest).is_none() {
                self.made.insert(digest, bytes);
            }
        }
    }
}
