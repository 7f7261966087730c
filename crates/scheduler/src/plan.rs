//! What goes in and what comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use tamer_model::{
    Host, HostId, HostState, PlacementId, Protocol, ProviderName, Span, StopCause, Timestamp,
    UpdateState, Why, WorkloadName,
};

/// A host as the scheduler sees it.
#[derive(Debug, Clone)]
pub struct HostView {
    /// What the fleet remembers of it: facts, labels, cordon, drain.
    pub host: Arc<Host>,
    /// How it is doing.
    pub state: HostState,
    /// Since when.
    pub since: Timestamp,
    /// The providers whose technology answers there.
    pub providers: BTreeSet<ProviderName>,
    /// Ports of the host that instances publish which are no placements.
    pub taken: BTreeSet<(u16, Protocol)>,
    /// Until when it gets nothing new, because what is placed there keeps failing.
    pub set_aside: Option<Timestamp>,
    /// The same, for single workloads.
    pub set_aside_for: BTreeMap<WorkloadName, Timestamp>,
}

/// In which order workloads of one priority get what is scarce. A higher priority always comes
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Queue {
    /// One copy each in turn.
    RoundRobin,
    /// Whoever waits longest gets all it wants.
    FirstCome,
    /// Whoever has least of what it has most of, in proportion to its share (dominant resource
    /// fairness).
    #[default]
    FairShare,
}

/// What is to be done now. Nothing in it has happened until its caller has stored it and told the
/// scheduler so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Placements to make, in the order of their importance.
    pub make: Vec<Make>,
    /// Placements to stop.
    pub stop: Vec<Stop>,
    /// Changes of workloads' own records.
    pub workloads: Vec<WorkloadStep>,
    /// Workloads with copies that no host can take now.
    pub unplaced: Vec<Unplaced>,
    /// When to plan again though nothing happens.
    pub wake: Option<Timestamp>,
    /// There is more to do at once: the limit of one plan was reached.
    pub more: bool,
}

/// A placement to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Make {
    /// Of which workload.
    pub workload: WorkloadName,
    /// Which copy.
    pub index: u32,
    /// The version that it is made of.
    pub template: u32,
    /// Where.
    pub host: HostId,
    /// Why, and why there.
    pub why: Why,
    /// The copy whose place it takes.
    pub replaces: Option<PlacementId>,
}

/// A placement to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Which.
    pub placement: PlacementId,
    /// Of which workload.
    pub workload: WorkloadName,
    /// Why.
    pub cause: StopCause,
}

/// A change of a workload's record that the state of its copies brings about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadStep {
    /// Its update stands anew, or is over; `stable` is what it goes back to from now on.
    Update {
        /// Which.
        workload: WorkloadName,
        /// How its update stands; none when it is over.
        update: Option<UpdateState>,
        /// The newest version whose copies were all well.
        stable: Option<u32>,
    },
    /// Its update failed, and it goes back.
    Revert {
        /// Which.
        workload: WorkloadName,
        /// To which version.
        to: u32,
        /// Why the update failed.
        failure: Failure,
    },
    /// Its update failed, and stays where it is until a person acts.
    Fail {
        /// Which.
        workload: WorkloadName,
        /// When the update began.
        begun_at: Timestamp,
        /// Why it failed.
        failure: Failure,
    },
    /// It was removed and its last copy is gone: the record goes.
    Remove {
        /// Which.
        workload: WorkloadName,
    },
}

/// The copy for which an update has failed. What its host said of it is for whoever stores this to
/// add: the scheduler keeps no texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which copy of the workload.
    pub index: u32,
    /// Its placement.
    pub placement: PlacementId,
    /// Where.
    pub host: HostId,
    /// What was wrong.
    pub how: Failed,
}

/// What was wrong with a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It ended and is not started again, or could not be started.
    Ended,
    /// It was not well for as long as it shall be before its deadline.
    NotWell {
        /// For so long it shall be well …
        healthy_for: Span,
        /// … within so long.
        deadline: Span,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, placement, host, how } = self;
        match how {
            Failed::Ended => write!(f, "copy {index} ({placement}) failed on {host}"),
            Failed::NotWell { healthy_for, deadline } => write!(
                f,
                "copy {index} ({placement}) on {host} was not well for {healthy_for} within {deadline}"
            ),
        }
    }
}

/// Copies of a workload that no host can take, and what would have to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// Which workload.
    pub workload: WorkloadName,
    /// How many copies.
    pub copies: u32,
    /// Of so many hosts …
    pub hosts: u32,
    /// … so many were removed by each of these, in this order; each host counts where it was removed
    /// first.
    pub removed: Vec<Removal>,
    /// What would have to change, in sentences, the smallest change first.
    pub remedies: Vec<String>,
}

/// How many hosts something removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// What.
    pub by: Removed,
    /// How many.
    pub hosts: u32,
}

/// What a host was removed by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removed {
    /// It is lost or pending.
    NotReady,
    /// It is cordoned or drained.
    Cordoned,
    /// What is placed there keeps failing.
    SetAside,
    /// The provider is not there, or does not answer.
    Provider(ProviderName),
    /// A constraint, as it is written.
    Constraint(String),
    /// No copy of this workload is there.
    With(WorkloadName),
    /// A copy of this workload is there.
    ApartFrom(WorkloadName),
    /// It has a copy of this workload already, and the workload runs once on every host.
    HasOne,
    /// A value of this label would have too many copies.
    Skew(String),
    /// Not enough processor time is left.
    Cpu,
    /// Not enough memory is left.
    Memory,
    /// Not enough disk is left.
    Disk,
    /// Not enough devices of this kind are left.
    Device(String),
    /// A port is taken.
    Port(u16, Protocol),
}

/// A host that fits, and what its points are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub host: HostId,
    /// Its points, of a thousand.
    pub points: i32,
    /// What they are made of.
    pub parts: Vec<Part>,
}

/// A part of a host's points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What: "room", "affinity zone=a", "spread over rack".
    pub what: String,
    /// How many points it gave or took.
    pub points: i32,
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("not ready"),
            Self::Cordoned => f.write_str("cordoned"),
            Self::SetAside => f.write_str("set aside"),
            Self::Provider(provider) => write!(f, "provider {provider}"),
            Self::Constraint(selector) => f.write_str(selector),
            Self::With(workload) => write!(f, "with {workload}"),
            Self::ApartFrom(workload) => write!(f, "apart from {workload}"),
            Self::HasOne => f.write_str("has one"),
            Self::Skew(over) => write!(f, "max_skew over {over}"),
            Self::Cpu => f.write_str("cpu"),
            Self::Memory => f.write_str("memory"),
            Self::Disk => f.write_str("disk"),
            Self::Device(kind) => write!(f, "device {kind}"),
            Self::Port(port, protocol) => write!(f, "port {port}/{}", protocol.as_str()),
        }
    }
}
