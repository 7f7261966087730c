//! The placements of this host: what its coordinator wants to run here, kept so with or without it.
//!
//! [`Placements`] is the one task that owns them. It keeps each order on the disk, looks at what the
//! providers show, decides for each placement what comes next ([`decide`], pure), and has it done,
//! at most one thing at a time for each. The path is the same on a quiet day, after a crash and
//! after weeks without a coordinator. `run` makes and runs it; a session brings orders through the
//! [`PlacementsHandle`] and tells the [`Board`].

mod board;
mod contact;
mod decide;
mod handle;
mod health;
mod keeper;
mod kept;
mod list;
mod ours;
mod step;
mod store;
mod tell;
mod words;

pub use board::Board;
pub use handle::{Attached, InSession, PlacementsHandle, Stopped, Wanted};
pub use keeper::Placements;
pub use store::{Replace, StoreError};
pub use tell::tell;

/// The most placements that a host keeps, also those that are about to go. Each is a few hundred
/// bytes in the file that is written whole; one more is told as failed.
pub const MAX_PLACEMENTS: usize = 4096;
