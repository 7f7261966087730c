//! What a host tells of a placement.

use serde::{Deserialize, Serialize};

use crate::instance::words;
use crate::{NativeId, Timestamp};

/// Where a placement stands, as the agent of its host told it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementStatus {
    /// Where it stands.
    pub phase: Phase,
    /// Whether its health check finds it well; none without a check, or before it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// Since when it stands there and is as well as that. By the agent's clock.
    pub since: Timestamp,
    /// How often it was started again.
    #[serde(default)]
    pub restarts: u32,
    /// Why it stands there, where that needs saying: "exited with 1; started again in 8s".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The instance, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<NativeId>,
    /// How its last run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// Where a placement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The agent has it on disk, and waits for room that others are about to give.
    Accepted,
    /// Its image is fetched, its instance made.
    Preparing,
    /// Its instance runs.
    Running,
    /// It ended, and is started again after a wait.
    Waiting,
    /// It failed too often on this host, or cannot be made here.
    Failed,
    /// It ran to its end and succeeded.
    Completed,
    /// It was stopped because the agent heard of no coordinator for too long.
    CutOff,
    /// It is being stopped and removed.
    Stopping,
    /// Its instance is gone.
    Gone,
}

words!(Phase {
    Accepted = "accepted",
    Preparing = "preparing",
    Running = "running",
    Waiting = "waiting",
    Failed = "failed",
    Completed = "completed",
    CutOff = "cut_off",
    Stopping = "stopping",
    Gone = "gone",
});

impl PlacementStatus {
    /// Whether it runs and nothing says that it is unwell. `checked`: whether a health check must
    /// have said so.
    pub fn is_well(&self, checked: bool) -> bool {
        self.phase == Phase::Running && if checked { self.healthy == Some(true) } else { true }
    }
}
