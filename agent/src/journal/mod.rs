//! The task journal: what makes a task start at most once and its end truthful.
//!
//! [`JournalFile`] is the file and its index; [`Journal`] is the handle of the thread that owns it.
//! `tasks` writes to it; `session` reads the ends that it sends from it, so that what is told is
//! what is on the disk.

mod file;
mod handle;
mod held;
mod record;
#[cfg(test)]
mod tests;

pub use file::JournalFile;
pub use handle::Journal;
pub use held::{Held, JournalError, Open, ProcessMark, Start};
pub use record::Deed;
