//! What watchers of a batch are told, as it happens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tamer_model::{Batch, BatchId, HostId, KeptOutput, TaskState};
use tamer_proto::wire;
use tokio::sync::broadcast;

/// News kept for a watcher that is behind; one further behind starts again from the records. A
/// chunk of output has at most 16 KiB, so a batch keeps at most 16 MiB.
const BACKLOG: usize = 1024;

/// One thing that happened in a batch.
#[derive(Debug, Clone)]
pub enum News {
    /// Its state or counts changed.
    Batch(Arc<Batch>),
    /// A task changed; with its output when it ended.
    Task(HostId, TaskState, Option<Arc<KeptOutput>>),
    /// A host's command wrote something.
    Output(Arc<wire::OutputChunk>),
}

/// The feeds of all batches that somebody watches. Cheap to clone.
#[derive(Clone, Default)]
pub struct Feeds(Arc<Mutex<HashMap<BatchId, broadcast::Sender<News>>>>);

impl Feeds {
    /// Follows a batch from now on.
    pub fn subscribe(&self, batch: BatchId) -> broadcast::Receiver<News> {
        self.lock().entry(batch).or_insert_with(|| broadcast::Sender::new(BACKLOG)).subscribe()
    }

    /// Whether anybody watches: output nobody watches need not be copied.
    pub fn is_watched(&self, batch: BatchId) -> bool {
        self.lock().get(&batch).is_some_and(|feed| feed.receiver_count() > 0)
    }

    /// Tells whoever watches.
    pub fn publish(&self, batch: BatchId, news: News) {
        let mut feeds = self.lock();
        // A feed without watchers is dropped at the first thing there is to tell.
        if feeds.get(&batch).is_some_and(|feed| feed.send(news).is_err()) {
            feeds.remove(&batch);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BatchId, broadcast::Sender<News>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
