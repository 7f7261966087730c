//! The nodes of all pictures, in a folder of their own.
//!
//! ```text
//! DATA/inventory/3f/91c0…       a node: its name is the digest of its bytes, it is one zstd frame
//! DATA/inventory/3f/91c0….new   one that is being written, or was cut
//! ```
//!
//! Nodes are written without a sync: whoever lets a record of lasting worth refer to them calls
//! [`Nodes::sync`] first. What a power cut takes of others is found when it is read, because every
//! read is checked against the name; a file that is not what its name says is removed, counted, and
//! asked for again from an agent. [`sweep`] removes what nothing refers to, without stopping anybody.

mod cache;
mod folder;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_drift::{Digest, Domain};
use tamer_model::Problem;
use tracing::warn;

use cache::Cache;
use folder::{Folder, Read};
pub use sweep::Swept;

/// Bytes of nodes kept in memory: the upper levels of the trees that are compared all the time, and
/// the leaves of one host. A thousandth of what ten thousand hosts hold.
const CACHE: usize = 16 << 20;
/// Nodes that were written and not synced. One more, and all of them are.
const UNSYNCED: usize = 65_536;

/// The nodes of a coordinator. Cheap to clone. Its calls block on the disk: make them where that
/// does no harm.
#[derive(Clone)]
pub struct Nodes {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Folder,
    cache: Mutex<Cache>,
    unsynced: Mutex<BTreeSet<Digest>>,
    /// Roots that somebody works with and no record names yet, and how many do.
    pins: Mutex<BTreeMap<Pinned, usize>>,
    /// While a sweep runs: what was written or found since it began.
    used: Mutex<Option<BTreeSet<Digest>>>,
    damaged: AtomicU64,
}

/// Keeps a root and what it reaches from being swept away, until it is dropped.
pub struct Pin {
    inner: Arc<Inner>,
    root: Pinned,
}

/// A root that is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pinned {
    /// Of a host's tree, which may be on its way.
    Host(Digest),
    /// Of a tree of hosts.
    Fleet(Digest),
}

impl Nodes {
    /// Opens the folder, making it if it is not there.
    ///
    /// # Errors
    /// `DataFolder` when the folder cannot be made or read.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let inner = Inner {
            folder: Folder::open(path)?,
            cache: Mutex::new(Cache::new(CACHE)),
            unsynced: Mutex::default(),
            pins: Mutex::default(),
            used: Mutex::default(),
            damaged: AtomicU64::new(0),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A node, checked against its name. None when it is not there, or was not what its name says:
    /// then it is gone now.
    ///
    /// # Errors
    /// `DataFolder` when the disk fails.
    pub fn read(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, Problem> {
        self.inner.use_it(digest);
        if let Some(node) = lock(&self.inner.cache).get(digest) {
            return Ok(Some(node));
        }
        let Some(node) = self.read_file(digest)? else { return Ok(None) };
        lock(&self.inner.cache).put(*digest, node.clone());
        Ok(Some(node))
    }

    /// The same, from the disk in any case: for who looks for damage.
    ///
    /// # Errors
    /// `DataFolder` when the disk fails.
    pub fn read_file(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, Problem> {
        let bad = match self.inner.folder.read(digest)? {
            Read::Absent => {
                lock(&self.inner.cache).forget(digest);
                return Ok(None);
            }
            Read::Bytes(bytes) if is(digest, &bytes) => return Ok(Some(bytes.into())),
            Read::Bytes(_) => "its bytes are others than its name says".to_owned(),
            Read::Broken(why) => why,
        };
        let so_far = self.inner.damaged.fetch_add(1, Ordering::Relaxed) + 1;
        warn!(node = %digest, why = bad, so_far, "a node of an inventory was damaged");
        lock(&self.inner.cache).forget(digest);
        self.inner.folder.remove(digest)?;
        Ok(None)
    }

    /// Whether there is a file of this name. It is not read.
    pub fn has(&self, digest: &Digest) -> bool {
        self.inner.use_it(digest);
        lock(&self.inner.cache).get(digest).is_some() || self.inner.folder.has(digest)
    }

    /// Writes a node that is what its name says.
    ///
    /// # Errors
    /// `InvalidField` when it is not, `ResourceExhausted` without room, `DataFolder` when the disk
    /// fails.
    pub fn write(&self, digest: Digest, bytes: &[u8]) -> Result<(), Problem> {
        if !is(&digest, bytes) {
            return Err(Problem::field("nodes", format!("the bytes are not those of {digest}")));
        }
        // Told first, so that no sweep takes it between the file and the record.
        self.inner.use_it(&digest);
        if self.inner.folder.has(&digest) {
            return Ok(());
        }
        self.inner.folder.write(&digest, bytes)?;
        lock(&self.inner.cache).put(digest, bytes.into());
        let full = {
            let mut unsynced = lock(&self.inner.unsynced);
            unsynced.insert(digest);
            unsynced.len() >= UNSYNCED
        };
        if full { self.sync() } else { Ok(()) }
    }

    /// Makes everything that was written until now survive a power cut.
    ///
    /// # Errors
    /// `DataFolder` when the disk fails; then nothing counts as synced.
    pub fn sync(&self) -> Result<(), Problem> {
        let taken = std::mem::take(&mut *lock(&self.inner.unsynced));
        let done = self.inner.folder.sync(&taken);
        if done.is_err() {
            lock(&self.inner.unsynced).extend(taken);
        }
        done
    }

    /// Keeps what a root reaches until the pin is dropped.
    pub fn pin(&self, root: Pinned) -> Pin {
        *lock(&self.inner.pins).entry(root).or_default() += 1;
        Pin { inner: self.inner.clone(), root }
    }
}

impl Inner {
    /// Notes that a node is needed by something that began while a sweep runs.
    fn use_it(&self, digest: &Digest) {
        if let Some(used) = lock(&self.used).as_mut() {
            used.insert(*digest);
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = lock(&self.inner.pins);
        if let Some(count) = pins.get_mut(&self.root) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.root);
            }
        }
    }
}

/// Whether these are the bytes of a node of that name, of a host's tree or of a fleet's.
pub fn is(digest: &Digest, bytes: &[u8]) -> bool {
    [Domain::HOST, Domain::FLEET].into_iter().any(|domain| Digest::of(domain, bytes) == *digest)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
