//! What watchers of a batch are told, as it happens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tamer_model::{Batch, BatchId, KeptOutput, Spot, StreamKind, TaskId, TaskRecord};
use tamer_proto::wire;
use tokio::sync::broadcast;

use super::recent::Recent;

/// News kept for a watcher that is behind; one further behind starts again from the records. A
/// chunk of output has at most 16 KiB, so a batch keeps at most 16 MiB.
const BACKLOG: usize = 1024;

/// One thing that happened in a batch.
#[derive(Debug, Clone)]
pub enum News {
    /// Its state or counts changed.
    Batch(Arc<Batch>),
    /// A task changed; with its output when it ended.
    Task(Spot, Arc<TaskRecord>, Option<Arc<KeptOutput>>),
    /// A host's command wrote something.
    Output(Arc<wire::OutputChunk>),
    /// How far a target is that moves a file.
    Progress(Arc<wire::TargetProgress>),
}

/// The feeds of all batches that somebody watches, and what their commands wrote last. Cheap to
/// clone.
#[derive(Clone, Default)]
pub struct Feeds {
    feeds: Arc<Mutex<HashMap<BatchId, broadcast::Sender<News>>>>,
    recent: Arc<Mutex<Recent>>,
}

impl Feeds {
    /// Follows a batch from now on.
    pub fn subscribe(&self, batch: BatchId) -> broadcast::Receiver<News> {
        self.lock().entry(batch).or_insert_with(|| broadcast::Sender::new(BACKLOG)).subscribe()
    }

    /// A batch began, or was read again: what its commands write is remembered.
    pub fn opened(&self, batch: BatchId) {
        self.recent().opened(batch);
    }

    /// A batch ended: what its commands wrote is in the records.
    pub fn closed(&self, batch: BatchId) {
        self.recent().closed(batch);
    }

    /// A command wrote something.
    pub fn output(&self, task: TaskId, stream: StreamKind, offset: u64, data: bytes::Bytes) {
        self.recent().wrote(task, stream, offset, &data);
        if self.lock().get(&task.batch).is_some_and(|feed| feed.receiver_count() > 0) {
            self.publish(
                task.batch,
                News::Output(Arc::new(chunk(task.spot(), stream, offset, data))),
            );
        }
    }

    /// A task that moves a file is so far, in bytes.
    pub fn progress(&self, task: TaskId, done: u64, total: u64) {
        let (host, item) = (task.host.to_string(), task.item.into());
        let progress = wire::TargetProgress { host, item, done, total };
        self.publish(task.batch, News::Progress(Arc::new(progress)));
    }

    /// What the running commands of a batch wrote last.
    pub fn recent_output(&self, batch: BatchId) -> Vec<wire::OutputChunk> {
        let kept = self.recent().of(batch);
        kept.into_iter()
            .map(|(spot, stream, offset, data)| chunk(spot, stream, offset, data))
            .collect()
    }

    /// What the running command of one target wrote last.
    pub fn recent_output_of(&self, batch: BatchId, spot: Spot) -> Vec<wire::OutputChunk> {
        let kept = self.recent().of_target(batch, spot);
        kept.into_iter()
            .map(|(spot, stream, offset, data)| chunk(spot, stream, offset, data))
            .collect()
    }

    /// Tells whoever watches.
    pub fn publish(&self, batch: BatchId, news: News) {
        let mut feeds = self.lock();
        // A feed without watchers is dropped at the first thing there is to tell.
        if feeds.get(&batch).is_some_and(|feed| feed.send(news).is_err()) {
            feeds.remove(&batch);
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BatchId, broadcast::Sender<News>>> {
        self.feeds.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn chunk(spot: Spot, stream: StreamKind, offset: u64, data: bytes::Bytes) -> wire::OutputChunk {
    wire::OutputChunk {
        host: spot.host.to_string(),
        item: spot.item.into(),
        stream: wire::StreamKind::from(stream).into(),
        offset,
        data,
    }
}
