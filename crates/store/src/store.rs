//! The handle everybody holds, and what a backend implements to be behind it.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use thiserror::Error;

use crate::{
    Commit, Entry, Fault, InvalidCommit, InvalidLimit, Key, Page, Prefix, Range, Revision, Watch,
    WatchError,
    embedded::{self, OpenError, Options},
};

/// A future a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A fleet's state. Clones are cheap and are the same store.
#[derive(Clone)]
pub struct Store(Arc<dyn Backend>);

/// One way to keep a fleet's state. [`Store`] checks limits before it asks, so a backend sees valid
/// commits and ranges only. [`crate::conformance`] says the rest.
pub trait Backend: Send + Sync {
    /// What it is called in messages: `sled`, `redb`, `memory`, …
    fn name(&self) -> &'static str;
    /// As [`Store::get`].
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, ReadError>>;
    /// As [`Store::range`].
    fn range(&self, range: Range) -> BoxFuture<'_, Result<Page, ReadError>>;
    /// As [`Store::commit`].
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, CommitError>>;
    /// As [`Store::watch`].
    fn watch(&self, prefix: Prefix, from: Revision) -> BoxFuture<'_, Result<Watch, WatchError>>;
    /// As [`Store::revision`].
    fn revision(&self) -> BoxFuture<'_, Result<Revision, ReadError>>;
    /// As [`Store::close`].
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Why something could not be read.
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    /// The range asks for no entries, or for too many.
    #[error(transparent)]
    Invalid(#[from] InvalidLimit),
    /// The store cannot be read now.
    #[error("the store cannot be read")]
    Unavailable(#[source] Fault),
    /// [`Store::close`] was called.
    #[error("the store is closed")]
    Closed,
}

/// Why a commit has no revision.
#[derive(Clone, Debug, Error)]
pub enum CommitError {
    /// A precondition does not hold; nothing was changed. Read again and decide again.
    #[error("{key} is not as the commit requires")]
    Conflict {
        /// The key of the first precondition that does not hold.
        key: Key,
    },
    /// The commit breaks a limit; nothing was changed.
    #[error(transparent)]
    Invalid(#[from] InvalidCommit),
    /// There is no room for it; nothing was changed. It can be tried again once there is room, and
    /// a commit that only deletes is accepted meanwhile.
    #[error("the store is full")]
    Full(#[source] Fault),
    /// The store takes no commits now; nothing was changed.
    #[error("the store takes no commits")]
    Unavailable(#[source] Fault),
    /// It failed while it was being made durable: whether it happened is not known until the store
    /// has been opened again. It is in full or not at all.
    #[error("the commit failed half-way; whether it happened shows when the store is reopened")]
    OutcomeUnknown(#[source] Fault),
    /// [`Store::close`] was called; nothing was changed.
    #[error("the store is closed")]
    Closed,
}

impl Store {
    /// A handle on `backend`.
    pub fn new(backend: impl Backend + 'static) -> Self {
        Self(Arc::new(backend))
    }

    /// A store in memory: for tests, and for trying things.
    #[must_use]
    pub fn memory() -> Self {
        embedded::memory()
    }

    /// Opens the embedded store of a data folder, or makes a new one in an empty or absent folder.
    ///
    /// # Errors
    /// See [`OpenError`]; each names the folder and says what to do.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        embedded::open(options).await
    }

    /// What is behind the handle: `sled`, `redb`, `memory`, …
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What is stored at `key`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get(&self, key: &Key) -> Result<Option<Entry>, ReadError> {
        self.0.get(key).await
    }

    /// One page of `range`.
    ///
    /// # Errors
    /// When the limit is out of bounds or the store cannot be read.
    pub async fn range(&self, range: Range) -> Result<Page, ReadError> {
        range.check()?;
        self.0.range(range).await
    }

    /// Makes all writes of `commit` happen, durably and at one revision, if all its preconditions
    /// hold; waits while too much is queued already.
    ///
    /// A caller that stops waiting does not stop the commit: whether it happened is then to be read.
    ///
    /// # Errors
    /// See [`CommitError`]; all but `OutcomeUnknown` mean that nothing was changed.
    pub async fn commit(&self, commit: Commit) -> Result<Revision, CommitError> {
        commit.check()?;
        self.0.commit(commit).await
    }

    /// Follows the changes of every key with `prefix`, those of revision `from` first. `from` may
    /// be in the past, as far as history is kept, or in the future.
    ///
    /// # Errors
    /// [`WatchError::Compacted`] when history is not kept back to `from`.
    pub async fn watch(&self, prefix: Prefix, from: Revision) -> Result<Watch, WatchError> {
        self.0.watch(prefix, from).await
    }

    /// The revision of the latest commit that can be read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn revision(&self) -> Result<Revision, ReadError> {
        self.0.revision().await
    }

    /// Lets commits under way finish, then releases everything: files, locks, threads. All clones
    /// are closed with it. Dropping the last clone does the same, but blocks its thread meanwhile.
    pub async fn close(self) {
        self.0.close().await;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.name())
    }
}
