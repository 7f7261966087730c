//! How the placements stand, for whoever tells the coordinator.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_model::{PlacementId, PlacementStatus};
use tokio::sync::watch;

/// The newest status of each placement. A reader asks for what changed since it last asked: what
/// changed twice meanwhile is told once, so one that is slow costs nothing. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    revision: u64,
    /// Each with the revision of its last change; as many as there are placements.
    statuses: BTreeMap<PlacementId, (u64, PlacementStatus)>,
}

/// Statuses, and the revision to ask from next.
pub type Changes = (Vec<(PlacementId, PlacementStatus)>, u64);

impl Board {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner { state: Mutex::default(), revision: watch::Sender::new(0) }))
    }

    /// The revision, as it goes up.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.0.revision.subscribe()
    }

    /// What changed since this revision, and which one to ask from next; everything since none.
    pub fn since(&self, revision: Option<u64>) -> Changes {
        let state = self.state();
        let new = |at: u64| revision.is_none_or(|revision| at > revision);
        let changed = state.statuses.iter().filter(|(_, (at, _))| new(*at));
        let changed = changed.map(|(id, (_, status))| (*id, status.clone()));
        (changed.collect(), state.revision)
    }

    /// How one stands.
    pub fn get(&self, id: PlacementId) -> Option<PlacementStatus> {
        self.state().statuses.get(&id).map(|(_, status)| status.clone())
    }

    /// It stands so, which is told even if it stood so before.
    pub(super) fn put(&self, id: PlacementId, status: PlacementStatus) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        state.statuses.insert(id, (revision, status));
        self.0.revision.send_replace(revision);
    }

    /// Nothing is told of it any more.
    pub(super) fn remove(&self, id: PlacementId) {
        self.state().statuses.remove(&id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
