//! One copy of a workload on one host, as the coordinator wants it.

use serde::{Deserialize, Serialize};

use super::CopyName;
use crate::{HostId, PlacementId, Timestamp, WorkloadName};

/// One copy of a workload, assigned to one host. The coordinator writes it, the host's agent makes
/// it so. The record goes when the agent has told that its instance is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Its id, for life.
    pub id: PlacementId,
    /// Of which workload.
    pub workload: WorkloadName,
    /// Which copy, from 0. Two placements have one index while one takes the other's place.
    pub index: u32,
    /// The version of the workload that it is made of.
    pub template: u32,
    /// Where.
    pub host: HostId,
    /// When it was decided.
    pub made_at: Timestamp,
    /// Why there.
    pub why: Why,
    /// The copy whose place it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<PlacementId>,
    /// What shall become of it.
    pub wish: Wish,
}

/// What shall become of a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It shall run.
    Run,
    /// It shall be stopped and removed.
    Stop {
        /// Since when.
        at: Timestamp,
        /// Why.
        cause: StopCause,
    },
}

/// Why a placement was made, and why there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Why it was made.
    pub cause: Cause,
    /// The points its host got, of a thousand.
    pub score: i32,
    /// How many hosts fitted.
    pub fitting: u32,
    /// Of how many.
    pub hosts: u32,
}

/// Why a placement was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the causes are told in as_str")]
pub enum Cause {
    Missing,
    Canary,
    Updated,
    Drained,
    HostLost,
    HostGone,
    Failed,
    Unfitting,
    Preempted,
    Rebalanced,
}

/// Why a placement is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the causes are told in as_str")]
pub enum StopCause {
    Surplus,
    Updated,
    Reverted,
    Drained,
    Replaced,
    Failed,
    Unfitting,
    Preempted,
    Rebalanced,
    Duplicate,
    Completed,
    WorkloadStopped,
    WorkloadRemoved,
}

impl Placement {
    /// Whether it shall run.
    pub const fn wanted(&self) -> bool {
        matches!(self.wish, Wish::Run)
    }

    /// What its instance is called: a [`CopyName`].
    pub fn instance_name(&self) -> String {
        let Self { workload, index, id, .. } = self;
        CopyName { workload: workload.clone(), index: *index, id: *id }.to_string()
    }
}

impl Cause {
    /// In words that follow "made because".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "a copy was missing",
            Self::Canary => "an update tries its first copies",
            Self::Updated => "an update replaces copies",
            Self::Drained => "the host before it is drained",
            Self::HostLost => "the host before it is lost",
            Self::HostGone => "the host before it was removed",
            Self::Failed => "the copy before it failed on its host",
            Self::Unfitting => "the host before it no longer fits",
            Self::Preempted => "the copy before it gave way to a higher priority",
            Self::Rebalanced => "this host is better",
        }
    }
}

impl StopCause {
    /// In words that follow "stopped because".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Surplus => "there are more copies than are wanted",
            Self::Updated => "an update replaces it",
            Self::Reverted => "its update went back",
            Self::Drained => "its host is drained",
            Self::Replaced => "another copy took its place",
            Self::Failed => "it failed on its host",
            Self::Unfitting => "its host no longer fits",
            Self::Preempted => "it gave way to a higher priority",
            Self::Rebalanced => "another host is better",
            Self::Duplicate => "it was replaced while its host was lost",
            Self::Completed => "it is done",
            Self::WorkloadStopped => "its workload was stopped",
            Self::WorkloadRemoved => "its workload was removed",
        }
    }
}
