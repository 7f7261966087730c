//! The fleet as this coordinator sees it: a cache of the store's `fleet/` records, fed by a watch.
//!
//! Everybody reads it; only [`follow`] writes it. A caller that has committed a change waits with
//! [`Fleet::reached`] until the cache shows it, and then reads its own write.

mod follow;
mod view;

use std::sync::{Arc, RwLock, RwLockReadGuard};

use tamer_store::Revision;
use tokio::sync::watch;

pub use follow::follow;
pub use view::{Member, Placed, View};

/// A cheap handle on the cache.
#[derive(Clone)]
pub struct Fleet {
    view: Arc<RwLock<View>>,
    at: watch::Sender<Revision>,
}

impl Fleet {
    fn new(view: View, at: Revision) -> Self {
        Self { view: Arc::new(RwLock::new(view)), at: watch::Sender::new(at) }
    }

    /// The fleet now. Hold it for a short section without `.await`.
    pub fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits until the cache shows the commit at `revision`. The commit must have changed a record
    /// of the fleet.
    pub async fn reached(&self, revision: Revision) {
        let mut at = self.at.subscribe();
        // The sender lives in self, so the only way out is the condition.
        let _ = at.wait_for(|at| *at >= revision).await;
    }

    /// Tells of every change of the fleet, by the revision of the last.
    pub fn changes(&self) -> watch::Receiver<Revision> {
        self.at.subscribe()
    }

    fn change(&self, at: Revision, change: impl FnOnce(&mut View)) {
        change(&mut self.view.write().unwrap_or_else(std::sync::PoisonError::into_inner));
        self.at.send_replace(at);
    }
}
