//! Tasks: a batch's share on one target.

use data_encoding::BASE64;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tamer_model::{KeptOutput, KeptStream, Outcome, Problem, TaskEnd};
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
    /// Which of the host's targets.
    pub item: u32,
    pub instance: Option<String>,
    pub instance_name: Option<String>,
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
        Ok(Self {
            host,
            name,
            state,
            started_at: started_at.map(Time::of),
            output: output.unwrap_or_default().try_into()?,
            item,
            instance: told(instance),
            instance_name: told(instance_name),
        })
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { host, name, state, started_at, output, item: _, instance, instance_name } = self;
        let end = state.end();
        let signal = end.and_then(|end| match end.outcome {
            Outcome::Failed { signal, .. } => signal,
            Outcome::Succeeded
            | Outcome::TimedOut
            | Outcome::Cancelled
            | Outcome::Interrupted
            | Outcome::NeverStarted => None,
        });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("host", host)?;
        map.serialize_entry("name", name)?;
        map.serialize_entry("state", state.as_str())?;
        map.serialize_entry("exit_code", &end.and_then(|end| end.outcome.exit_code()))?;
        map.serialize_entry("signal", &signal)?;
        map.serialize_entry("stdout", &text(&output.stdout))?;
        map.serialize_entry("stderr", &text(&output.stderr))?;
        map.serialize_entry("stdout_cut", &output.stdout.cut())?;
        map.serialize_entry("stderr_cut", &output.stderr.cut())?;
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
        map.end()
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
            output: Some(wire::KeptOutput { stdout: Some(stdout), stderr: None }),
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
        insta::assert_snapshot!(ended("failed", end, stdout), @r#"{"host":"h-1","name":"web","state":"failed","exit_code":3,"signal":null,"stdout":"a�z","stderr":"","stdout_cut":6,"stderr_cut":0,"stdout_base64":"Yf96","started_at":"1970-01-01T00:00:01.000Z","duration_ms":7,"reason":null,"problem":null,"instance":null,"instance_name":null}"#);
    }

    #[test]
    fn a_state_of_the_future_is_not_guessed_at() {
        let task = wire::Task { state: "paused".to_owned(), ..wire::Task::default() };
        let problem = Task::try_from(task).expect_err("unknown");
        assert_eq!(problem.code, tamer_model::Code::VersionUnsupported);
    }
}
