//! Nodes in memory.

use std::collections::HashMap;

use super::{NodeBytes, Nodes};
use crate::digest::Digest;

/// Nodes in memory. Holds what it is given and no more.
#[derive(Debug, Clone, Default)]
pub struct Memory(HashMap<Digest, NodeBytes>);

impl Memory {
    /// Without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a node.
    pub fn put(&mut self, digest: Digest, bytes: NodeBytes) {
        self.0.insert(digest, bytes);
    }

    /// Forgets a node; gives it, if it was there.
    pub fn remove(&mut self, digest: &Digest) -> Option<NodeBytes> {
        self.0.remove(digest)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every node, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &NodeBytes)> {
        self.0.iter()
    }
}

impl Nodes for Memory {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        self.0.get(digest).cloned()
    }

    fn has(&self, digest: &Digest) -> bool {
        self.0.contains_key(digest)
    }
}

impl Extend<(Digest, NodeBytes)> for Memory {
    fn extend<I: IntoIterator<Item = (Digest, NodeBytes)>>(&mut self, nodes: I) {
        self.0.extend(nodes);
    }
}
