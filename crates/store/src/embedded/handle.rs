//! The embedded store as the rest of the program sees it: a queue to the committer, and the view.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{
    committer::{Answer, Request},
    history::History,
    view::View,
};
use crate::{
    Backend, BoxFuture, Commit, CommitError, Entry, Fault, Key, Page, Prefix, Range, ReadError,
    Revision, Watch, WatchError,
};

/// Commits that wait, at most; and their bytes, in units of 256.
pub(super) const QUEUE_COMMITS: usize = 1024;
pub(super) const QUEUE_UNITS: usize = 16 * 1024 * 1024 / UNIT;
const UNIT: usize = 256;

/// A range of at most this many entries is read in place: less than a hop to another thread costs
/// is gained by it. A longer one may read megabytes from the disk and goes to a blocking thread.
const IN_PLACE: u32 = 64;

pub(crate) struct Handle {
    pub name: &'static str,
    pub view: Arc<View>,
    pub history: Arc<History>,
    pub room: Arc<Semaphore>,
    pub committer: Mutex<Option<Line>>,
}

/// It answers everybody unless it panics.
#[derive(Debug, Error)]
#[error("the committer thread died")]
struct Gone;

/// The way to a running committer. Dropping the queue ends it, once it has answered everybody.
pub(crate) struct Line {
    pub queue: mpsc::Sender<Request>,
    pub thread: JoinHandle<()>,
}

impl Handle {
    async fn submit(&self, commit: Commit) -> Answer {
        let units = commit.size().div_ceil(UNIT).max(1);
        let units = u32::try_from(units).expect("a commit has at most MAX_COMMIT_BYTES");
        let room = self.room.clone().acquire_many_owned(units).await;
        let room = room.map_err(|_| CommitError::Closed)?;
        let queue = self.queue().ok_or(CommitError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let sent = queue.send(Request { commit, answer, room }).await;
        // Held on to, the queue would keep a closing store waiting for this very answer.
        drop(queue);
        sent.map_err(|_| CommitError::Closed)?;
        answered.await.unwrap_or_else(|_| Err(CommitError::OutcomeUnknown(Fault::new(Gone))))
    }

    fn queue(&self) -> Option<mpsc::Sender<Request>> {
        let line = self.committer.lock().unwrap_or_else(PoisonError::into_inner);
        line.as_ref().map(|line| line.queue.clone())
    }

    fn hang_up(&self) -> Option<JoinHandle<()>> {
        self.room.close();
        let line = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        line.map(|line| line.thread)
    }
}

impl Backend for Handle {
    fn name(&self) -> &'static str {
        self.name
    }

    // In place: a point read is served from the engine's cache in microseconds, and costs one disk
    // read at worst; a hop to a blocking thread costs about ten microseconds every time.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, ReadError>> {
        Box::pin(async { self.view.get(key) })
    }

    fn range(&self, range: Range) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(async move {
            if range.max_entries() <= IN_PLACE {
                return self.view.page(&range);
            }
            let view = self.view.clone();
            let read = tokio::task::spawn_blocking(move || view.page(&range)).await;
            // Engine panics are errors already; only a runtime that is shutting down gets here.
            read.unwrap_or(Err(ReadError::Closed))
        })
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Answer> {
        Box::pin(self.submit(commit))
    }

    fn watch(&self, prefix: Prefix, from: Revision) -> BoxFuture<'_, Result<Watch, WatchError>> {
        Box::pin(async move { self.history.follow(prefix, from).map(Watch::new) })
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, ReadError>> {
        Box::pin(async { self.view.revision() })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(thread) = self.hang_up() {
                // A committer's panic is already every commit's error.
                let _ = tokio::task::spawn_blocking(move || thread.join()).await;
            }
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(thread) = self.hang_up() {
            let _ = thread.join();
        }
    }
}
