//! The contract of a store, as cases to run against one.
//!
//! A backend's tests implement [`Subject`] and call [`run`]; every backend passes the same list.
//! Nothing in it asks for what etcd could not give: revisions need not be adjacent, a fresh store
//! may start at any revision, and other keys may change meanwhile elsewhere.

mod committing;
mod lifecycle;
mod model;
mod reading;
mod watching;

use std::{error::Error, fmt, time::Duration};

use crate::{BoxFuture, Commit, Entry, InvalidKey, Key, Prefix, Range, Revision, Store};

pub use model::{Command, replay};

/// How to get stores of the backend under test.
pub trait Subject: Sync {
    /// An empty store that nothing else uses.
    fn fresh(&self) -> BoxFuture<'_, Store>;

    /// As [`Subject::fresh`], but its history keeps at most about 16 revisions. None if the
    /// backend has no such thing; compaction is then for its own tests.
    fn forgetful(&self) -> BoxFuture<'_, Option<Store>>;

    /// Closes a store made here and opens what it stored. None if the backend forgets.
    fn reopen(&self, store: Store) -> BoxFuture<'_, Option<Store>>;
}

/// A case that a backend does not pass.
#[derive(Debug)]
pub struct Failure {
    /// The case's name.
    pub case: &'static str,
    /// What was seen and what was wanted.
    pub reason: String,
}

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
type Case = for<'a> fn(&'a dyn Subject) -> BoxFuture<'a, Outcome>;

/// Far longer than a case takes on a slow disk; a case that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs every case, each on a store of its own.
///
/// # Errors
/// With all cases that do not pass.
pub async fn run(subject: &dyn Subject) -> Result<(), Vec<Failure>> {
    let mut failures = Vec::new();
    let lists = [reading::CASES, committing::CASES, watching::CASES, lifecycle::CASES];
    for (case, check) in lists.into_iter().flatten() {
        let reason = match tokio::time::timeout(PATIENCE, check(subject)).await {
            Ok(Ok(())) => continue,
            Ok(Err(reason)) => reason.to_string(),
            Err(_) => format!("not done after {PATIENCE:?}"),
        };
        failures.push(Failure { case, reason });
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Fails unless both are the same.
fn same<T: PartialEq + fmt::Debug>(what: &str, seen: T, wanted: T) -> Outcome {
    if seen == wanted {
        return Ok(());
    }
    Err(format!("{what}: saw {seen:?}, wanted {wanted:?}").into())
}

fn holds(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn key(text: impl AsRef<[u8]>) -> Result<Key, InvalidKey> {
    Key::new(text)
}

/// Puts one key and says at which revision.
async fn put(
    store: &Store,
    key: &Key,
    value: impl Into<bytes::Bytes>,
) -> Result<Revision, Box<dyn Error + Send + Sync>> {
    Ok(store.commit(Commit::new().put(key.clone(), value)).await?)
}

/// Every entry with a prefix, read `limit` to a page.
async fn list(
    store: &Store,
    prefix: &Prefix,
    limit: u32,
) -> Result<Vec<Entry>, Box<dyn Error + Send + Sync>> {
    let mut entries = Vec::new();
    let mut rest = Some(Range::prefix(prefix).limit(limit));
    while let Some(range) = rest {
        let page = store.range(range).await?;
        entries.extend(page.entries);
        rest = page.next;
    }
    Ok(entries)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.case, self.reason)
    }
}
