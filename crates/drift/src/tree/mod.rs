//! An ordered search tree that is named by its content.
//!
//! Leaves hold whole entries in the order of their keys, inner nodes hold for each child its last
//! key, its digest and how many entries lie below. Where a node ends follows from the entries
//! alone ([`cut`]), so the same entries make the same tree, in whatever order they came. A node is
//! bytes under their digest; where they lie is [`Nodes`]' business, and everything that is read is
//! checked, so they may come from anywhere.

mod build;
mod chunker;
mod cursor;
mod cut;
mod edit;
mod entry;
mod memory;
mod missing;
mod node;
mod pair;
mod picture;
mod read;
mod unsorted;
mod verify;

use std::sync::Arc;

use tamer_model::Problem;

use crate::digest::Digest;

pub use build::{Builder, Built, build};
pub use cut::{MAX_ENTRIES, MAX_NODE_BYTES};
pub use edit::{Edited, edit};
pub use entry::Entry;
pub use memory::Memory;
pub use missing::{missing, missing_beside};
pub use node::{MAX_LEVEL, check};
pub use pair::{Differences, Pair, differences};
pub use picture::{Commit, Picture};
pub use read::{Iter, count, get, iter, iter_from};
pub use unsorted::Unsorted;
pub use verify::{Summary, verify};

/// A node's bytes. Shared, because trees of many hosts and times share them.
pub type NodeBytes = Arc<[u8]>;

/// Where nodes are found.
pub trait Nodes {
    /// The bytes under a digest, if they are there. Readers check them: damaged bytes may be
    /// given.
    fn node(&self, digest: &Digest) -> Option<NodeBytes>;

    /// Whether there is a whole node under a digest.
    fn has(&self, digest: &Digest) -> bool {
        self.node(digest).is_some()
    }
}

impl<N: Nodes + ?Sized> Nodes for &N {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        (**self).node(digest)
    }

    fn has(&self, digest: &Digest) -> bool {
        (**self).has(digest)
    }
}

/// Why a tree cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A node is not there: ask for it again.
    #[error("the node {0} is missing")]
    Missing(Digest),
    /// The bytes under a digest are not the ones it names: ask for them again.
    #[error("the node {0} is damaged: its bytes are not the ones that its name says")]
    Damaged(Digest),
    /// The bytes are the ones that the digest names, and are no node of such a tree: whoever made
    /// them made them wrong.
    #[error("the node {digest} is malformed: {what} at byte {at}")]
    Malformed {
        /// Which node.
        digest: Digest,
        /// Where in its bytes.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

/// Why a tree cannot be made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The tree before cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// An entry is outside its bounds, or there twice.
    #[error(transparent)]
    Entry(#[from] Problem),
}
