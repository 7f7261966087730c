//! The fleet as this coordinator sees it: a cache of the store's `fleet/` records, fed by a watch.
//!
//! Everybody reads it; only [`follow`] writes it. A caller that has committed a change waits with
//! [`Fleet::reached`] until the cache shows it, and then reads its own write.

mod follow;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use tamer_store::Revision;
use tokio::sync::{oneshot, watch};

pub use follow::follow;
pub use view::{Member, Placed, View};

/// A cheap handle on the cache.
#[derive(Clone)]
pub struct Fleet {
    view: Arc<RwLock<View>>,
    at: watch::Sender<Revision>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits for the cache to show a revision: as many as have committed, and the cache is behind
/// them by moments. Each change wakes those alone whom it lets go, in the order of their commits.
type Waiting = BTreeMap<Revision, Vec<oneshot::Sender<()>>>;

impl Fleet {
    fn new(view: View, at: Revision) -> Self {
        let (view, waiting) = (Arc::new(RwLock::new(view)), Arc::default());
        Self { view, at: watch::Sender::new(at), waiting }
    }

    /// The fleet now. Hold it for a short section without `.await`.
    pub fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the cache shows the commit at `revision`. The commit must have changed a record
    /// of the fleet.
    pub async fn reached(&self, revision: Revision) {
        let reached = {
            let mut waiting = self.waiting();
            if *self.at.borrow() >= revision {
                return;
            }
            let (reach, reached) = oneshot::channel();
            waiting.entry(revision).or_default().push(reach);
            reached
        };
        // The sender lives in self until it is reached, so the only way out is that it is.
        let _ = reached.await;
    }

    /// Tells of every change of the fleet, by the revision of the last.
    pub fn changes(&self) -> watch::Receiver<Revision> {
        self.at.subscribe()
    }

    fn change(&self, at: Revision, change: impl FnOnce(&mut View)) {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner));
        let reached = {
            let mut waiting = self.waiting();
            self.at.send_replace(at);
            let later = waiting.split_off(&at.next());
            std::mem::replace(&mut *waiting, later)
        };
        for reach in reached.into_values().flatten() {
            // Who does not wait any more is not told.
            let _ = reach.send(());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
