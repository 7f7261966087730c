//! Following the records of batches apart from the work on them.
//!
//! A store keeps what happened for a bounded while, and a batch over ten thousand hosts fills that
//! while its first results are written. Whoever reads between two commits only would find the
//! beginning gone, and would have to read everything again.

use tamer_store::{Event, Watch, WatchError};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Groups of events that wait for the controller: a batch's record changes a few times in its life.
const QUEUE: usize = 256;

/// Reads a watch as fast as it comes. Ends when it is dropped.
pub struct Following {
    events: mpsc::Receiver<Result<Vec<Event>, WatchError>>,
    _task: AbortOnDropHandle<()>,
}

impl Following {
    pub fn new(mut watch: Watch) -> Self {
        let (sender, events) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            loop {
                let next = watch.next().await;
                let over = next.is_err();
                if sender.send(next).await.is_err() || over {
                    return;
                }
            }
        });
        Self { events, _task: AbortOnDropHandle::new(task) }
    }

    /// The next events. Cancel-safe.
    pub async fn next(&mut self) -> Result<Vec<Event>, WatchError> {
        self.events.recv().await.unwrap_or(Err(WatchError::Closed))
    }
}
