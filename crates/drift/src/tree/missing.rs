//! What a receiver lacks of a tree.

use std::sync::Arc;

use super::cursor::Cursor;
use super::node::Node;
use super::read::Store;
use super::{Entry, Nodes, TreeError};
use crate::digest::Digest;

/// The nodes of a tree that are not there or are damaged, at most `limit`, from left to right.
/// When they have come, ask again: what lies below them is known only then. None is missing from
/// a whole tree. Reads every inner node that is there.
pub fn missing<E: Entry>(
    root: &Digest,
    nodes: &dyn Nodes,
    limit: usize,
) -> Result<Vec<Digest>, TreeError> {
    Search { store: Store::new::<E>(nodes), beside: None, limit, found: Vec::new() }.run(root)
}

/// The same beside a tree that is known to be whole: what both share is not looked at, so the time
/// follows the difference.
pub fn missing_beside<E: Entry>(
    root: &Digest,
    whole: &Digest,
    nodes: &dyn Nodes,
    limit: usize,
) -> Result<Vec<Digest>, TreeError> {
    let store = Store::new::<E>(nodes);
    let whole = store.root(whole)?;
    Search { store, beside: Some(whole), limit, found: Vec::new() }.run(root)
}

struct Search<'a> {
    store: Store<'a>,
    beside: Option<Arc<Node>>,
    limit: usize,
    found: Vec<Digest>,
}

impl<'a> Search<'a> {
    fn run(mut self, root: &Digest) -> Result<Vec<Digest>, TreeError> {
        if self.beside.as_ref().is_some_and(|whole| whole.digest == *root) {
            return Ok(self.found);
        }
        if let Some(root) = self.there(self.store.root(root), root)? {
            self.below(&root)?;
        }
        Ok(self.found)
    }

    /// As deep as the tree is high: levels fall on the way down.
    fn below(&mut self, node: &Node) -> Result<(), TreeError> {
        if node.level == 0 {
            return Ok(());
        }
        let mut beside = self.beside_level(node.level)?;
        for index in 0..node.len() {
            let digest = node.child(index)?.digest;
            if self.found.len() >= self.limit {
                return Ok(());
            }
            if self.is_shared(beside.as_mut(), node.key(index), &digest)? {
                continue;
            }
            if node.level == 1 && self.store.has(&digest) {
                continue;
            }
            if let Some(child) = self.there(self.store.child(node, index), &digest)? {
                self.below(&child)?;
            }
        }
        Ok(())
    }

    /// A node that was read, or `None` after noting that it is to be asked for.
    fn there(
        &mut self,
        read: Result<Arc<Node>, TreeError>,
        digest: &Digest,
    ) -> Result<Option<Arc<Node>>, TreeError> {
        match read {
            Ok(node) => Ok(Some(node)),
            Err(TreeError::Missing(_) | TreeError::Damaged(_)) => {
                if self.found.len() < self.limit {
                    self.found.push(*digest);
                }
                Ok(None)
            }
            Err(wrong @ TreeError::Malformed { .. }) => Err(wrong),
        }
    }

    /// Where the parents of a level below are in the whole tree, if it is as high.
    fn beside_level(&self, level: u8) -> Result<Option<Cursor<'a>>, TreeError> {
        let whole = self.beside.as_ref().filter(|whole| whole.level >= level);
        whole.map(|whole| Cursor::at(self.store, whole.clone(), level)).transpose()
    }

    /// Whether the whole tree has the same node in the same place.
    fn is_shared(
        &self,
        beside: Option<&mut Cursor<'a>>,
        key: &[u8],
        digest: &Digest,
    ) -> Result<bool, TreeError> {
        if self.beside.as_ref().is_some_and(|whole| whole.digest == *digest) {
            return Ok(true);
        }
        let Some(cursor) = beside else { return Ok(false) };
        cursor.seek(key)?;
        let parent = cursor.node();
        let index = parent.find(key);
        let there = index < parent.len() && parent.key(index) == key;
        Ok(there && parent.child(index)?.digest == *digest)
    }
}
