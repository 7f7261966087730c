//! Following changes from a revision on.

use thiserror::Error;

use crate::{Event, Fault, Revision, store::BoxFuture};

/// A stream of changes, in order, nothing left out. Dropping it ends it.
pub struct Watch(Box<dyn Feed>);

/// What a backend provides for a [`Watch`].
pub trait Feed: Send {
    /// As [`Watch::next`]: whole revisions, at least one event, cancel-safe.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Event>, WatchError>>;
}

/// Why a watch cannot start or go on. All are final for this watch.
#[derive(Clone, Debug, Error)]
pub enum WatchError {
    /// The changes asked for, or the next ones for a watcher that was too slow, are no longer
    /// kept. The remedy is to list again and watch from the revision after the list's.
    #[error("changes before revision {oldest} are no longer kept; list again and watch from there")]
    Compacted {
        /// The earliest revision a watch can start from now.
        oldest: Revision,
    },
    /// The store cannot be followed now.
    #[error("the store cannot be watched")]
    Unavailable(#[source] Fault),
    /// [`crate::Store::close`] was called.
    #[error("the store is closed")]
    Closed,
}

impl Watch {
    /// A watch fed by `feed`.
    pub fn new(feed: impl Feed + 'static) -> Self {
        Self(Box::new(feed))
    }

    /// Waits for the next changes: the events of one or more whole revisions, in order, never
    /// none. Events of one revision are never split over two calls.
    ///
    /// Cancel-safe: events are either returned or still to come.
    ///
    /// # Errors
    /// See [`WatchError`]. The same error comes again if asked again.
    pub async fn next(&mut self) -> Result<Vec<Event>, WatchError> {
        self.0.next().await
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
