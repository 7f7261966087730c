//! Batches: one action over many hosts or instances.

use serde::{Deserialize, Serialize};

use crate::{
    BatchId, CommandSpec, Content, CreateInstance, FetchFile, InstanceAction, InstanceExec,
    InstanceOrder, InstanceRef, Lease, Mark, Outcome, Problem, PullImage, PushFile, Rollout,
    ScheduleName, ScriptSpec, Stand, TaskState, Timestamp, Unsent, UserName, Work,
};

/// The most steps of a sequence.
pub const MAX_STEPS: usize = 32;

/// A batch as it is remembered. Its targets, frozen at the start, are a record of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// The selector's text, as given; for instances also what was said of them.
    pub selector: String,
    /// How many hosts or instances it was frozen for.
    pub targets: u32,
    /// Who made it.
    pub created_by: UserName,
    /// When.
    pub created_at: Timestamp,
    /// How long a host that has the task may stay lost before the task's end is given up, in
    /// milliseconds.
    pub lost_wait_ms: u64,
    /// Who asked to cancel it, if anybody did.
    pub cancel: Option<CancelRequest>,
    /// Where it stands.
    pub state: BatchState,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How its tasks ended; complete when the batch has ended.
    pub counts: BatchCounts,
    /// How it proceeds.
    #[serde(default)]
    pub rollout: Rollout,
    /// What is done on the targets that had succeeded, when a budget is overspent and the rollout
    /// says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<Action>>,
    /// The leases that its tasks hold while they are in flight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<Lease>,
    /// When people paused it and let it go on, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// How it stood when that last changed.
    #[serde(default)]
    pub stand: Stand,
    /// Since when it stands so.
    #[serde(default)]
    pub stand_since: Timestamp,
    /// How what its commands print is read as data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parse: Option<Parse>,
    /// What made it, when that was not a person's request of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The batch that undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<BatchId>,
    /// Why it ended before its targets did, or went no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How the standard output of a batch's commands is read as data. Who shows it reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parse {
    /// One JSON value.
    Json,
    /// A list of lines.
    Lines,
    /// Lines of `key=value` or `key: value`.
    Kv,
}

/// What made a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It tries some targets of that one again.
    RetryOf(BatchId),
    /// It undoes that one.
    UndoOf(BatchId),
    /// A schedule, for the time that was due then.
    Schedule {
        /// Which.
        name: ScheduleName,
        /// The time that was due.
        due: Timestamp,
    },
}

/// What a batch does on each of its targets. The field names are those of the stored record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A command, on hosts.
    Command(CommandSpec),
    /// Something done to instances.
    Instance(InstanceAction),
    /// An instance made, on hosts.
    Create(Box<CreateInstance>),
    /// An image fetched, on hosts.
    Pull(PullImage),
    /// A script, on hosts.
    Script(ScriptSpec),
    /// A file put on hosts.
    Push(PushFile),
    /// A file brought from hosts.
    Fetch(FetchFile),
    /// A command in instances.
    Exec(InstanceExec),
    /// Several of these, one after the other, all on hosts or all on instances.
    Sequence(Vec<Self>),
}

/// What an action is done on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TargetKind {
    Host,
    Instance,
}

impl Action {
    /// What it is done on.
    pub fn on(&self) -> TargetKind {
        match self {
            Self::Command(_)
            | Self::Create(_)
            | Self::Pull(_)
            | Self::Script(_)
            | Self::Push(_)
            | Self::Fetch(_) => TargetKind::Host,
            Self::Instance(_) | Self::Exec(_) => TargetKind::Instance,
            Self::Sequence(steps) => steps.first().map_or(TargetKind::Host, Self::on),
        }
    }

    /// Checks what a peer sent, as a whole; each part was checked when it was read.
    pub fn validate(self) -> Result<Self, Problem> {
        let Self::Sequence(steps) = &self else { return Ok(self) };
        if steps.is_empty() || steps.len() > MAX_STEPS {
            return Err(Problem::field("steps", format!("not between 1 and {MAX_STEPS} of them")));
        }
        if steps.iter().any(|step| matches!(step, Self::Sequence(_))) {
            return Err(Problem::field("steps", "a sequence holds another one"));
        }
        if steps.iter().any(|step| step.on() != self.on()) {
            let what = "some steps are for hosts and others for instances";
            return Err(Problem::field("steps", what).remedy("make two batches of them"));
        }
        if steps.iter().filter(|step| matches!(step, Self::Fetch(_))).count() > 1 {
            return Err(Problem::field("steps", "only one step may fetch a file"));
        }
        Ok(self)
    }

    /// The contents that it needs.
    pub fn contents(&self) -> Vec<Content> {
        match self {
            Self::Script(script) => vec![script.content],
            Self::Push(push) => vec![push.content],
            Self::Sequence(steps) => steps.iter().flat_map(Self::contents).collect(),
            Self::Command(_)
            | Self::Instance(_)
            | Self::Create(_)
            | Self::Pull(_)
            | Self::Fetch(_)
            | Self::Exec(_) => Vec::new(),
        }
    }

    /// The most bytes of a file that it may bring from a host; none when it brings none.
    pub fn fetches(&self) -> Option<u64> {
        match self {
            Self::Fetch(fetch) => Some(fetch.limit),
            Self::Sequence(steps) => steps.iter().find_map(Self::fetches),
            Self::Command(_)
            | Self::Instance(_)
            | Self::Create(_)
            | Self::Pull(_)
            | Self::Script(_)
            | Self::Push(_)
            | Self::Exec(_) => None,
        }
    }

