//! Desire: what one workload needs now, from its record and its copies alone.
//!
//! [`desire`] remembers nothing. Whatever is stored, however it came to be, it works out the next
//! step towards what is wanted: the same after a crash as on a quiet day.

mod demand;
mod view;

pub use demand::{Counts, Demand, Desire};
pub use view::{CopyView, Draining, HostStanding, Told};

use tamer_model::{HostId, Timestamp, Workload};

/// What a workload needs now. `copies`: all placements it has a record of, in any order. `eligible`:
/// the hosts that fit, for a workload that runs on every host.
pub fn desire(
    workload: &Workload,
    copies: &[CopyView],
    eligible: Option<&[HostId]>,
    now: Timestamp,
) -> Desire {
    let _ = (workload, copies, eligible, now);
    Desire::default()
}
