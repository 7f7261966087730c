//! Trees that are read from the disk, whatever is in memory.

use tamer_drift::tree::{self, NodeBytes, Nodes as Shelf, Summary, TreeError};
use tamer_drift::{Digest, Resource};
use tracing::error;

use crate::drift::nodes::Nodes;

/// Reads every node of a host's tree from the disk, and says what is wrong with the first bad one.
pub fn verify(nodes: &Nodes, root: Digest) -> Result<Summary, TreeError> {
    tree::verify::<Resource>(&root, &FromDisk(nodes))
}

/// Every node is read, whatever is in memory.
pub(super) struct FromDisk<'a>(pub(super) &'a Nodes);

impl Shelf for FromDisk<'_> {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        self.0.read_file(digest).unwrap_or_else(|problem| {
            error!(%problem, "a node of an inventory cannot be read");
            None
        })
    }
}
