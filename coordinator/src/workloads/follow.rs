//! Which hosts something happened to, as the store's watch tells it.
//!
//! It is apart from the controller, so that a flood of changes (every host lost at once) comes to a
//! set of hosts while the controller writes, and nothing is left out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tamer_model::HostId;
use tamer_store::{Event, Key, Revision, Store, Watch, WatchError};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::fleet::Fleet;
use crate::state::keys;

/// How long to wait before a watch that cannot be had is asked for again.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// Hosts that something happened to: the set is bounded by the fleet.
#[derive(Debug, Default)]
pub struct Touched {
    pub hosts: BTreeSet<HostId>,
    /// Changes were missed: it may be any host.
    pub all: bool,
    /// The last change, for [`Fleet::reached`].
    pub at: Revision,
}

/// Follows the hosts of the fleet. Ends when it is dropped.
pub struct HostsFollowed {
    touched: Arc<Mutex<Touched>>,
    news: Arc<Notify>,
    _task: AbortOnDropHandle<()>,
}

impl HostsFollowed {
    /// Follows from what the fleet's cache shows now; at first it may be any host.
    pub fn new(store: Store, fleet: Fleet) -> Self {
        let (touched, news) = (Arc::<Mutex<Touched>>::default(), Arc::new(Notify::new()));
        let task = tokio::spawn(follow(store, fleet, touched.clone(), news.clone()));
        Self { touched, news, _task: AbortOnDropHandle::new(task) }
    }

    /// Waits until something happened, and takes it. Cancel-safe: what is not returned stays.
    pub async fn next(&self) -> Touched {
        self.news.notified().await;
        std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn follow(store: Store, fleet: Fleet, touched: Arc<Mutex<Touched>>, news: Arc<Notify>) {
    loop {
        let from = fleet.changes().borrow().next();
        let ended = match store.watch(keys::fleet(), from).await {
            Ok(watch) => take(watch, &touched, &news).await,
            Err(ended) => ended,
        };
        match ended {
            WatchError::Closed => return,
            WatchError::Compacted { .. } | WatchError::Unavailable(_) => {
                warn!(problem = %ended, "the watch on hosts ended; looking at all of them");
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Takes what comes until the watch ends. What was before it is in the fleet's cache by now, so
/// every host is looked at once.
async fn take(mut watch: Watch, touched: &Mutex<Touched>, news: &Notify) -> WatchError {
    touched.lock().unwrap_or_else(PoisonError::into_inner).all = true;
    news.notify_one();
    loop {
        match watch.next().await {
            Ok(events) => {
                note(touched, &events);
                news.notify_one();
            }
            Err(ended) => return ended,
        }
    }
}

fn note(touched: &Mutex<Touched>, events: &[Event]) {
    let mut touched = touched.lock().unwrap_or_else(PoisonError::into_inner);
    touched.hosts.extend(events.iter().filter_map(|event| host_of(event.key())));
    touched.at = events.iter().map(|event| event.revision).fold(touched.at, Revision::max);
}

/// The host that a record of the fleet is about, if it is one that placing looks at.
fn host_of(key: &Key) -> Option<HostId> {
    let (kind, rest) = key.as_text()?.strip_prefix("fleet/")?.split_once('/')?;
    match kind {
        "host" | "status" | "providers" => rest.parse().ok(),
        "instance" => rest.split('/').next()?.parse().ok(),
        _ => None,
    }
}
