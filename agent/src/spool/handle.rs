//! The handle of the spool, and the way of a task's output into it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tamer_model::{StreamKind, TaskId};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::disk::{Disk, Ended, Request, cost};
use super::entry::{Entry, Totals};
use super::pieces::PIECE;
use super::reader::Reader;
use crate::platform;

/// Bytes that may wait for the disk, of all tasks together. When it is full, bytes are left out:
/// a gap.
pub(super) const QUEUE: usize = 8 * 1024 * 1024;
/// From here on commands wait a moment before they are read further. The rest of the queue is for
/// one read of each of those that run: 64 times 2 times 16 KiB are 2 MiB.
const HIGH: usize = QUEUE - 3 * 1024 * 1024;
/// How long a command waits for the disk. A healthy one is far quicker; one that hangs is not
/// waited for again before it has caught up.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);
/// Entries that may wait to be dropped; one more is dropped where it is.
const DROPS: usize = 256;

/// How much is kept on the disk. Whatever is 0 keeps nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one stream of one task; its newest are kept.
    pub stream_bytes: u64,
    /// Bytes of all tasks.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { stream_bytes: 64 << 20, total_bytes: 1 << 30 }
    }
}

/// The spool's folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}", path.display())]
pub struct SpoolError {
    /// What was tried.
    pub what: &'static str,
    /// With which file or folder.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// A handle to the spool. Cheap to clone; the thread ends with the last of them and of the
/// [`Writer`]s.
#[derive(Debug, Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    queued: watch::Receiver<usize>,
}

#[derive(Debug)]
struct Shared {
    /// The tasks of this host that are not forgotten: at most [`crate::tasks::MAX_HELD`].
    entries: Mutex<BTreeMap<TaskId, Arc<Entry>>>,
    ended: Arc<Ended>,
    totals: Arc<Totals>,
    /// Sent to by whoever queues.
    queued: watch::Sender<usize>,
}

impl Spool {
    /// Opens the spool in the agent's `folder`, removes what an earlier life of the agent may have
    /// left there, and starts the thread. Join it after the last handle is gone.
    pub fn open(
        folder: &Path,
        limits: Limits,
    ) -> Result<(Self, thread::JoinHandle<()>), SpoolError> {
        let folder = folder.join("spool");
        sweep(&folder)?;
        let (spool, disk, waiting) = Self::new(folder.clone(), limits);
        let thread = thread::Builder::new()
            .name("spool".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || disk.run(waiting))
            .map_err(|source| SpoolError { what: "start the thread of", path: folder, source })?;
        Ok((spool, thread))
    }

    /// A spool whose disk is not served yet.
    pub(super) fn new(folder: PathBuf, limits: Limits) -> (Self, Disk, mpsc::Receiver<Request>) {
        let (requests, waiting) = mpsc::channel(QUEUE / cost(1) + DROPS);
        let (queued, levels) = watch::channel(0);
        let shared = Arc::new(Shared {
            entries: Mutex::default(),
            ended: Arc::default(),
            totals: Arc::default(),
            queued: queued.clone(),
        });
        let disk = Disk {
            folder,
            stream_slots: limits.stream_bytes.div_ceil(PIECE),
            total_slots: limits.total_bytes / PIECE,
            totals: shared.totals.clone(),
            ended: shared.ended.clone(),
            queued,
        };
        (Self { shared, requests, queued: levels }, disk, waiting)
    }

    /// Begins the output of a task. It ends when the writer is dropped.
    pub fn begin(&self, task: TaskId) -> Writer {
        let entry = Arc::new(Entry::new(self.shared.totals.clone()));
        self.shared.entries().insert(task, entry.clone());
        Writer { entry, spool: self.clone(), patient: true }
    }

    /// Reads a task's output from these offsets on; nothing when the task is not known here. With
    /// `follow` it is read until the task has ended.
    pub fn read(&self, task: TaskId, stdout: u64, stderr: u64, follow: bool) -> Option<Reader> {
        let entry = self.shared.entries().get(&task)?.clone();
        Some(Reader::new(entry, stdout, stderr, follow))
    }

    /// Removes a task's output. Whoever reads it reads on.
    pub fn remove(&self, task: TaskId) {
        let entry = self.shared.entries().remove(&task);
        if let Some(entry) = entry {
            // A queue that is full gives it back, and it is dropped here.
            let _ = self.requests.try_send(Request::Drop(entry));
        }
    }

    /// Bytes that files take at most at this moment, and how many files there are.
    pub fn taken(&self) -> (u64, u64) {
        let Totals { slots, files } = &*self.shared.totals;
        (slots.load(Ordering::Relaxed) * PIECE, files.load(Ordering::Relaxed))
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<TaskId, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way of one task's output into the spool. The output has ended when it is dropped.
#[derive(Debug)]
pub struct Writer {
    entry: Arc<Entry>,
    spool: Spool,
    /// Whether the disk is waited for: not while it hangs.
    patient: bool,
}

impl Writer {
    /// Takes bytes that were written. Returns at once; without room they are left out.
    pub fn push(&self, stream: StreamKind, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let offset = {
            let mut state = self.entry.state();
            let stream = state.stream(stream);
            stream.total += bytes.len() as u64;
            stream.waiting += 1;
            stream.total - bytes.len() as u64
        };
        if !self.queue(stream, offset, bytes) {
            self.entry.state().stream(stream).waiting -= 1;
            self.entry.changed();
        }
    }

    /// Waits, when the disk is behind, until it has caught up a little: a moment at most.
    pub async fn room(&mut self) {
        if *self.spool.queued.borrow() <= HIGH {
            self.patient = true;
        } else if self.patient {
            // The thread holds the other end.
            let caught_up = self.spool.queued.wait_for(|queued| *queued <= HIGH);
            self.patient = timeout(PATIENCE, caught_up).await.is_ok();
        }
    }

    fn queue(&self, stream: StreamKind, offset: u64, bytes: &[u8]) -> bool {
        let queued = &self.spool.shared.queued;
        let Ok(place) = self.spool.requests.try_reserve() else { return false };
        let cost = cost(bytes.len());
        let fits = queued.send_if_modified(|queued| {
            let fits = *queued + cost <= QUEUE;
            if fits {
                *queued += cost;
            }
            fits
        });
        if fits {
            let (entry, data) = (self.entry.clone(), bytes.to_vec());
            place.send(Request::Write { entry, stream, offset, data });
        }
        fits
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.entry.state().ended = true;
        self.entry.changed();
        let mut ended = self.spool.shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // As many as there are entries, and those that only readers hold.
        ended.retain(|entry| entry.strong_count() > 0);
        ended.push_back(Arc::downgrade(&self.entry));
    }
}

/// Makes the folder, empty. Its files have no names while they are used, so there is something only
/// where the system knows no such files and the agent was killed at the wrong moment.
fn sweep(folder: &Path) -> Result<(), SpoolError> {
    let fail = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| SpoolError { what, path, source }
    };
    platform::create_private_folder(folder).map_err(fail("create", folder))?;
    for found in fs::read_dir(folder).map_err(fail("look into", folder))? {
        let path = found.map_err(fail("look into", folder))?.path();
        fs::remove_file(&path).map_err(fail("remove", &path))?;
    }
    Ok(())
}
