//! Filling the cache and keeping it true.

use tamer_model::Problem;
use tamer_store::{Range, ReadError, Revision, Store, Watch, WatchError};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{Fleet, View};
use crate::state::keys;

/// Why the cache could not be filled or kept.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The store could not be read.
    #[error("the fleet cannot be read")]
    Read(#[from] ReadError),
    /// The store could not be watched.
    #[error("the fleet cannot be followed")]
    Watch(#[from] WatchError),
    /// A record is not what it should be.
    #[error("the fleet has a record that cannot be read")]
    Record(#[from] Problem),
}

/// Reads the whole fleet, and returns the cache and the task that keeps it true until `stop`.
pub async fn follow(
    store: Store,
    stop: CancellationToken,
) -> Result<(Fleet, impl Future<Output = ()> + Send + 'static), FollowError> {
    let (view, at, watch) = load(&store).await?;
    let fleet = Fleet::new(view, at);
    let task = keep(store, fleet.clone(), watch, stop);
    Ok((fleet, task))
}

async fn load(store: &Store) -> Result<(View, Revision, Watch), FollowError> {
    let mut view = View::default();
    let mut first = None;
    let mut next = Some(Range::prefix(&keys::fleet()));
    while let Some(range) = next {
        let page = store.range(range).await?;
        first.get_or_insert(page.revision);
        for entry in page.entries {
            view.apply(&tamer_store::Change::Put(entry))?;
        }
        next = page.next;
    }
    let at = first.unwrap_or(Revision::ZERO);
    let watch = store.watch(keys::fleet(), at.next()).await?;
    Ok((view, at, watch))
}

async fn keep(store: Store, fleet: Fleet, mut watch: Watch, stop: CancellationToken) {
    loop {
        // Cancel-safe: a watch returns events or keeps them.
        let events = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            events = watch.next() => events,
        };
        match events {
            Ok(events) => {
                let Some(last) = events.last().map(|event| event.revision) else { continue };
                fleet.change(last, |view| {
                    for event in &events {
                        if let Err(problem) = view.apply(&event.change) {
                            error!(%problem, "a record of the fleet cannot be read");
                        }
                    }
                });
            }
            Err(WatchError::Closed) => return,
            Err(problem) => {
                warn!(%problem, "the watch on the fleet ended; reading it again");
                match reload(&store, &fleet, &stop).await {
                    Some(again) => watch = again,
                    None => return,
                }
            }
        }
    }
}

/// Reads everything again, however often it takes.
async fn reload(store: &Store, fleet: &Fleet, stop: &CancellationToken) -> Option<Watch> {
    loop {
        match load(store).await {
            Ok((view, at, watch)) => {
                fleet.change(at, |old| *old = view);
                return Some(watch);
            }
            Err(FollowError::Read(ReadError::Closed)) => return None,
            Err(error) => error!(%error, "the fleet cannot be read; trying again in a second"),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
        }
    }
}
