//! Batches.

use std::collections::BTreeMap;

use serde::Serialize;
use tamer_model::{Code, Problem};
use tamer_proto::wire;

use super::{Task, Time, told};

/// A batch without its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Batch {
    pub batch: String,
    pub state: BatchState,
    pub action: BatchAction,
    /// The action in a few words.
    pub summary: String,
    /// Of a batch that runs a command.
    pub command: Option<Command>,
    pub selector: String,
    pub targets: u32,
    pub created_by: String,
    pub created_at: Time,
    pub ended_at: Option<Time>,
    pub cancelled_by: Option<String>,
    pub counts: Counts,
}

/// A batch and its tasks: what `run` and `batch show` print.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct BatchDetail {
    #[serde(flatten)]
    pub batch: Batch,
    pub tasks: Vec<Task>,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract")]
pub enum BatchState {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// What sort of thing a batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchAction {
    /// Runs a command on hosts.
    Command,
    /// Does something to instances.
    Instance,
    /// Makes an instance on hosts.
    Create,
    /// Fetches an image on hosts.
    Pull,
    /// Something that a newer coordinator knows; the summary says what.
    Other,
}

/// What a batch runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Command {
    pub argv: Vec<String>,
    pub shell: bool,
    pub env: BTreeMap<String, String>,
    pub cwd: Option<String>,
    pub user: Option<String>,
    pub timeout_ms: Option<u64>,
    pub grace_ms: u64,
    pub output_limit: u32,
}

/// How many tasks stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Counts {
    pub pending: u32,
    pub dispatched: u32,
    pub running: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub timed_out: u32,
    pub cancelled: u32,
    pub interrupted: u32,
    pub never_started: u32,
}

impl BatchState {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will change any more.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Running)
    }
}

impl BatchAction {
    /// What its targets are called: `host` or `instance`.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Command | Self::Create | Self::Pull => "host",
            Self::Instance => "instance",
            Self::Other => "target",
        }
    }
}

impl Batch {
    /// What is done, on one line.
    pub fn what(&self) -> String {
        self.command.as_ref().map_or_else(|| self.summary.clone(), Command::on_one_line)
    }
}

impl Command {
    /// The command on one line, quoted where a word needs it. For people, not for a shell.
    pub fn on_one_line(&self) -> String {
        if self.shell {
            return self.argv.join(" ");
        }
        let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
        let word = |word: &String| match word.is_empty() || !word.chars().all(plain) {
            true => format!("'{word}'"),
            false => word.clone(),
        };
        self.argv.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

impl Counts {
    /// Each count that people are told, with its words, in the order they are told.
    pub fn words(self) -> [(u32, &'static str); 9] {
        [
            (self.pending, "pending"),
            (self.dispatched, "sent"),
            (self.running, "running"),
            (self.succeeded, "succeeded"),
            (self.failed, "failed"),
            (self.timed_out, "timed out"),
            (self.cancelled, "cancelled"),
            (self.interrupted, "interrupted"),
            (self.never_started, "never started"),
        ]
    }

    /// The counts above zero on one line: `38 succeeded, 2 failed`.
    pub fn on_one_line(self) -> String {
        let told = self.words().into_iter().filter(|(count, _)| *count > 0);
        let told: Vec<_> = told.map(|(count, word)| format!("{count} {word}")).collect();
        told.join(", ")
    }
}

impl TryFrom<wire::Batch> for Batch {
    type Error = Problem;

    fn try_from(batch: wire::Batch) -> Result<Self, Problem> {
        let wire::Batch {
            id,
            state,
            command,
            selector,
            targets,
            created_by,
            created_at,
            ended_at,
            cancelled_by,
            counts,
            instance_action,
            create,
            pull,
            summary,
        } = batch;
        let action = match (&command, &instance_action, &create, &pull) {
            (Some(_), _, _, _) => BatchAction::Command,
            (None, Some(_), _, _) => BatchAction::Instance,
            (None, None, Some(_), _) => BatchAction::Create,
            (None, None, None, Some(_)) => BatchAction::Pull,
            (None, None, None, None) => BatchAction::Other,
        };
        let state = match state.as_str() {
            "running" => BatchState::Running,
            "succeeded" => BatchState::Succeeded,
            "failed" => BatchState::Failed,
            "cancelled" => BatchState::Cancelled,
            other => return Err(unknown("batch", other)),
        };
        Ok(Self {
            batch: id,
            state,
            action,
            summary,
            command: command.map(Into::into),
            selector,
            targets,
            created_by,
            created_at: Time::of(created_at),
            ended_at: ended_at.map(Time::of),
            cancelled_by: told(cancelled_by),
            counts: counts.unwrap_or_default().into(),
        })
    }
}

impl From<wire::CommandSpec> for Command {
    fn from(command: wire::CommandSpec) -> Self {
        let wire::CommandSpec { argv, shell, env, cwd, user, timeout_ms, grace_ms, output_limit } =
            command;
        Self {
            argv,
            shell,
            env: env.into_iter().collect(),
            cwd: told(cwd),
            user: told(user),
            timeout_ms: (timeout_ms != 0).then_some(timeout_ms),
            grace_ms,
            output_limit,
        }
    }
}

impl From<wire::BatchCounts> for Counts {
    fn from(counts: wire::BatchCounts) -> Self {
        let wire::BatchCounts {
            pending,
            dispatched,
            running,
            succeeded,
            failed,
            timed_out,
            cancelled,
            interrupted,
            never_started,
        } = counts;
        Self {
            pending,
            dispatched,
            running,
            succeeded,
            failed,
            timed_out,
            cancelled,
            interrupted,
            never_started,
        }
    }
}

/// A state that this program does not know: guessing at it would tell an untruth.
pub(super) fn unknown(noun: &str, state: &str) -> Problem {
    let message = format!("the coordinator tells of a {noun} that is {state:?}");
    Problem::new(Code::VersionUnsupported, message)
        .remedy("use the tamerctl of the coordinator's version")
}
