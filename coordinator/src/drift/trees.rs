//! Trees of what the coordinator keeps: what is lacking of one, what differs between two, others made
//! from them. All of it blocks on the disk: call it by [`super::Drift`]'s turns.

mod fleet;
mod mark;
mod read;
mod step;
mod verify;

use tamer_drift::Digest;
use tamer_drift::tree::{NodeBytes, Nodes as Shelf, TreeError};
use tamer_model::{Code, Problem};
use tracing::error;

use super::nodes::Nodes;

pub use fleet::{fleet, hosts, hosts_from_disk};
pub use mark::{mark, mark_fleet};
pub use read::{changes, count, each, edit, get, of_kinds, page};
pub use step::{Step, lacking, step, undo, unpack};
pub use verify::verify;

impl Shelf for Nodes {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        self.read(digest).unwrap_or_else(|problem| {
            error!(%problem, "a node of an inventory cannot be read");
            None
        })
    }

    fn has(&self, digest: &Digest) -> bool {
        Self::has(self, digest)
    }
}

/// What is wrong with a tree: what is gone can be asked for, what is malformed cannot.
pub fn wrong(error: TreeError) -> Problem {
    let code = match &error {
        TreeError::Missing(_) | TreeError::Damaged(_) => Code::NotFound,
        TreeError::Malformed { .. } => Code::InvalidField,
    };
    let problem = Problem::new(code, error.to_string()).on("inventory");
    match code {
        Code::NotFound => problem.remedy("`tamerctl snapshot verify` asks the agents for it again"),
        _ => problem,
    }
}
