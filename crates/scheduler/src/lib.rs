//! Where placements go, and why. Pure: no I/O, no clock, and no randomness but a seed.

#[doc(hidden)]
pub mod desire;
mod plan;

pub use desire::Counts;
pub use plan::{
    Candidate, HostView, Make, Part, Plan, Queue, Removal, Removed, Stop, Unplaced, WorkloadStep,
};
