//! Tasks: a batch's share on one target.

use data_encoding::BASE64;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tamer_model::{KeptOutput, KeptStream, Outcome, Problem, TaskEnd, Unsent};
use tamer_proto::Required;
use tamer_proto::wire;

use super::batch::unknown;
use super::{Time, told};

/// A batch's share on one target: a host, or an instance of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Task {
    pub host: String,
    pub name: String,
    pub state: TaskState,
    pub started_at: Option<Time>,
    /// What was kept of it, when it was asked for.
    pub output: KeptOutput,
    /// Whether the coordinator removed what it had kept, to make room.
    pub output_removed: bool,
    /// Which of the host's targets.
    pub item: u32,
    pub instance: Option<String>,
    pub instance_name: Option<String>,
    /// Which attempt this is about, counted from 0.
    pub attempt: u32,
    /// The attempts before it, oldest first.
    pub before: Vec<Attempt>,
}

/// An attempt that was not the last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Attempt {
    pub sent_at: Time,
    pub ended_at: Time,
    pub end: TaskEnd,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// It was not sent.
    Pending,
    /// It was sent, and its agent did not answer yet.
    Dispatched,
    /// It runs.
    Running,
    /// It ended.
    Ended(TaskEnd),
}

impl Task {
    /// The target as people name it: the host, or `host/instance`.
    pub fn target(&self) -> String {
        match &self.instance_name {
            Some(instance) => format!("{}/{instance}", self.name),
            None => self.name.clone(),
        }
    }
}

impl TaskState {
    /// The word of the contract.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Dispatched => "dispatched",
            Self::Running => "running",
            Self::Ended(end) => end.outcome.as_str(),
        }
    }

    /// Its end, if it has one.
    pub const fn end(&self) -> Option<&TaskEnd> {
        match self {
            Self::Ended(end) => Some(end),
            Self::Pending | Self::Dispatched | Self::Running => None,
        }
    }
}

impl TryFrom<wire::Task> for Task {
    type Error = Problem;

    fn try_from(task: wire::Task) -> Result<Self, Problem> {
        let wire::Task {
            host,
            name,
            state,
            end,
            started_at,
            output,
            item,
            instance,
            instance_name,
            attempt,
            before,
        } = task;
        let state = match (end, state.as_str()) {
            (Some(end), _) => TaskState::Ended(end.try_into()?),
            (None, "pending") => TaskState::Pending,
            (None, "dispatched") => TaskState::Dispatched,
            (None, "running") => TaskState::Running,
            (None, other) => return Err(unknown("task", other)),
        };
        let started_at =
            started_at.or(state.end().and_then(|end| Some(end.started_at?.as_millis())));
        let output = output.unwrap_or_default();
        Ok(Self {
            host,
            name,
            state,
            started_at: started_at.map(Time::of),
            output_removed: output.removed,
            output: output.try_into()?,
            item,
            instance: told(instance),
            instance_name: told(instance_name),
            attempt,
            before: before.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<wire::PastAttempt> for Attempt {
    type Error = Problem;

    fn try_from(attempt: wire::PastAttempt) -> Result<Self, Problem> {
        let wire::PastAttempt { sent_at, ended_at, end } = attempt;
        let end = end.required("before.end")?.try_into()?;
        Ok(Self { sent_at: Time::of(sent_at), ended_at: Time::of(ended_at), end })
    }
}

impl Serialize for Attempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { sent_at, ended_at, end } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("sent_at", sent_at)?;
        map.serialize_entry("ended_at", ended_at)?;
        map.serialize_entry("state", end.outcome.as_str())?;
        map.serialize_entry("exit_code", &end.outcome.exit_code())?;
        map.serialize_entry("signal", &signal(end))?;
        map.serialize_entry("duration_ms", &end.duration_ms)?;
        map.serialize_entry("reason", &end.reason)?;
        map.end()
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            host,
            name,
            state,
            started_at,
            output,
            output_removed,
            item: _,
            instance,
            instance_name,
            attempt,
            before,
        } = self;
        let end = state.end();
        let usage = end.and_then(|end| end.usage);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("host", host)?;
        map.serialize_entry("name", name)?;
        map.serialize_entry("state", state.as_str())?;
        map.serialize_entry("exit_code", &end.and_then(|end| end.outcome.exit_code()))?;
        map.serialize_entry("signal", &end.and_then(signal))?;
        map.serialize_entry("stdout", &text(&output.stdout))?;
        map.serialize_entry("stderr", &text(&output.stderr))?;
        map.serialize_entry("stdout_cut", &output.stdout.cut())?;
        map.serialize_entry("stderr_cut", &output.stderr.cut())?;
        map.serialize_entry("output_removed", output_removed)?;
        for (key, stream) in [("stdout_base64", &output.stdout), ("stderr_base64", &output.stderr)]
        {
            let bytes = whole(stream);
            if std::str::from_utf8(&bytes).is_err() {
                map.serialize_entry(key, &BASE64.encode(&bytes))?;
            }
        }
        map.serialize_entry("started_at", started_at)?;
        map.serialize_entry("duration_ms", &end.and_then(|end| end.duration_ms))?;
        map.serialize_entry("reason", &end.and_then(|end| end.reason.as_deref()))?;
        map.serialize_entry("problem", &end.and_then(|end| end.problem.as_deref()))?;
        map.serialize_entry("instance", instance)?;
        map.serialize_entry("instance_name", instance_name)?;
        map.serialize_entry("attempts", &(attempt + 1))?;
        map.serialize_entry("before", before)?;
        map.serialize_entry("unsent", &end.and_then(|end| end.unsent).map(unsent_word))?;
        map.serialize_entry("cpu_ms", &usage.map(|usage| usage.cpu_ms))?;
        map.serialize_entry("max_memory_bytes", &usage.and_then(|usage| usage.max_memory_bytes))?;
        map.serialize_entry("fetched", &end.and_then(|end| end.fetched))?;
        map.end()
    }
}

fn signal(end: &TaskEnd) -> Option<i32> {
    match end.outcome {
        Outcome::Failed { signal, .. } => signal,
        Outcome::Succeeded
        | Outcome::TimedOut
        | Outcome::Cancelled
        | Outcome::Refused
        | Outcome::Interrupted
        | Outcome::NeverStarted => None,
    }
}

/// The word of the contract for why a task never started.
pub const fn unsent_word(unsent: Unsent) -> &'static str {
    match unsent {
        Unsent::Unreachable => "unreachable",
        Unsent::Deadline => "deadline",
        Unsent::Tripped => "tripped",
        Unsent::Cancelled => "cancelled",
    }
}

