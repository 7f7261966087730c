//! Tasks: a batch's share on one target, and the truth about its end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    BatchId, CommandSpec, Content, FetchFile, HostId, InstanceExec, InstanceOrder, InstanceRef,
    JournalId, Problem, PushFile, ScriptSpec, Timestamp,
};

/// Names a task: one attempt of one batch on one target. A host that has several targets, because
/// instances of it are meant, has several tasks; a target that is tried again has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    /// The batch.
    pub batch: BatchId,
    /// The host.
    pub host: HostId,
    /// Which of the host's targets, counted from 0. Hosts themselves are always 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub item: u16,
    /// Which attempt, counted from 0. To an agent each is a task of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u16,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// What one task does on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Runs a command.
    Command(CommandSpec),
    /// Has a provider do something.
    Instance(InstanceOrder),
    /// Runs a script, whose text the agent gets from the coordinator.
    Script(ScriptSpec),
    /// Gets a file from the coordinator and puts it into its place.
    Push(PushFile),
    /// Sends a file to the coordinator.
    Fetch(FetchFile),
    /// Runs a command in an instance.
    Exec {
        /// In which.
        instance: InstanceRef,
        /// What.
        exec: InstanceExec,
    },
    /// One after the other; what follows on one that does not succeed is not begun. No sequence
    /// holds another.
    Sequence(Vec<Self>),
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
    /// The first task of a batch whose target is the host itself.
    pub const fn of_host(batch: BatchId, host: HostId) -> Self {
        Self { batch, host, item: 0, attempt: 0 }
    }

    /// The first task of a batch at one of its targets.
    pub const fn at(batch: BatchId, spot: Spot) -> Self {
        Self { batch, host: spot.host, item: spot.item, attempt: 0 }
    }

    /// The same target, tried for the time of this number, counted from 0.
    #[must_use]
    pub const fn attempt(self, attempt: u16) -> Self {
        Self { attempt, ..self }
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
        write!(f, "{}/{}", self.batch, self.spot())?;
        match self.attempt {
            0 => Ok(()),
            attempt => write!(f, "#{attempt}"),
        }
    }
}

/// What the coordinator knows of a target of a batch. One without a record is pending: nothing was
/// sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Where it stands.
    pub state: TaskState,
    /// Which attempt that is about, counted from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u16,
    /// When it was written down that this attempt goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When the end was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The attempts before it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<PastAttempt>,
}

/// An attempt that ended and was not the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastAttempt {
    /// When it was written down that it goes out.
    pub sent_at: Timestamp,
    /// When its end was written down.
    pub ended_at: Timestamp,
    /// How it ended.
    pub end: TaskEnd,
}

/// Where an attempt at a task stands. It only moves down this list; a further attempt begins at its
/// top again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Nothing of this attempt was sent.
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
    /// Why it never started, when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<Unsent>,
    /// What it took of the machine, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The file that it fetched; the coordinator has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Content>,
}

/// Why a task never started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsent {
    /// Its host could not be reached, or was removed.
    Unreachable,
    /// The time of the whole batch ran out first.
    Deadline,
    /// A budget was overspent first.
    Tripped,
    /// The batch was cancelled first.
    Cancelled,
}

/// What a command took of its machine, with all the processes that it started and waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time, of user and system together, in milliseconds.
    pub cpu_ms: u64,
    /// The most memory that one of its processes had resident at once, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory_bytes: Option<u64>,
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
    /// Its host takes no work of this kind: it is cordoned, or its own settings forbid it.
    Refused,
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
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
            Self::NeverStarted => "never_started",
        }
    }

    /// The exit code, where there is one.
    pub const fn exit_code(self) -> Option<i32> {
        match self {
            Self::Succeeded => Some(0),
            Self::Failed { exit_code, .. } => exit_code,
            Self::TimedOut
            | Self::Cancelled
            | Self::Refused
            | Self::Interrupted
            | Self::NeverStarted => None,
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
    pub fn never_started(unsent: Unsent, reason: impl Into<String>) -> Self {
        let end = Self::without_times(Outcome::NeverStarted, reason);
        Self { unsent: Some(unsent), ..end }
    }

    /// An end of which no times are known.
    pub fn without_times(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: Some(reason.into()),
            problem: None,
            started_at: None,
            duration_ms: None,
            unsent: None,
            usage: None,
            fetched: None,
        }
    }

    /// A task that its host did not take, and why.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::without_times(Outcome::Refused, reason)
    }

    /// A task that failed for a reason that was told.
    pub fn failed(problem: Problem) -> Self {
        let outcome = Outcome::Failed { exit_code: None, signal: None };
        let end = Self::without_times(outcome, problem.message.clone());
        Self { problem: Some(Box::new(problem)), ..end }
    }
}

impl TaskRecord {
    /// A target of which nothing was sent.
    pub const PENDING: Self = Self {
        state: TaskState::Pending,
        attempt: 0,
        sent_at: None,
        ended_at: None,
        before: Vec::new(),
    };
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
