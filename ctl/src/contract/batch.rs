//! Batches.

use serde::{Serialize, Serializer};
use serde_json::Value;
use tamer_model::{Action, Code, Outcome, Parse, Problem, Rollout};
use tamer_proto::wire;

use super::action::{BatchAction, Command, Undo};
use super::{Mark, Origin, Standing, Task, Time, told};
use crate::parse;
use crate::spec::rollout::RolloutArgs;

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
    /// The file that it brings from hosts, as its path there.
    pub fetches: Option<String>,
    pub selector: String,
    pub targets: u32,
    pub created_by: String,
    pub created_at: Time,
    pub ended_at: Option<Time>,
    pub cancelled_by: Option<String>,
    pub counts: Counts,
    /// How it proceeds, in the words of flags and spec files; null where it is as usual.
    #[serde(serialize_with = "in_words")]
    pub rollout: Rollout,
    /// How it stands; absent where an older coordinator does not say.
    pub stand: Option<Standing>,
    /// When people paused it and let it go on, oldest first.
    pub marks: Vec<Mark>,
    /// `NAME:PLACES`, each.
    pub leases: Vec<String>,
    /// What is done where it had succeeded, when it trips.
    pub undo: Option<Undo>,
    /// What made it, when that was not a person's request of its own.
    pub origin: Option<Origin>,
    /// The batch that undoes it.
    pub undone_by: Option<String>,
    /// Why it ended before its targets did, or went no further.
    pub reason: Option<String>,
    /// How what its commands print is read as data.
    pub parse: Option<Parse>,
    /// The coordinator's clock when this was told: other times are compared with it.
    #[serde(skip)]
    pub now: Time,
}

/// A batch and its tasks: what `run` and `batch show` print. Where its output is read as data,
/// each task that ended has that as `data`, or in `data_problem` why it cannot be read.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct BatchDetail {
    pub batch: Batch,
    pub tasks: Vec<Task>,
}

impl BatchDetail {
    /// What a task printed, read as data; `None` where nothing is to be read.
    pub fn data(&self, task: &Task) -> Option<Result<Value, String>> {
        let ended = task.state.end().is_some_and(|end| end.outcome != Outcome::NeverStarted);
        self.batch.parse.filter(|_| ended).map(|how| parse::read(how, &task.output.stdout))
    }
}

impl Serialize for BatchDetail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            batch: &'a Batch,
            tasks: Vec<ToldTask<'a>>,
        }
        #[derive(Serialize)]
        struct ToldTask<'a> {
            #[serde(flatten)]
            task: &'a Task,
            #[serde(flatten)]
            read: Option<Read>,
        }
        #[derive(Serialize)]
        struct Read {
            data: Option<Value>,
            data_problem: Option<String>,
        }
        let read = |task| match self.data(task) {
            Some(Ok(data)) => Read { data: Some(data), data_problem: None },
            Some(Err(why)) => Read { data: None, data_problem: Some(why) },
            None => Read { data: None, data_problem: None },
        };
        let parsed = self.batch.parse.is_some();
        let told = |task| ToldTask { task, read: parsed.then(|| read(task)) };
        let tasks = self.tasks.iter().map(told).collect();
        Told { batch: &self.batch, tasks }.serialize(serializer)
    }
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
    /// Its host takes no work of this kind.
    pub refused: u32,
    pub interrupted: u32,
    pub never_started: u32,
    /// Of those that never started: those that could not be reached.
    pub unreachable: u32,
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

impl Batch {
    /// What is done, on one line.
    pub fn what(&self) -> String {
        self.command.as_ref().map_or_else(|| self.summary.clone(), Command::on_one_line)
    }
}

impl Counts {
    /// Each count that people are told, with its words, in the order they are told.
    pub fn words(self) -> [(u32, &'static str); 11] {
        [
            (self.pending, "pending"),
            (self.dispatched, "sent"),
            (self.running, "running"),
            (self.succeeded, "succeeded"),
            (self.failed, "failed"),
            (self.timed_out, "timed out"),
            (self.cancelled, "cancelled"),
            (self.refused, "refused"),
            (self.interrupted, "interrupted"),
            (self.unreachable, "unreachable"),
            (self.never_started.saturating_sub(self.unreachable), "never started"),
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
            action,
            rollout,
            undo,
            leases,
            parse,
            stand,
            marks,
            origin,
            undone_by,
            reason,
            now,
        } = batch;
        // One that is not understood here is told by its summary.
        let understood = action.clone().and_then(|action| Action::try_from(action).ok());
        let fetches = understood.as_ref().and_then(fetched_path);
        let action = match (&understood, action) {
            (Some(action), _) => action.into(),
            (None, Some(_)) => BatchAction::Other,
            (None, None) => told_of_old(command.is_some(), instance_action, create, pull),
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
            fetches,
            selector,
            targets,
            created_by,
            created_at: Time::of(created_at),
            ended_at: ended_at.map(Time::of),
            cancelled_by: told(cancelled_by),
            counts: counts.unwrap_or_default().into(),
            rollout: match rollout {
                Some(rollout) => rollout.try_into().map_err(|_| unknown("rollout", "new"))?,
                None => Rollout::default(),
            },
            stand: stand.map(TryInto::try_into).transpose()?,
            marks: marks.into_iter().map(Into::into).collect(),
            leases,
            undo: undo.map(Into::into),
            origin: origin.and_then(|origin| origin.origin).map(Into::into),
            undone_by: told(undone_by),
            reason: told(reason),
            // A way of reading that is not known here reads nothing.
            parse: parse.parse().ok(),
            now: Time::told(now).unwrap_or_else(Time::now),
        })
    }
}

/// The file that an action brings from hosts; at most one of its steps does.
fn fetched_path(action: &Action) -> Option<String> {
    match action {
        Action::Fetch(fetch) => Some(fetch.path.clone()),
        Action::Sequence(steps) => steps.iter().find_map(fetched_path),
        Action::Command(_)
        | Action::Instance(_)
        | Action::Create(_)
        | Action::Pull(_)
        | Action::Script(_)
        | Action::Push(_)
        | Action::Exec(_) => None,
    }
}

/// The action of a coordinator that does not tell it in one message.
fn told_of_old(
    command: bool,
    instance: Option<wire::InstanceAction>,
    create: Option<wire::CreateInstance>,
    pull: Option<wire::PullImage>,
) -> BatchAction {
    match (command, instance, create, pull) {
        (true, _, _, _) => BatchAction::Command,
        (false, Some(_), _, _) => BatchAction::Instance,
        (false, None, Some(_), _) => BatchAction::Create,
        (false, None, None, Some(_)) => BatchAction::Pull,
        (false, None, None, None) => BatchAction::Other,
    }
}

fn in_words<S: Serializer>(rollout: &Rollout, into: S) -> Result<S::Ok, S::Error> {
    RolloutArgs::from(rollout.clone()).serialize(into)
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
            refused,
            unreachable,
        } = counts;
        Self {
            pending,
            dispatched,
            running,
            succeeded,
            failed,
            timed_out,
            cancelled,
            refused,
            interrupted,
            never_started,
            unreachable,
        }
    }
}

/// A state that this program does not know: guessing at it would tell an untruth.
pub(super) fn unknown(noun: &str, state: &str) -> Problem {
    let message = format!("the coordinator tells of a {noun} that is {state:?}");
    Problem::new(Code::VersionUnsupported, message)
        .remedy("use the tamerctl of the coordinator's version")
}
