//! What is known of one copy.

use tamer_model::{Cause, HostId, Phase, Placement, PlacementId, PlacementStatus, Timestamp, Wish};

/// A placement's record, what its host told of it, and how that host is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyView {
    /// Which placement.
    pub id: PlacementId,
    /// Which copy of its workload.
    pub index: u32,
    /// The version that it is made of.
    pub template: u32,
    /// Where.
    pub host: HostId,
    /// When it was decided.
    pub made_at: Timestamp,
    /// Why it was made.
    pub cause: Cause,
    /// The copy whose place it takes.
    pub replaces: Option<PlacementId>,
    /// What shall become of it.
    pub wish: Wish,
    /// What its host told of it; none: nothing yet.
    pub told: Option<Told>,
    /// How its host is doing.
    pub standing: HostStanding,
    /// Whether its host still meets what the workload demands of hosts. Room is no part of it: the
    /// copy has its room.
    pub fits: bool,
}

/// What a host told of a copy, as far as it is decided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Where it stands.
    pub phase: Phase,
    /// Whether its health check finds it well; none without a check, or before it said so.
    pub healthy: Option<bool>,
    /// Since when it stands there, by the coordinator's clock: the agent's time, less what its host's
    /// clock is ahead.
    pub since: Timestamp,
}

/// How a copy's host is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostStanding {
    /// The fleet knows it.
    Here {
        /// Since when it is lost; none while its agent is heard. A host that comes back is lost until
        /// its agent has told how its copies stand: what it told before may no longer be so.
        lost: Option<Timestamp>,
        /// Whether its copies are moved away.
        drain: Option<Draining>,
    },
    /// It was removed from the fleet.
    Gone,
}

/// That a host's copies are moved away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draining {
    /// When what is left is stopped at once; none: never.
    pub deadline: Option<Timestamp>,
    /// Whether copies that run on every host stay.
    pub keep_every_host: bool,
}

impl HostStanding {
    /// A host that is heard and keeps its copies.
    pub const READY: Self = Self::Here { lost: None, drain: None };
}

impl CopyView {
    /// Of a record, with what its host told, and with the host's own state.
    pub fn new(
        placement: &Placement,
        told: Option<Told>,
        standing: HostStanding,
        fits: bool,
    ) -> Self {
        let Placement { id, index, template, host, made_at, replaces, wish, .. } = *placement;
        let cause = placement.why.cause;
        Self { id, index, template, host, made_at, cause, replaces, wish, told, standing, fits }
    }

    /// Whether it shall run.
    pub const fn wanted(&self) -> bool {
        matches!(self.wish, Wish::Run)
    }

    /// Where it stands, as far as its host told.
    pub fn phase(&self) -> Option<Phase> {
        self.told.map(|told| told.phase)
    }
}

impl Told {
    /// What is decided by, of what a host told. `ahead_ms`: how far its clock is ahead.
    pub fn new(status: &PlacementStatus, ahead_ms: i64) -> Self {
        let since = status.since.as_millis().saturating_add_signed(ahead_ms.saturating_neg());
        Self { phase: status.phase, healthy: status.healthy, since: Timestamp::from_millis(since) }
    }
}
