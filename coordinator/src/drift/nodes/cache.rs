//! Nodes in memory: two halves, the younger is filled, and then the older is let go.

use std::collections::HashMap;
use std::sync::Arc;

use tamer_drift::Digest;

/// Bounded by bytes. What is used while it is in the older half comes into the younger again.
pub struct Cache {
    young: HashMap<Digest, Arc<[u8]>>,
    old: HashMap<Digest, Arc<[u8]>>,
    /// Bytes of the younger half.
    bytes: usize,
    /// Bytes of one half at most.
    half: usize,
}

impl Cache {
    /// One that keeps at most so many bytes of nodes.
    pub fn new(bytes: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bytes: 0, half: bytes / 2 }
    }

    /// A node that is kept.
    pub fn get(&mut self, digest: &Digest) -> Option<Arc<[u8]>> {
        if let Some(node) = self.young.get(digest) {
            return Some(node.clone());
        }
        let node = self.old.remove(digest)?;
        self.put(*digest, node.clone());
        Some(node)
    }

    /// Keeps a node. One that is larger than a half is not kept.
    pub fn put(&mut self, digest: Digest, node: Arc<[u8]>) {
        if node.len() > self.half || self.young.contains_key(&digest) {
            return;
        }
        if self.bytes + node.len() > self.half {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += node.len();
        self.young.insert(digest, node);
    }

    /// Lets a node go.
    pub fn forget(&mut self, digest: &Digest) {
        if let Some(node) = self.young.remove(digest) {
            self.bytes -= node.len();
        }
        self.old.remove(digest);
    }
}
