//! Named points at which a test lets a program die, as hard as `kill -9` and at an exact place.
//!
//! The store, the coordinator and the agent call [`point`] where dying hurts most: around every
//! commit, every message that matters, every start of a process. A program that was built without
//! debug assertions, so every release, holds nothing of this (decision 26).

#[cfg(not(debug_assertions))]
mod absent;
#[cfg(debug_assertions)]
mod armed;

#[cfg(not(debug_assertions))]
pub use absent::point;
#[cfg(debug_assertions)]
pub use armed::point;

/// The environment variable that names the file of orders. Without it no point does anything.
///
/// The file holds `RUN NAME:N`: die at the N-th passing of the point NAME. While the file is there,
/// every passing is written to the file beside it that is called [`TRACE`]; a text that is another
/// one, so another RUN, begins the count anew. A program that runs is so armed and disarmed.
pub const ORDER_FILE: &str = "TAMER_CRASH_FILE";

/// What is added to the name of the file of orders for the file of passings: lines of `NAME:N`.
pub const TRACE: &str = ".passed";
