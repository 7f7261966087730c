//! What there is, who writes, and how much room is left.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use tamer_model::{Code, Content, Fingerprint, MAX_CONTENT_BYTES, Problem, Timestamp};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::folder::Folder;
use super::limits::{ContentLimits, TURN};
use crate::clock;

/// What a file takes at least, in bytes: a block of the disk. It bounds how many contents there
/// are, and so what their list costs: with the default limit 2.6 million, of 80 bytes each.
const BLOCK: u64 = 4096;

/// How much of a content is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Bytes that need not be sent.
    pub have: u64,
    /// Whether that is all of it, and its digest was checked.
    pub complete: bool,
}

/// The contents of a coordinator. Cheap to clone.
#[derive(Clone)]
pub struct Contents {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Folder,
    limits: ContentLimits,
    shelf: Mutex<Shelf>,
    uploads: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    /// Somebody who held a content let it go.
    closed: Notify,
}

/// What is known of a content that has a file.
#[derive(Debug, Clone, Copy)]
enum Held {
    Whole {
        size: u64,
        used_at: Timestamp,
    },
    Part {
        have: u64,
        used_at: Timestamp,
    },
    /// One writer has it, or it is being removed; `room` bytes are set aside for it.
    Taken {
        room: u64,
    },
}

#[derive(Default)]
struct Shelf {
    held: BTreeMap<Fingerprint, Held>,
    /// What all of them take on the disk, in bytes.
    bytes: u64,
}

impl Contents {
    /// Opens the folder, making it if it is not there.
    pub fn open(folder: &Path, limits: ContentLimits) -> Result<Self, Problem> {
        let (folder, found) = Folder::open(folder)?;
        let mut shelf = Shelf::default();
        // Parts first: where both are there the whole one counts, and the part is nobody's.
        for file in found.iter().filter(|file| !file.whole) {
            shelf.put(file.digest, Some(Held::Part { have: file.size, used_at: file.used_at }));
        }
        for file in found.iter().filter(|file| file.whole) {
            let whole = Held::Whole { size: file.size, used_at: file.used_at };
            if shelf.put(file.digest, Some(whole)).is_some() {
                folder.remove(&folder.part(&file.digest))?;
            }
        }
        let uploads = Arc::new(Semaphore::new(limits.uploads.max(1)));
        let downloads = Arc::new(Semaphore::new(limits.downloads.max(1)));
        let (shelf, closed) = (Mutex::new(shelf), Notify::new());
        Ok(Self { inner: Arc::new(Inner { folder, limits, shelf, uploads, downloads, closed }) })
    }

    /// How much of a content is there. Asking keeps it for another day: the batch that needs it
    /// may come next.
    ///
    /// # Errors
    /// `InvalidField` when bytes of this digest are there and are not so many.
    pub async fn stat(&self, content: Content) -> Result<Stat, Problem> {
        let held = {
            let mut shelf = self.lock();
            shelf.touch(&content.digest);
            shelf.held.get(&content.digest).copied()
        };
        match held {
            Some(Held::Whole { size, .. }) if size == content.size => {
                let folder = self.inner.folder.clone();
                off(move || folder.touch(&content.digest).map_err(|error| folder.failed(&error)))
                    .await?;
                Ok(Stat { have: size, complete: true })
            }
            Some(Held::Whole { size, .. }) => {
                let message = format!("the bytes of this digest are {size}, not {}", content.size);
                Err(Problem::field("content.size", message))
            }
            Some(Held::Part { have, .. }) if have <= content.size => {
                Ok(Stat { have, complete: false })
            }
            Some(Held::Part { .. } | Held::Taken { .. }) | None => {
                Ok(Stat { have: 0, complete: false })
            }
        }
    }

    /// Whether all of a content is there.
    pub fn has(&self, content: Content) -> bool {
        self.has_all(&[content]).is_none()
    }

    /// The first of these that is not there as a whole. Those that are there are kept for another
    /// day, in which what needs them is written down.
    pub fn has_all(&self, contents: &[Content]) -> Option<Content> {
        let mut shelf = self.lock();
        contents.iter().copied().find(|content| {
            shelf.touch(&content.digest);
            !matches!(shelf.held.get(&content.digest),
                Some(Held::Whole { size, .. }) if *size == content.size)
        })
    }

