//! The thread that writes.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tamer_model::StreamKind;
use tokio::sync::{mpsc, watch};

use super::entry::{Entry, Stream, Totals};
use super::pieces::PIECE;
use crate::platform;

/// Files that are open at once: those of all tasks that may be worked on, and of 32 that have
/// ended. A process may open 1,024 files unless it is told otherwise.
pub const MAX_FILES: u64 = 2 * (crate::tasks::MAX_WORKED + 32) as u64;

/// What the thread is asked for.
#[derive(Debug)]
pub enum Request {
    /// Bytes that a command wrote.
    Write {
        /// Of this task.
        entry: Arc<Entry>,
        /// Of this stream.
        stream: StreamKind,
        /// Bytes of the stream before them.
        offset: u64,
        /// The bytes.
        data: Vec<u8>,
    },
    /// Lets go of an entry here: freeing a large file takes a while.
    Drop(Arc<Entry>),
}

/// Tasks that have ended and are held still, the longest first.
pub type Ended = Mutex<VecDeque<Weak<Entry>>>;

/// What the thread owns.
pub struct Disk {
    /// Where the files are.
    pub folder: PathBuf,
    /// The most slots of one stream.
    pub stream_slots: u64,
    /// The most slots of all.
    pub total_slots: u64,
    /// What there is.
    pub totals: Arc<Totals>,
    /// Whose files may go when there is no room.
    pub ended: Arc<Ended>,
    /// What the waiting requests take.
    pub queued: watch::Sender<usize>,
}

/// Where bytes go.
struct Place {
    file: Arc<std::fs::File>,
    slot: u64,
    fill: u64,
}

impl Disk {
    /// Writes until nobody can ask for it any more.
    pub fn run(self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.blocking_recv() {
            match request {
                Request::Write { entry, stream, offset, data } => {
                    self.write(&entry, stream, offset, &data);
                    self.queued.send_modify(|queued| *queued -= cost(data.len()));
                    entry.changed();
                }
                Request::Drop(entry) => drop(entry),
            }
        }
    }

    fn write(&self, entry: &Entry, kind: StreamKind, mut offset: u64, mut data: &[u8]) {
        let end = offset + data.len() as u64;
        while !data.is_empty() {
            match self.write_some(entry, kind, offset, data) {
                Ok(0) => break,
                Ok(written) => (offset, data) = (offset + written as u64, &data[written..]),
                Err(error) => {
                    tracing::warn!(
                        %error, folder = %self.folder.display(),
                        "a task's output is not spooled further; the command goes on"
                    );
                    entry.state().stream(kind).stopped = true;
                    break;
                }
            }
        }
        entry.state().stream(kind).settle(end);
    }

    /// Writes what fits into a slot. Nothing when there is no slot for it.
    fn write_some(
        &self,
        entry: &Entry,
        kind: StreamKind,
        offset: u64,
        data: &[u8],
    ) -> io::Result<usize> {
        let Some(Place { file, slot, fill }) = self.place(entry, kind, offset)? else {
            return Ok(0);
        };
        let room = usize::try_from(PIECE - fill).unwrap_or(usize::MAX);
        let data = &data[..data.len().min(room)];
        platform::write_at(&file, data, slot * PIECE + fill)?;
        entry.state().stream(kind).pieces.written(offset, data.len() as u64, slot);
        Ok(data.len())
    }

    fn place(&self, entry: &Entry, kind: StreamKind, offset: u64) -> io::Result<Option<Place>> {
        let Some(file) = self.file(entry, kind)? else { return Ok(None) };
        let (open, slots) = {
            let mut state = entry.state();
            let Stream { pieces, .. } = state.stream(kind);
            (pieces.open_at(offset), pieces.slots())
        };
        if let Some((slot, fill)) = open {
            return Ok(Some(Place { file, slot, fill }));
        }
        let grows = self.may_grow(entry, slots);
        let mut state = entry.state();
        let Stream { pieces, .. } = state.stream(kind);
        let slot = if grows {
            self.totals.slots.fetch_add(1, Ordering::Relaxed);
            Some(pieces.grow())
        } else {
            // From here on readers know that these bytes are gone.
            pieces.reuse()
        };
        Ok(slot.map(|slot| Place { file, slot, fill: 0 }))
    }

    /// The stream's file, made if need be. Nothing when there may be no more of them.
    fn file(&self, entry: &Entry, kind: StreamKind) -> io::Result<Option<Arc<std::fs::File>>> {
        {
            let mut state = entry.state();
            let stream = state.stream(kind);
            if stream.stopped || self.stream_slots == 0 || self.total_slots == 0 {
                return Ok(None);
            }
            if let Some(file) = &stream.file {
                return Ok(Some(file.clone()));
            }
        }
        while self.totals.files.load(Ordering::Relaxed) >= MAX_FILES {
            if !self.evict(entry) {
                return Ok(None);
            }
        }
        let file = Arc::new(tempfile::tempfile_in(&self.folder)?);
        self.totals.files.fetch_add(1, Ordering::Relaxed);
        entry.state().stream(kind).file = Some(file.clone());
        Ok(Some(file))
    }

    /// Whether a stream of so many slots may have another. No stream takes more than it leaves for
    /// the others, so that there is something left for one that begins.
    fn may_grow(&self, entry: &Entry, slots: u64) -> bool {
        if slots >= self.stream_slots {
            return false;
        }
        loop {
            let left = self.total_slots.saturating_sub(self.totals.slots.load(Ordering::Relaxed));
            if slots < left {
                return true;
            }
            if !self.evict(entry) {
                return false;
            }
        }
    }

    /// Frees what a task took that has ended and is not the one that is written. Says whether there
    /// was one.
    fn evict(&self, written: &Entry) -> bool {
        loop {
            let oldest = {
                let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
                let other = ended.iter().position(|entry| !std::ptr::eq(entry.as_ptr(), written));
                let Some(oldest) = other.and_then(|at| ended.remove(at)) else { return false };
                oldest.upgrade()
            };
            // The others are gone already, or have no file.
            if oldest.is_some_and(|entry| entry.clear()) {
                return true;
            }
        }
    }
}

/// What a write of so many bytes counts for in the queue: a short one has its cost too.
pub fn cost(len: usize) -> usize {
    len.max(1024)
}
