//! Where placements go, and why. Pure: no I/O, no clock, and no randomness but a seed.

mod plan;

pub use plan::{
    Candidate, HostView, Make, Part, Plan, Queue, Removal, Removed, Stop, Unplaced, WorkloadStep,
};
