//! Reads trees: one entry, all of them, how many.

use std::marker::PhantomData;
use std::sync::Arc;

use super::cursor::Cursor;
use super::node::Node;
use super::{Entry, Nodes, TreeError};
use crate::digest::{Digest, Domain};

/// How many entries a tree has, as its root says.
pub fn count<E: Entry>(root: &Digest, nodes: &dyn Nodes) -> Result<u64, TreeError> {
    Store::new::<E>(nodes).root(root)?.count()
}

/// The entry of a key, if the tree has one.
pub fn get<E: Entry>(
    root: &Digest,
    key: &E::Key,
    nodes: &dyn Nodes,
) -> Result<Option<E>, TreeError> {
    let key = E::key_bytes(key);
    let mut cursor = Cursor::new(Store::new::<E>(nodes), root, 0)?;
    cursor.seek(&key)?;
    let leaf = cursor.node();
    let index = leaf.find(&key);
    if index == leaf.len() || leaf.key(index) != key {
        return Ok(None);
    }
    leaf.entry(index).map(Some)
}

/// Every entry in the order of keys.
pub fn iter<'a, E: Entry>(root: &Digest, nodes: &'a dyn Nodes) -> Result<Iter<'a, E>, TreeError> {
    let cursor = Cursor::new(Store::new::<E>(nodes), root, 0)?;
    Ok(Iter { cursor, index: 0, ended: false, sort: PhantomData })
}

/// Every entry whose key is at least this one, in the order of keys.
pub fn iter_from<'a, E: Entry>(
    root: &Digest,
    key: &E::Key,
    nodes: &'a dyn Nodes,
) -> Result<Iter<'a, E>, TreeError> {
    let mut iter = iter::<E>(root, nodes)?;
    let key = E::key_bytes(key);
    iter.cursor.seek(&key)?;
    iter.index = iter.cursor.node().find(&key);
    Ok(iter)
}

/// Entries of a tree in the order of keys. Ends after an error.
pub struct Iter<'a, E> {
    cursor: Cursor<'a>,
    index: usize,
    ended: bool,
    sort: PhantomData<fn() -> E>,
}

impl<E: Entry> Iterator for Iter<'_, E> {
    type Item = Result<E, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = if self.ended { None } else { self.step().transpose() };
        self.ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}

impl<E: Entry> Iter<'_, E> {
    fn step(&mut self) -> Result<Option<E>, TreeError> {
        while self.index >= self.cursor.node().len() {
            if !self.cursor.next()? {
                return Ok(None);
            }
            self.index = 0;
        }
        self.index += 1;
        self.cursor.node().entry(self.index - 1).map(Some)
    }
}

/// Nodes of one sort, checked as they are read.
#[derive(Clone, Copy)]
pub(super) struct Store<'a> {
    nodes: &'a dyn Nodes,
    pub(super) domain: Domain,
}

impl<'a> Store<'a> {
    pub(super) fn new<E: Entry>(nodes: &'a dyn Nodes) -> Self {
        Self { nodes, domain: E::DOMAIN }
    }

    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.nodes.has(digest)
    }

    pub(super) fn root(&self, digest: &Digest) -> Result<Arc<Node>, TreeError> {
        let root = self.load(digest)?;
        if root.level > 0 && root.len() == 1 {
            return Err(root.malformed("a root with one child"));
        }
        Ok(Arc::new(root))
    }

    /// A child, if it is what its parent says.
    pub(super) fn child(&self, parent: &Node, index: usize) -> Result<Arc<Node>, TreeError> {
        let said = parent.child(index)?;
        let mut child = self.load(&said.digest)?;
        child.lower = match index.checked_sub(1) {
            Some(before) => Some(parent.key(before).to_vec()),
            None => parent.lower.clone(),
        };
        if child.level + 1 != parent.level {
            return Err(child.malformed("a child of another level than its place"));
        }
        if child.last_key() != Some(parent.key(index)) {
            return Err(child.malformed("a child with another last key than its parent says"));
        }
        if child.lower.as_deref().is_some_and(|lower| child.key(0) <= lower) {
            return Err(child.malformed("a child with keys of its neighbour"));
        }
        if child.count()? != said.count {
            return Err(child.malformed("a child with another count than its parent says"));
        }
        Ok(Arc::new(child))
    }

    /// A node that is neither known as a root nor as a child of another.
    pub(super) fn load(&self, digest: &Digest) -> Result<Node, TreeError> {
        let bytes = self.nodes.node(digest).ok_or(TreeError::Missing(*digest))?;
        Node::read(self.domain, digest, bytes)
    }
}