    /// What one task does: `instance` is the target of an action on instances.
    pub fn work(&self, instance: Option<&InstanceRef>) -> Option<Work> {
        Some(match self {
            Self::Command(command) => Work::Command(command.clone()),
            Self::Instance(action) => Work::Instance(InstanceOrder::Act {
                instance: instance?.clone(),
                action: action.clone(),
            }),
            Self::Create(create) => Work::Instance(InstanceOrder::Create(create.clone())),
            Self::Pull(pull) => Work::Instance(InstanceOrder::Pull(pull.clone())),
            Self::Script(script) => Work::Script(script.clone()),
            Self::Push(push) => Work::Push(push.clone()),
            Self::Fetch(fetch) => Work::Fetch(fetch.clone()),
            Self::Exec(exec) => Work::Exec { instance: instance?.clone(), exec: exec.clone() },
            Self::Sequence(steps) => {
                Work::Sequence(steps.iter().map(|step| step.work(instance)).collect::<Option<_>>()?)
            }
        })
    }

    /// The action in a few words, for lists and the audit.
    pub fn summary(&self) -> String {
        match self {
            Self::Command(command) => command.argv.join(" "),
            Self::Instance(action) => format!("instance {}", action.as_str()),
            Self::Create(create) => format!("instance create ({})", create.provider),
            Self::Pull(pull) => format!("image pull {} ({})", pull.reference, pull.provider),
            Self::Script(script) => format!("script {}", script.command.argv.join(" ")),
            Self::Push(push) => format!("push {}", push.path),
            Self::Fetch(fetch) => format!("fetch {}", fetch.path),
            Self::Exec(exec) => format!("instance exec {}", exec.spec.argv.join(" ")),
            Self::Sequence(steps) => steps.iter().map(Self::summary).collect::<Vec<_>>().join("; "),
        }
    }
}

/// Who asked to cancel a batch, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequest {
    /// Who.
    pub by: UserName,
    /// When.
    pub at: Timestamp,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Some task has no end yet.
    Running,
    /// Every task succeeded.
    Succeeded,
    /// Some task ended otherwise.
    Failed,
    /// It was cancelled before every task had ended.
    Cancelled,
}

impl BatchState {
    /// The word of the `json` contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How many tasks stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the states of a task")]
pub struct BatchCounts {
    pub pending: u32,
    pub dispatched: u32,
    pub running: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub timed_out: u32,
    pub cancelled: u32,
    pub refused: u32,
    pub interrupted: u32,
    pub never_started: u32,
    /// Of those that never started: those that could not be reached.
    pub unreachable: u32,
}

impl BatchCounts {
    /// Counts one more task in `state`.
    pub fn add(&mut self, state: &TaskState) {
        *self.of(state) += 1;
        self.unreachable += u32::from(is_unreachable(state));
    }

    /// Counts one task less in `state`.
    pub fn remove(&mut self, state: &TaskState) {
        *self.of(state) -= 1;
        self.unreachable -= u32::from(is_unreachable(state));
    }

    fn of(&mut self, state: &TaskState) -> &mut u32 {
        match state {
            TaskState::Pending => &mut self.pending,
            TaskState::Dispatched { .. } => &mut self.dispatched,
            TaskState::Running { .. } => &mut self.running,
            TaskState::Ended(end) => match end.outcome {
                Outcome::Succeeded => &mut self.succeeded,
                Outcome::Failed { .. } => &mut self.failed,
                Outcome::TimedOut => &mut self.timed_out,
                Outcome::Cancelled => &mut self.cancelled,
                Outcome::Refused => &mut self.refused,
                Outcome::Interrupted => &mut self.interrupted,
                Outcome::NeverStarted => &mut self.never_started,
            },
        }
    }

    /// Counts `states`.
    pub fn count<'a>(states: impl IntoIterator<Item = &'a TaskState>) -> Self {
        let mut counts = Self::default();
        states.into_iter().for_each(|state| counts.add(state));
        counts
    }

    /// Tasks without an end.
    pub const fn open(&self) -> u32 {
        self.pending + self.dispatched + self.running
    }
}

fn is_unreachable(state: &TaskState) -> bool {
    state.end().is_some_and(|end| end.unsent == Some(Unsent::Unreachable))
}

impl Parse {
    /// The word of flags, files and the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Lines => "lines",
            Self::Kv => "kv",
        }
    }
}

impl std::str::FromStr for Parse {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match text {
            "json" => Ok(Self::Json),
            "lines" => Ok(Self::Lines),
            "kv" => Ok(Self::Kv),
            other => Err(Problem::field("parse", format!("{other:?} cannot be read"))
                .remedy("use json, lines or kv")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_first_version_is_read() {
        let old = r#"{"id":"b-0000000000000000","command":{"argv":["true"],"grace_ms":1,"output_limit":1},
            "selector":"","targets":1,"created_by":"a","created_at":1,"lost_wait_ms":1,"cancel":null,
            "state":"running","ended_at":null,"counts":{}}"#;
        let batch: Batch = serde_json::from_str(old).expect("it is a batch");
        assert!(matches!(&batch.action, Action::Command(command) if command.argv == ["true"]));
        let again = serde_json::to_value(&batch).expect("json");
        assert_eq!(again["command"]["argv"][0], "true");
    }
}
