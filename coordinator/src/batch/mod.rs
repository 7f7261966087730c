//! Batches: the controller that drives each to its end, and the feeds that show it.
//!
//! [`decide`] is the pure core: what to do about one task, given what is known. [`controller`] owns
//! the batches that have not ended, commits what was decided, and only then acts on it. [`feed`]
//! carries changes and live output to whoever watches.

pub mod controller;
mod decide;
pub mod feed;
mod open;
mod recent;

pub use controller::{Controller, Notice};
pub use feed::{Feeds, News};
