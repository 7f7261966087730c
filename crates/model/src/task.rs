//! Tasks: a batch's share on one target, and the truth about its end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BatchId, CommandSpec, HostId, InstanceOrder, JournalId, Problem, Timestamp};

/// Names a task: one batch on one target. A host that has several targets, because instances of
/// it are meant, has several tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    /// The batch.
    pub batch: BatchId,
    /// The host.
    pub host: HostId,
    /// Which of the host's targets, counted from 0. Hosts themselves are always 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub item: u16,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(item: &u16) -> bool {
    *item == 0
}

/// What one task does on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Runs a command.
    Command(CommandSpec),
    /// Has a provider do something.
    Instance(InstanceOrder),
}

/// One target of a batch: a host, or the one of its instances that the batch counted as `item`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The host.
    pub host: HostId,
    /// Which of its targets.
    pub item: u16,
}

impl TaskId {
    /// The task of a batch whose target is the host itself.
    pub const fn of_host(batch: BatchId, host: HostId) -> Self {
        Self { batch, host, item: 0 }
    }

    /// The task of a batch at one of its targets.
    pub const fn at(batch: BatchId, spot: Spot) -> Self {
        Self { batch, host: spot.host, item: spot.item }
    }

    /// Its target within the batch.
    pub const fn spot(&self) -> Spot {
        Spot { host: self.host, item: self.item }
    }
}

impl Spot {
    /// Every spot that a host can have.
    pub const fn all_of(host: HostId) -> std::ops::RangeInclusive<Self> {
        Self { host, item: 0 }..=Self { host, item: u16::MAX }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            0 => write!(f, "{}", self.host),
            item => write!(f, "{}/{item}", self.host),
        }
    }
}

impl std::str::FromStr for Spot {
    type Err = crate::InvalidId;

    fn from_str(text: &str) -> Result<Self, crate::InvalidId> {
        let (host, item) = text.split_once('/').unwrap_or((text, "0"));
        // A number that is none makes the whole text no id.
        let item = item.parse().ok();
        match item {
            Some(item) => Ok(Self { host: host.parse()?, item }),
            None => text.parse::<HostId>().map(|host| Self { host, item: 0 }),
        }
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.batch, self.spot())
    }
}

/// What the coordinator knows of a task. A task without a record is pending: it was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Where it stands.
    pub state: TaskState,
}

/// Where a task stands. It only moves down this list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Nothing was sent.
    Pending,
    /// It is about to be sent, or was: written before the sending, so that nothing is forgotten.
    Dispatched {
        /// When it was written.
        at: Timestamp,
        /// The journal of the agent it goes to.
        journal: JournalId,
    },
    /// The agent wrote it into its journal and started it.
    Running {
        /// The journal that holds it.
        journal: JournalId,
        /// When it started, by the coordinator's clock.
        started_at: Timestamp,
    },
    /// It ended, once and for all.
    Ended(TaskEnd),
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEnd {
    /// Which end.
    pub outcome: Outcome,
    /// Why, where the outcome alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The problem behind a failure, where it was not a command that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
    /// When the command started, by the coordinator's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How long the command ran, by the agent's steady clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// The ends a task can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The command exited with 0.
    Succeeded,
    /// The command exited otherwise, was ended by a signal, or could not be started.
    Failed {
        /// Its exit code, when it exited.
        exit_code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// Its time ran out and it was ended.
    TimedOut,
    /// It was cancelled: ended if it ran.
    Cancelled,
    /// It started, and how it ended cannot be known.
    Interrupted,
    /// It never started, and never will.
    NeverStarted,
}

impl Outcome {
    /// The word of the `json` contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::NeverStarted => "never_started",
        }
    }

    /// The exit code, where there is one.
    pub const fn exit_code(self) -> Option<i32> {
        match self {
            Self::Succeeded => Some(0),
            Self::Failed { exit_code, .. } => exit_code,
            Self::TimedOut | Self::Cancelled | Self::Interrupted | Self::NeverStarted => None,
        }
    }
}

impl TaskState {
    /// The word of the `json` contract.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Dispatched { .. } => "dispatched",
            Self::Running { .. } => "running",
            Self::Ended(end) => end.outcome.as_str(),
        }
    }

    /// Its end, if it has one.
    pub const fn end(&self) -> Option<&TaskEnd> {
        match self {
            Self::Ended(end) => Some(end),
            Self::Pending | Self::Dispatched { .. } | Self::Running { .. } => None,
        }
    }
}

impl TaskEnd {
    /// A task that never started, and why.
    pub fn never_started(reason: impl Into<String>) -> Self {
        Self::without_times(Outcome::NeverStarted, reason)
    }

    /// An end of which no times are known.
    pub fn without_times(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: Some(reason.into()),
            problem: None,
            started_at: None,
            duration_ms: None,
        }
    }

    /// A task that failed for a reason that was told.
    pub fn refused(problem: Problem) -> Self {
        let outcome = Outcome::Failed { exit_code: None, signal: None };
        let end = Self::without_times(outcome, problem.message.clone());
        Self { problem: Some(Box::new(problem)), ..end }
    }
}

/// A task that an agent's journal holds, as its hello tells it. Ends follow as messages of their
/// own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldTask {
    /// Which task.
    pub task: TaskId,
    /// Whether it ended; its end is sent again until the coordinator has it.
    pub ended: bool,
}
