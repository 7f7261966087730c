//! Schedules: batches that are made when they are due.
//!
//! `tamer-schedule` says when, [`decide`] what becomes of what is due; both are pure. [`keeper`]
//! follows the records ([`record`]), sleeps until something is due, and makes the batches, through
//! the same [`crate::batch::Maker`] that people's requests use. What people ask is in
//! `control/schedules.rs`.

mod decide;
mod earlier;
mod follow;
mod keeper;
pub mod record;

pub use earlier::Earlier;
pub use keeper::Keeper;
pub use record::{CameOf, MAX_SCHEDULES, Occurrence, Schedule};
