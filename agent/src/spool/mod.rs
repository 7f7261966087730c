//! The whole output of this host's tasks, on its disk, for whoever reads it: while the task runs,
//! and until the coordinator has its end. See `docs/decisions/0020-the-spool.md`.
//!
//! `exec` writes, `streams` reads, `tasks` says what begins and what is forgotten. A thread does
//! the writing, so a disk that hangs stands in nobody's way for longer than a moment.

mod disk;
mod entry;
mod handle;
mod pieces;
mod reader;
#[cfg(test)]
mod tests;

pub use handle::{Limits, Spool, SpoolError, Writer};
pub use reader::{Reader, Written};
