//! What hosts hold: told by their agents, kept as trees of content, compared with baselines.
//!
//! - [`intake`]: one session's pictures, taken in; [`told`] checks them, [`chain`] says whether one
//!   follows the other or something was not observed between them.
//! - [`board`]: what is known of every host, in memory. A heartbeat asks it, and nothing else.
//! - [`nodes`]: the content, as files; [`trees`] reads and makes trees of it.
//! - [`history`]: the deltas of a host; any earlier picture that they reach.
//! - [`snapshots`], [`baselines`], [`rules`]: what people keep.
//! - [`compare`] puts a baseline, what is known now, and what we did ourselves ([`deeds`]) together
//!   for `tamer_drift`, which says what it means.

mod accept;
mod baselines;
mod board;
mod chain;
mod compare;
mod config;
mod deeds;
mod exchange;
mod history;
mod intake;
mod judge;
mod look;
mod nodes;
mod record;
mod rules;
mod select;
mod snapshots;
mod told;
mod trees;
mod verify;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tamer_drift::finding::Settings;
use tamer_model::{Code, HostId, Problem};
use tamer_store::Store;
use tokio::sync::Semaphore;

use crate::fleet::Fleet;
use crate::session::Sessions;
use crate::workloads::Workloads;

pub use accept::Accepting;
pub use baselines::{Setting, name_of};
pub use board::{Board, Known};
pub use compare::{Against, Asked, Drifted, changed};
pub use config::DriftConfig;
pub use exchange::MAX_PIECE;
pub use history::{Past, is_about};
pub use intake::Intake;
pub use nodes::Nodes;
pub use record::{
    AckRecord, BaselineRecord, DeltaRecord, HostRecord, Named, RuleRecord, SnapshotRecord,
};
pub use rules::read_rule;
pub use snapshots::Wanted;
pub use verify::{Damage, Verified};

/// Walks over trees that may run at once: each holds a thread, and two cores have others to serve.
const WALKS: usize = 4;

/// What is known of what hosts hold. Cheap to clone.
#[derive(Clone)]
pub struct Drift {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    fleet: Fleet,
    sessions: Sessions,
    workloads: Workloads,
    nodes: Nodes,
    board: Board,
    walks: Arc<Semaphore>,
    reports: compare::Reports,
    bases: compare::Bases,
    /// What decides what changes mean, without what people made of it since.
    settings: Settings,
}

impl Drift {
    /// Reads what is known. `settings` are those of the configuration.
    ///
    /// # Errors
    /// `StoreFailed` when a record cannot be read.
    pub async fn new(
        store: Store,
        fleet: Fleet,
        sessions: Sessions,
        workloads: Workloads,
        nodes: Nodes,
        settings: Settings,
    ) -> Result<Self, Problem> {
        let board = Board::load(&store).await?;
        let walks = Arc::new(Semaphore::new(WALKS));
        let (reports, bases) = (compare::Reports::default(), compare::Bases::default());
        let inner = Inner {
            store,
            fleet,
            sessions,
            workloads,
            nodes,
            board,
            walks,
            reports,
            bases,
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub fn fleet(&self) -> &Fleet {
        &self.inner.fleet
    }

    pub fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    pub fn nodes(&self) -> &Nodes {
        &self.inner.nodes
    }

    pub fn board(&self) -> &Board {
        &self.inner.board
    }

    /// A session of this host begins; to be called before it counts as open.
    pub fn met(&self, host: HostId) {
        self.board().met(host);
    }

    /// A session has ended; to be called when it does not count as open any more. Reports that were
    /// made before say that the host is seen.
    pub fn parted(&self) {
        self.board().tell();
    }

    /// Does what reads trees from the disk, off the threads that serve and so many at once.
    async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.inner.walks.clone().acquire_owned().await;
        let _turn = turn.map_err(|_| Problem::new(Code::Busy, "this coordinator is stopping"))?;
        off(work).await
    }
}

/// Does what blocks on a thread for that.
async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::new(Code::Internal, format!("a walk ended: {error}")))?
}
