//! Where a fleet's state lives: ordered keys, compare-and-commit, watch.
//!
//! The coordinator is the one caller. It holds a [`Store`], a cheap handle that says nothing about
//! what is behind it: an embedded engine on this machine's disk (`sled`, the default, or `redb`),
//! memory for tests, or a cluster. The contract is the part that all of them can keep, so a fleet
//! moves from one to another without the coordinator noticing; [`conformance`] is that contract as
//! cases to run, [`transfer`] is the file a fleet moves in.
//!
//! The promise: a commit whose revision was returned has been synced, survives `kill -9` and a
//! power cut, and nothing that has not been synced is ever read or watched.

mod commit;
pub mod conformance;
mod embedded;
mod entry;
mod fault;
mod key;
mod range;
mod store;
pub mod transfer;
mod watch;

pub use commit::{
    Commit, InvalidCommit, MAX_COMMIT_BYTES, MAX_COMMIT_OPS, MAX_VALUE, Precondition, Write,
};
pub use embedded::{EngineKind, HistoryBounds, OpenError, Options, UnknownEngine};
pub use entry::{Change, Entry, Event, Revision};
pub use fault::Fault;
pub use key::{InvalidKey, Key, MAX_KEY, Prefix};
pub use range::{InvalidLimit, MAX_PAGE_BYTES, MAX_PAGE_ENTRIES, Page, Range};
pub use store::{Backend, BoxFuture, CommitError, ReadError, Store};
pub use watch::{Feed, Watch, WatchError};