fn whole(stream: &KeptStream) -> Vec<u8> {
    [&stream.head[..], &stream.tail[..]].concat()
}

fn text(stream: &KeptStream) -> String {
    String::from_utf8_lossy(&whole(stream)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(state: &str, end: wire::TaskEnd, stdout: wire::KeptStream) -> String {
        let task = wire::Task {
            host: "h-1".to_owned(),
            name: "web".to_owned(),
            state: state.to_owned(),
            end: Some(end),
            started_at: Some(1000),
            output: Some(wire::KeptOutput { stdout: Some(stdout), ..Default::default() }),
            ..wire::Task::default()
        };
        serde_json::to_string(&Task::try_from(task).expect("a task")).expect("json")
    }

    #[test]
    fn a_task_in_json() {
        let end = wire::TaskEnd {
            outcome: wire::Outcome::Failed.into(),
            exit_code: Some(3),
            duration_ms: Some(7),
            ..wire::TaskEnd::default()
        };
        let stdout = wire::KeptStream { head: b"a\xff".to_vec(), tail: b"z".to_vec(), total: 9 };
        insta::assert_snapshot!(ended("failed", end, stdout), @r#"{"host":"h-1","name":"web","state":"failed","exit_code":3,"signal":null,"stdout":"a�z","stderr":"","stdout_cut":6,"stderr_cut":0,"output_removed":false,"stdout_base64":"Yf96","started_at":"1970-01-01T00:00:01.000Z","duration_ms":7,"reason":null,"problem":null,"instance":null,"instance_name":null,"attempts":1,"before":[],"unsent":null,"cpu_ms":null,"max_memory_bytes":null,"fetched":null}"#);
    }

    #[test]
    fn a_state_of_the_future_is_not_guessed_at() {
        let task = wire::Task { state: "paused".to_owned(), ..wire::Task::default() };
        let problem = Task::try_from(task).expect_err("unknown");
        assert_eq!(problem.code, tamer_model::Code::VersionUnsupported);
    }
}
