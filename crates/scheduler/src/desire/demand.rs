//! What a workload needs now.

use tamer_model::{Cause, HostId, PlacementId, StopCause, Timestamp};

use crate::WorkloadStep;

/// What one workload needs now, before anybody has looked for room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desire {
    /// Copies that need a place, the most urgent first.
    pub demands: Vec<Demand>,
    /// Copies that are to stop whatever else happens.
    pub stops: Vec<(PlacementId, StopCause)>,
    /// What becomes of the workload's record.
    pub step: Option<WorkloadStep>,
    /// When time alone would change any of this; none: never.
    pub wake: Option<Timestamp>,
    /// How its copies stand.
    pub counts: Counts,
    /// How many more copies may be taken away on purpose now, once the demands are met: what a
    /// rebalance may move.
    pub spare: u32,
}

/// A copy that needs a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Which copy.
    pub index: u32,
    /// The version that it is to be made of.
    pub template: u32,
    /// Why.
    pub cause: Cause,
    /// The copy whose place it takes.
    pub replaces: Option<PlacementId>,
    /// The only host that will do, for a workload that runs on every host.
    pub host: Option<HostId>,
    /// Hosts where it is not to go.
    pub avoid: Vec<HostId>,
    /// What stops in the plan that makes it, and only then: its room counts as free.
    pub stops: Option<(PlacementId, StopCause)>,
}

/// How a workload's copies stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How many are wanted; of one that runs to completion, how many successes.
    pub wanted: u32,
    /// Run, as far as is known.
    pub running: u32,
    /// Are of the newest template, run, and are not unwell.
    pub well: u32,
    /// Are of another template, run, and are not unwell.
    pub former: u32,
    /// Are on their way, or wait to be started again.
    pub starting: u32,
    /// Failed on their hosts.
    pub failed: u32,
    /// Are on lost hosts.
    pub unknown: u32,
    /// Have no place.
    pub unplaced: u32,
    /// Ran to their ends and succeeded.
    pub completed: u32,
    /// Are to stop, and not gone yet.
    pub stopping: u32,
}
