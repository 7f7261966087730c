//! Which nodes trees are made of, for the sweep.

use std::cell::RefCell;
use std::collections::HashSet;

use tamer_drift::fleet::Member;
use tamer_drift::tree::{self, NodeBytes, Nodes as Shelf, TreeError};
use tamer_drift::{Digest, Resource};
use tamer_model::Problem;

use super::{hosts, wrong};
use crate::drift::nodes::Nodes;

/// Adds what a host's tree reaches to what is marked. What is marked already is not entered, so the
/// time follows what is new.
///
/// # Errors
/// `NotFound` when a node is gone: then what lies below it is not known.
pub fn mark(nodes: &Nodes, root: Digest, marked: &mut HashSet<Digest>) -> Result<(), Problem> {
    let marking = Marking { nodes, marked: RefCell::new(marked), lost: RefCell::default() };
    tree::missing::<Resource>(&root, &marking, usize::MAX).map_err(wrong)?;
    marking.end()
}

/// Marks a tree of hosts, and gives the roots of their trees.
///
/// # Errors
/// `NotFound` when a node of it is gone.
pub fn mark_fleet(
    nodes: &Nodes,
    root: Digest,
    marked: &mut HashSet<Digest>,
) -> Result<Vec<Digest>, Problem> {
    // Of one that was marked before the hosts are asked for all the same: it is short.
    let marking = Marking { nodes, marked: RefCell::new(marked), lost: RefCell::default() };
    tree::missing::<Member>(&root, &marking, usize::MAX).map_err(wrong)?;
    marking.end()?;
    Ok(hosts(nodes, root)?.into_values().map(|state| state.root).collect())
}

/// Nodes that notes what it is asked for.
struct Marking<'a> {
    nodes: &'a Nodes,
    marked: RefCell<&'a mut HashSet<Digest>>,
    lost: RefCell<Option<Digest>>,
}

impl Marking<'_> {
    fn end(self) -> Result<(), Problem> {
        match self.lost.into_inner() {
            Some(lost) => Err(wrong(TreeError::Missing(lost))),
            None => Ok(()),
        }
    }
}

impl Shelf for Marking<'_> {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        // Without its bytes nobody enters it a second time.
        if !self.marked.borrow_mut().insert(*digest) {
            return None;
        }
        let node = Shelf::node(self.nodes, digest);
        if node.is_none() {
            self.lost.borrow_mut().get_or_insert(*digest);
        }
        node
    }

    /// A leaf: nothing is below it.
    fn has(&self, digest: &Digest) -> bool {
        self.marked.borrow_mut().insert(*digest);
        true
    }
}