    /// Whether bytes of this digest are there as a whole. Asking keeps nothing.
    pub fn holds(&self, digest: &Fingerprint) -> bool {
        matches!(self.lock().held.get(digest), Some(Held::Whole { .. }))
    }

    /// The whole contents that were not used since `before`.
    pub fn idle(&self, before: Timestamp) -> Vec<Fingerprint> {
        let idle = |held: &Held| matches!(held, Held::Whole { used_at, .. } if *used_at < before);
        let shelf = self.lock();
        shelf.held.iter().filter(|(_, held)| idle(held)).map(|(digest, _)| *digest).collect()
    }

    /// Removes those of `digests` that were still not used since `before`, and every part that was
    /// not.
    ///
    /// # Errors
    /// What the disk says; the others are removed all the same.
    pub async fn remove(
        &self,
        digests: Vec<Fingerprint>,
        before: Timestamp,
    ) -> Result<usize, Problem> {
        let places: Vec<_> = {
            let mut shelf = self.lock();
            let parts: Vec<_> = shelf.parts(before).collect();
            let old = digests.into_iter().chain(parts);
            old.filter(|digest| shelf.remove(*digest, before))
                .map(|digest| self.place(digest, 0))
                .collect()
        };
        let count = places.len();
        off(move || {
            let removed: Vec<_> = places.into_iter().map(Place::remove).collect();
            removed.into_iter().collect::<Result<(), _>>()
        })
        .await?;
        Ok(count)
    }

    /// Removes what came of a content that was cut, unless somebody sends it now.
    pub async fn forget(&self, content: Content) -> Result<(), Problem> {
        let place = {
            let mut shelf = self.lock();
            let part = matches!(shelf.held.get(&content.digest), Some(Held::Part { .. }));
            part.then(|| {
                shelf.put(content.digest, Some(Held::Taken { room: 0 }));
                self.place(content.digest, 0)
            })
        };
        off(move || place.map_or(Ok(()), Place::remove)).await
    }

