//! Where placements go, and why. Pure: no I/O, no clock, and no randomness but a seed.

#[doc(hidden)]
pub mod desire;
mod place;
mod plan;
mod scheduler;
mod state;

pub use desire::Counts;
pub use plan::{
    Candidate, Failed, Failure, HostView, Make, Part, Plan, Queue, Removal, Removed, Stop,
    Unplaced, WorkloadStep,
};
pub use scheduler::Scheduler;
