//! Trees of hosts: what a snapshot is.

use std::collections::BTreeMap;

use tamer_drift::Digest;
use tamer_drift::fleet::{HostState, Member};
use tamer_drift::tree::{self, Nodes as Shelf, TreeError};
use tamer_model::{HostId, Problem};

use super::verify::FromDisk;
use super::wrong;
use crate::drift::nodes::Nodes;

/// The tree of these hosts, written.
pub fn fleet(nodes: &Nodes, hosts: &BTreeMap<HostId, HostState>) -> Result<Digest, Problem> {
    let members = hosts.iter().map(|(host, state)| Member { host: *host, state: state.clone() });
    let built = tree::build(members)?;
    built.nodes.iter().try_for_each(|(digest, node)| nodes.write(*digest, node))?;
    Ok(built.root)
}

/// The hosts of a snapshot.
///
/// # Errors
/// `NotFound` when a node of the tree of hosts is damaged.
pub fn hosts(nodes: &Nodes, root: Digest) -> Result<BTreeMap<HostId, HostState>, Problem> {
    members(nodes, root).map_err(wrong)
}

/// The same, with every node read from the disk, and the tree found whole.
///
/// # Errors
/// What is wrong with the first bad node.
pub fn hosts_from_disk(
    nodes: &Nodes,
    root: Digest,
) -> Result<BTreeMap<HostId, HostState>, TreeError> {
    tree::verify::<Member>(&root, &FromDisk(nodes))?;
    members(&FromDisk(nodes), root)
}

fn members(nodes: &dyn Shelf, root: Digest) -> Result<BTreeMap<HostId, HostState>, TreeError> {
    let all = tree::iter::<Member>(&root, nodes)?;
    all.map(|member| member.map(|Member { host, state }| (host, state))).collect()
}