    /// What all contents take, in bytes.
    #[cfg(test)]
    pub fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Waits until somebody let a content go. To be made before it is tried to take one.
    pub(super) fn closed(&self) -> tokio::sync::futures::Notified<'_> {
        self.inner.closed.notified()
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.inner.folder
    }

    /// Takes a content for writing, from `offset` on. None: all of it is there.
    pub(super) fn take(&self, content: Content, offset: u64) -> Result<Option<Place>, Problem> {
        if content.size > MAX_CONTENT_BYTES {
            let message = format!("{} bytes, more than {MAX_CONTENT_BYTES}", content.size);
            return Err(Problem::field("content.size", message));
        }
        let mut shelf = self.lock();
        let have = match shelf.held.get(&content.digest) {
            Some(Held::Whole { .. }) => return Ok(None),
            Some(Held::Taken { .. }) => return Err(busy()),
            Some(Held::Part { have, .. }) => *have,
            None => 0,
        };
        if offset > have {
            let message = format!("{offset} is after the {have} bytes that are there");
            return Err(Problem::field("offset", message)
                .remedy("ask how much is there, and go on from there"));
        }
        let room = Held::Taken { room: content.size };
        let others = shelf.bytes - shelf.held.get(&content.digest).map_or(0, Held::cost);
        if others + room.cost() > self.inner.limits.max_bytes {
            let message = format!(
                "{} bytes more than the {} that the coordinator holds are beyond its limit of {}",
                content.size, others, self.inner.limits.max_bytes
            );
            return Err(Problem::new(Code::ResourceExhausted, message).remedy(
                "raise contents.max_bytes of the coordinator; what no batch needs is removed after a day",
            ));
        }
        shelf.put(content.digest, Some(room));
        Ok(Some(self.place(content.digest, have)))
    }

    /// Notes that a whole content is about to be read.
    pub(super) fn find(&self, content: Content) -> Result<(), Problem> {
        if self.has(content) {
            return Ok(());
        }
        Err(Problem::new(Code::NotFound, format!("the content {} is not there", content.digest))
            .remedy("it was removed with the batch that needed it, or never sent: send it again"))
    }

    pub(super) async fn upload_turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        turn(&self.inner.uploads).await
    }

    pub(super) fn downloads(&self) -> Arc<Semaphore> {
        self.inner.downloads.clone()
    }

    fn place(&self, digest: Fingerprint, have: u64) -> Place {
        Place { contents: self.clone(), digest, have }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.inner.shelf.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The one who may touch the files of a content. Dropping it lets go: what is left is a part of
/// `have` bytes.
pub(super) struct Place {
    contents: Contents,
    digest: Fingerprint,
    have: u64,
}

impl Place {
    pub fn folder(&self) -> &Folder {
        self.contents.folder()
    }

    pub const fn digest(&self) -> &Fingerprint {
        &self.digest
    }

    /// So many bytes are in the part's file.
    pub const fn has(&mut self, have: u64) {
        self.have = have;
    }

    /// The part has become the whole content.
    pub fn whole(self, size: u64) {
        let whole = Held::Whole { size, used_at: clock::now() };
        self.contents.lock().put(self.digest, Some(whole));
    }

    /// Removes every file of it.
    pub fn remove(mut self) -> Result<(), Problem> {
        self.have = 0;
        let folder = self.folder();
        let removed = folder.remove(&folder.whole(&self.digest));
        removed.and(folder.remove(&folder.part(&self.digest)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut shelf = self.contents.lock();
        if let Some(Held::Taken { .. }) = shelf.held.get(&self.digest) {
            let part = Held::Part { have: self.have, used_at: clock::now() };
            shelf.put(self.digest, (self.have > 0).then_some(part));
        }
        drop(shelf);
        self.contents.inner.closed.notify_waiters();
    }
}

impl Held {
    /// What it takes of the room, in bytes.
    fn cost(&self) -> u64 {
        let (Self::Whole { size: bytes, .. }
        | Self::Part { have: bytes, .. }
        | Self::Taken { room: bytes }) = self;
        bytes.max(&1).next_multiple_of(BLOCK)
    }
}

impl Shelf {
    fn put(&mut self, digest: Fingerprint, held: Option<Held>) -> Option<Held> {
        self.bytes += held.as_ref().map_or(0, Held::cost);
        let before = match held {
            Some(held) => self.held.insert(digest, held),
            None => self.held.remove(&digest),
        };
        self.bytes -= before.as_ref().map_or(0, Held::cost);
        before
    }

    fn touch(&mut self, digest: &Fingerprint) {
        match self.held.get_mut(digest) {
            Some(Held::Whole { used_at, .. } | Held::Part { used_at, .. }) => {
                *used_at = clock::now();
            }
            Some(Held::Taken { .. }) | None => {}
        }
    }

    fn parts(&self, before: Timestamp) -> impl Iterator<Item = Fingerprint> {
        let old =
            move |held: &Held| matches!(held, Held::Part { used_at, .. } if *used_at < before);
        self.held.iter().filter(move |(_, held)| old(held)).map(|(digest, _)| *digest)
    }

    /// Takes what was not used since `before` in order to remove it.
    fn remove(&mut self, digest: Fingerprint, before: Timestamp) -> bool {
        let Some(Held::Whole { used_at, .. } | Held::Part { used_at, .. }) = self.held.get(&digest)
        else {
            return false;
        };
        let old = *used_at < before;
        if old {
            self.put(digest, Some(Held::Taken { room: 0 }));
        }
        old
    }
}

/// Runs what waits for the disk off the threads that serve.
pub(super) async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let died = |error: tokio::task::JoinError| {
        Problem::new(Code::Internal, format!("work on a content died: {error}"))
    };
    tokio::task::spawn_blocking(work).await.map_err(died)?
}

async fn turn(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    let full = || {
        Problem::new(Code::Busy, "too many files are on their way to the coordinator")
            .remedy("try again in some minutes, or raise contents.uploads of the coordinator")
    };
    let permit =
        tokio::time::timeout(TURN, of.clone().acquire_owned()).await.map_err(|_| full())?;
    permit.map_err(|_| full())
}

fn busy() -> Problem {
    Problem::new(Code::Busy, "this content is being sent by somebody else")
        .remedy("try again in a moment: what was sent by then need not be sent twice")
}
