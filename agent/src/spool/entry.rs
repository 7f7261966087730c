//! One task's output: what is known of it, shared by its writer, the thread and its readers.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_model::StreamKind;
use tokio::sync::watch;

use super::pieces::Pieces;

/// What all entries take together. Counted up by the thread alone, down by whoever lets go last.
#[derive(Debug, Default)]
pub struct Totals {
    /// Slots of all files.
    pub slots: AtomicU64,
    /// Open files.
    pub files: AtomicU64,
}

/// One task's output. Its files have no names: they are gone with the last who holds them.
#[derive(Debug)]
pub struct Entry {
    state: Mutex<State>,
    /// Told after every change that a reader could wait for.
    changes: watch::Sender<()>,
    totals: Arc<Totals>,
}

/// What the lock guards. Held for a moment, never over a read, a write or an `.await`.
#[derive(Debug, Default)]
pub struct State {
    stdout: Stream,
    stderr: Stream,
    /// Nothing more will be written.
    pub ended: bool,
}

/// One stream.
#[derive(Debug, Default)]
pub struct Stream {
    /// What the file holds.
    pub pieces: Pieces,
    /// Made at the first byte.
    pub file: Option<Arc<File>>,
    /// Bytes that the command wrote.
    pub total: u64,
    /// Writes that wait for the thread.
    pub waiting: usize,
    /// What is before this is in the file, or never will be.
    settled: u64,
    /// The disk failed: nothing more is written.
    pub stopped: bool,
}

impl Entry {
    /// Nothing was written yet.
    pub fn new(totals: Arc<Totals>) -> Self {
        Self { state: Mutex::default(), changes: watch::Sender::new(()), totals }
    }

    /// The state. Nobody panics with it half changed.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What changes from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Wakes the readers.
    pub fn changed(&self) {
        self.changes.send_replace(());
    }

    /// Lets go of what is on the disk; readers find a gap. Says whether there was anything.
    pub fn clear(&self) -> bool {
        let mut state = self.state();
        let freed = [StreamKind::Stdout, StreamKind::Stderr].map(|kind| {
            let stream = state.stream(kind);
            let slots = std::mem::take(&mut stream.pieces).slots();
            self.totals.slots.fetch_sub(slots, Ordering::Relaxed);
            let file = stream.file.take();
            self.totals.files.fetch_sub(u64::from(file.is_some()), Ordering::Relaxed);
            file.is_some()
        });
        freed.contains(&true)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.clear();
    }
}

impl State {
    /// One of the two streams.
    pub fn stream(&mut self, kind: StreamKind) -> &mut Stream {
        match kind {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => &mut self.stderr,
        }
    }
}

impl Stream {
    /// Says that the thread is done with a write that ended before `offset`.
    pub fn settle(&mut self, offset: u64) {
        self.waiting -= 1;
        self.settled = offset;
    }

    /// Whether all that is before `offset` is in the file or never will be.
    pub fn is_settled(&self, offset: u64) -> bool {
        self.waiting == 0 || self.settled >= offset
    }
}
