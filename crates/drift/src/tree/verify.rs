//! Whether a tree is whole, and the one tree of its content.

use super::node::Node;
use super::read::Store;
use super::{Entry, NodeBytes, Nodes, TreeError};
use crate::digest::Digest;

/// What a whole tree is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many entries it has.
    pub entries: u64,
    /// How many nodes.
    pub nodes: u64,
    /// How many bytes these have.
    pub bytes: u64,
    /// How many levels.
    pub height: u8,
}

/// Reads everything: that every node is there, is what its name and its parent say, ends where
/// nodes end, and holds entries in canonical form. What passes is the tree that anybody would make
/// of its entries.
pub fn verify<E: Entry>(root: &Digest, nodes: &dyn Nodes) -> Result<Summary, TreeError> {
    collect::<E>(root, nodes, |_, _| {})
}

/// The same, with each node that passed.
pub(super) fn collect<E: Entry>(
    root: &Digest,
    nodes: &dyn Nodes,
    mut keep: impl FnMut(Digest, NodeBytes),
) -> Result<Summary, TreeError> {
    let store = Store::new::<E>(nodes);
    let root = store.root(root)?;
    let summary = Summary { height: root.level + 1, ..Summary::default() };
    let mut reading = Reading { store, summary, keep: &mut keep };
    reading.below::<E>(&root, true)?;
    Ok(reading.summary)
}

struct Reading<'a> {
    store: Store<'a>,
    summary: Summary,
    keep: &'a mut dyn FnMut(Digest, NodeBytes),
}

impl Reading<'_> {
    /// As deep as the tree is high: levels fall on the way down.
    fn below<E: Entry>(&mut self, node: &Node, last: bool) -> Result<(), TreeError> {
        node.check_end(last)?;
        self.summary.nodes += 1;
        self.summary.bytes += node.bytes().len() as u64;
        if node.level == 0 {
            self.summary.entries += node.len() as u64;
            node.check_entries::<E>()?;
        }
        (self.keep)(node.digest, node.bytes().clone());
        let children = if node.level == 0 { 0 } else { node.len() };
        for index in 0..children {
            let child = self.store.child(node, index)?;
            self.below::<E>(&child, last && index + 1 == node.len())?;
        }
        Ok(())
    }
}
