//! Copies of workloads on hosts.

use serde::Serialize;
use tamer_proto::wire;

use crate::contract::{Time, told};

/// One copy of a workload on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Placement {
    pub placement: String,
    pub workload: String,
    /// Which copy, from 0.
    pub index: u32,
    /// The version that it is made of.
    pub template: u32,
    /// The host's id.
    pub host: String,
    pub host_name: String,
    pub host_state: String,
    pub made_at: Time,
    /// Why it was made, in words that follow "because".
    pub cause: String,
    pub score: Option<Score>,
    /// The one whose place it takes.
    pub replaces: Option<String>,
    /// Why it is to stop; null when it shall run.
    pub stopping: Option<String>,
    /// As its host told it last; null when it told nothing yet.
    pub status: Option<PlacementStatus>,
}

/// How many points a host got, of a thousand, and among how many it was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Score {
    pub points: i32,
    /// Hosts that fitted.
    pub fitting: u32,
    /// Of so many.
    pub hosts: u32,
}

/// Where a copy stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct PlacementStatus {
    /// `accepted`, `preparing`, `running`, `waiting`, `failed`, `completed`, `cut_off`, `stopping`
    /// or `gone`.
    pub phase: String,
    /// What its health check says; null without one, or before it said anything.
    pub healthy: Option<bool>,
    /// By its host's clock.
    pub since: Time,
    pub restarts: u32,
    pub reason: Option<String>,
    /// What the technology calls its instance.
    pub instance: Option<String>,
    pub exit_code: Option<i32>,
}

/// How far a drain is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct DrainProgress {
    pub host: String,
    pub draining: bool,
    /// Nothing is left that has to go.
    pub drained: bool,
    pub begun_at: Option<Time>,
    /// When what is left is stopped; null: as long as it takes.
    pub deadline: Option<Time>,
    pub left: u32,
    /// Of those that are left, the first hundred.
    pub placements: Vec<Placement>,
}

impl From<wire::PlacementView> for Placement {
    fn from(view: wire::PlacementView) -> Self {
        let wire::PlacementView {
            id,
            workload,
            index,
            template,
            host,
            host_name,
            host_state,
            made_at,
            cause,
            score,
            replaces,
            stopping,
            status,
        } = view;
        Self {
            placement: id,
            workload,
            index,
            template,
            host,
            host_name,
            host_state,
            made_at: Time::of(made_at),
            cause,
            score: score.map(Into::into),
            replaces: told(replaces),
            stopping: told(stopping),
            status: status.map(Into::into),
        }
    }
}

impl From<wire::Score> for Score {
    fn from(score: wire::Score) -> Self {
        let wire::Score { points, fitting, hosts } = score;
        Self { points, fitting, hosts }
    }
}

impl From<wire::PlacementStatus> for PlacementStatus {
    fn from(status: wire::PlacementStatus) -> Self {
        let wire::PlacementStatus { phase, healthy, since, restarts, reason, instance, exit_code } =
            status;
        Self {
            phase,
            healthy,
            since: Time::of(since),
            restarts,
            reason: told(reason),
            instance: told(instance),
            exit_code,
        }
    }
}

impl From<wire::DrainView> for DrainProgress {
    fn from(view: wire::DrainView) -> Self {
        let wire::DrainView { host, draining, drained, begun_at, deadline, left, placements } =
            view;
        Self {
            host,
            draining,
            drained,
            begun_at: Time::told(begun_at),
            deadline: deadline.map(Time::of),
            left,
            placements: placements.into_iter().map(Into::into).collect(),
        }
    }
}
