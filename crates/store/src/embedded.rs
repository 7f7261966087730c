//! The stores that live inside the coordinator's process.
//!
//! `Engine` is what differs between them: bytes on a disk. Everything else is shared: the folder
//! and its lock, the committer thread that turns many commits into one sync, the view that hides
//! what is not synced yet, and the history that watches read.

mod committer;
mod engine;
mod fault;
mod folder;
mod group;
mod handle;
mod history;
mod memory;
mod open;
mod options;
mod os;
mod record;
mod redb;
mod sled;
#[cfg(test)]
mod tests;
mod tip;
mod view;

pub(crate) use open::{memory, open};
pub(crate) use os::{create_private, sync_dir};
pub(crate) use record::checksum;

pub use folder::OpenError;
pub use options::{EngineKind, HistoryBounds, Options, UnknownEngine};
