//! Makes nodes.

use super::NodeBytes;
use super::cut::ends;
use super::node::Child;
use crate::canonical::{VERSION, Writer};
use crate::digest::{Digest, Domain};

/// A node that was made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) last_key: Vec<u8>,
    pub(super) child: Child,
    pub(super) bytes: NodeBytes,
}

/// Makes the nodes of one level of entries in rising order.
#[derive(Debug)]
pub(super) struct Chunker {
    domain: Domain,
    level: u8,
    entries: usize,
    count: u64,
    body: Writer,
    last_key: Vec<u8>,
}

impl Chunker {
    pub(super) fn new(domain: Domain, level: u8) -> Self {
        let (body, last_key) = (Writer::new(), Vec::new());
        Self { domain, level, entries: 0, count: 0, body, last_key }
    }

    /// Whether a node has just ended.
    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Adds an entry under which `count` entries lie; the node that ends with it, if one does.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8], count: u64) -> Option<Made> {
        self.body.bytes(key);
        self.body.bytes(value);
        self.entries += 1;
        self.count = self.count.saturating_add(count);
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        ends(self.level, self.entries, self.body.len(), key).then(|| self.end())
    }

    /// The node of what is there, however little; empty for an empty tree.
    pub(super) fn end(&mut self) -> Made {
        let mut to = Writer::new();
        to.byte(VERSION);
        to.byte(self.level);
        to.count(self.entries);
        to.raw(&std::mem::take(&mut self.body).into_bytes());
        let bytes = NodeBytes::from(to.into_bytes());
        let child = Child { digest: Digest::of(self.domain, &bytes), count: self.count };
        self.entries = 0;
        self.count = 0;
        Made { last_key: std::mem::take(&mut self.last_key), child, bytes }
    }
}
