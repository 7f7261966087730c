//! A place in one level of a tree, and the way there from the root.

use std::sync::Arc;

use super::TreeError;
use super::node::Node;
use super::read::Store;
use crate::digest::Digest;

/// Stands on one node of a level. Moves forward; what it passes on the way down it reads once.
pub(super) struct Cursor<'a> {
    store: Store<'a>,
    level: u8,
    /// From the root to the node. The index is the child that comes next on the way; in the node
    /// itself it means nothing. As long as the tree is high, so 41 at most.
    path: Vec<(Arc<Node>, usize)>,
}

impl<'a> Cursor<'a> {
    /// On the first node of a level that the tree has.
    pub(super) fn new(store: Store<'a>, root: &Digest, level: u8) -> Result<Self, TreeError> {
        Self::at(store, store.root(root)?, level)
    }

    /// The same for a root that was read.
    pub(super) fn at(store: Store<'a>, root: Arc<Node>, level: u8) -> Result<Self, TreeError> {
        let mut cursor = Self { store, level, path: vec![(root, 0)] };
        cursor.descend(|_| 0)?;
        Ok(cursor)
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.top().0
    }

    /// Whether no node of the level comes after this one.
    pub(super) fn is_last(&self) -> bool {
        let above = &self.path[..self.path.len() - 1];
        above.iter().all(|(node, index)| index + 1 == node.len())
    }

    /// To the node where a key is or would be: the first whose last key is not lower, or else the
    /// last. Only forward.
    pub(super) fn seek(&mut self, key: &[u8]) -> Result<(), TreeError> {
        while self.path.len() > 1 && self.node().last_key().is_none_or(|last| last < key) {
            self.path.pop();
        }
        self.descend(|node| node.find(key).min(node.len() - 1))
    }

    /// To the next node of the level; whether there is one.
    pub(super) fn next(&mut self) -> Result<bool, TreeError> {
        if self.is_last() {
            return Ok(false);
        }
        self.path.pop();
        while self.top().1 + 1 == self.node().len() {
            self.path.pop();
        }
        self.enter(self.top().1 + 1)?;
        self.descend(|_| 0)?;
        Ok(true)
    }

    fn descend(&mut self, choose: impl Fn(&Node) -> usize) -> Result<(), TreeError> {
        while self.node().level > self.level {
            let index = choose(self.node());
            self.enter(index)?;
        }
        Ok(())
    }

    fn enter(&mut self, index: usize) -> Result<(), TreeError> {
        let child = self.store.child(self.node(), index)?;
        if let Some((_, at)) = self.path.last_mut() {
            *at = index;
        }
        self.path.push((child, 0));
        Ok(())
    }

    fn top(&self) -> &(Arc<Node>, usize) {
        self.path.last().expect("the root is never left")
    }
}
