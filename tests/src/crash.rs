//! Crash points: a fleet whose programs die at exact places in the middle of a batch, and the
//! promises that its batches are held to all the same. `tests/crashes.rs` is the campaign.

mod campaign;
mod check;
mod control;
mod effects;
mod fleet;
mod journal;
mod lives;
mod order;
mod scenario;

pub use campaign::{Campaign, Kill, points, points_of_second_lives};
pub use fleet::{Fleet, HOSTS, Victim};
pub use scenario::Scenario;
