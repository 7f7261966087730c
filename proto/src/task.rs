//! Tasks, their output and their ends on the wire.

use tamer_model::{
    Content, HeldTask, KeptOutput, KeptStream, MAX_OUTPUT_LIMIT, Outcome, Problem, StreamKind,
    TaskEnd, TaskId, Timestamp, Unsent, Usage,
};

use crate::files::digest_of;
use crate::required::{Required, optional, parse};
use crate::wire;

impl TryFrom<wire::TaskId> for TaskId {
    type Error = Problem;

    fn try_from(id: wire::TaskId) -> Result<Self, Problem> {
        let wire::TaskId { batch, host, item, attempt } = id;
        let item = u16::try_from(item)
            .map_err(|_| Problem::field("task.item", "a host has at most 65,536 targets"))?;
        let attempt = u16::try_from(attempt)
            .map_err(|_| Problem::field("task.attempt", "a target has at most 65,536 attempts"))?;
        let (batch, host) = (parse(&batch, "task.batch")?, parse(&host, "task.host")?);
        Ok(Self { batch, host, item, attempt })
    }
}

impl From<TaskId> for wire::TaskId {
    fn from(id: TaskId) -> Self {
        let TaskId { batch, host, item, attempt } = id;
        let (batch, host) = (batch.to_string(), host.to_string());
        Self { batch, host, item: item.into(), attempt: attempt.into() }
    }
}

impl TryFrom<wire::HeldTask> for HeldTask {
    type Error = Problem;

    fn try_from(held: wire::HeldTask) -> Result<Self, Problem> {
        let wire::HeldTask { task, ended, started_at: _ } = held;
        Ok(Self { task: task.required("held.task")?.try_into()?, ended })
    }
}

impl From<StreamKind> for wire::StreamKind {
    fn from(kind: StreamKind) -> Self {
        match kind {
            StreamKind::Stdout => Self::Stdout,
            StreamKind::Stderr => Self::Stderr,
        }
    }
}

impl TryFrom<wire::StreamKind> for StreamKind {
    type Error = Problem;

    fn try_from(kind: wire::StreamKind) -> Result<Self, Problem> {
        match kind {
            wire::StreamKind::Stdout => Ok(Self::Stdout),
            wire::StreamKind::Stderr => Ok(Self::Stderr),
            wire::StreamKind::Unspecified => {
                Err(Problem::field("stream", "neither stdout nor stderr"))
            }
        }
    }
}

impl TryFrom<wire::KeptStream> for KeptStream {
    type Error = Problem;

    fn try_from(kept: wire::KeptStream) -> Result<Self, Problem> {
        let wire::KeptStream { head, tail, total } = kept;
        let length = (head.len() + tail.len()) as u64;
        if length > u64::from(MAX_OUTPUT_LIMIT) || length > total {
            return Err(Problem::field(
                "output",
                "more bytes than may be kept, or than there were",
            ));
        }
        Ok(Self { head, tail, total })
    }
}

impl From<KeptStream> for wire::KeptStream {
    fn from(kept: KeptStream) -> Self {
        let KeptStream { head, tail, total } = kept;
        Self { head, tail, total }
    }
}

impl TryFrom<wire::KeptOutput> for KeptOutput {
    type Error = Problem;

    fn try_from(kept: wire::KeptOutput) -> Result<Self, Problem> {
        let wire::KeptOutput { stdout, stderr, removed: _ } = kept;
        Ok(Self {
            stdout: stdout.unwrap_or_default().try_into()?,
            stderr: stderr.unwrap_or_default().try_into()?,
        })
    }
}

impl From<KeptOutput> for wire::KeptOutput {
    fn from(kept: KeptOutput) -> Self {
        let KeptOutput { stdout, stderr } = kept;
        Self { stdout: Some(stdout.into()), stderr: Some(stderr.into()), removed: false }
    }
}

impl TryFrom<wire::TaskEnd> for TaskEnd {
    type Error = Problem;

    fn try_from(end: wire::TaskEnd) -> Result<Self, Problem> {
        let outcome = match end.outcome() {
            wire::Outcome::Succeeded => Outcome::Succeeded,
            wire::Outcome::Failed => {
                Outcome::Failed { exit_code: end.exit_code, signal: end.signal }
            }
            wire::Outcome::TimedOut => Outcome::TimedOut,
            wire::Outcome::Cancelled => Outcome::Cancelled,
            wire::Outcome::Interrupted => Outcome::Interrupted,
            wire::Outcome::NeverStarted => Outcome::NeverStarted,
            wire::Outcome::Refused => Outcome::Refused,
            wire::Outcome::Unspecified => {
                return Err(Problem::field("end.outcome", "not an end that this version knows"));
            }
        };
        let wire::TaskEnd {
            outcome: _,
            exit_code: _,
            signal: _,
            reason,
            started_at,
            duration_ms,
            problem,
            unsent,
            usage,
            fetched_digest,
            fetched_size,
        } = end;
        let unsent = match unsent.as_str() {
            "" => None,
            "unreachable" => Some(Unsent::Unreachable),
            "deadline" => Some(Unsent::Deadline),
            "tripped" => Some(Unsent::Tripped),
            "cancelled" => Some(Unsent::Cancelled),
            other => {
                let what = format!("{other:?} is no reason that this version knows");
                return Err(Problem::field("end.unsent", what));
            }
        };
        let fetched = match fetched_digest.is_empty() {
            true => None,
            false => {
                let digest = digest_of(&fetched_digest, "end.fetched_digest")?;
                Some(Content { digest, size: fetched_size })
            }
        };
        Ok(Self {
            outcome,
            reason: optional(reason),
            problem: problem.map(|problem| Box::new(problem.into())),
            started_at: started_at.map(Timestamp::from_millis),
            duration_ms,
            unsent,
            usage: usage
                .map(|wire::Usage { cpu_ms, max_memory_bytes }| Usage { cpu_ms, max_memory_bytes }),
            fetched,
        })
    }
}

impl From<TaskEnd> for wire::TaskEnd {
    fn from(end: TaskEnd) -> Self {
        let TaskEnd { outcome, reason, problem, started_at, duration_ms, unsent, usage, fetched } =
            end;
        let unsent = match unsent {
            None => "",
            Some(Unsent::Unreachable) => "unreachable",
            Some(Unsent::Deadline) => "deadline",
            Some(Unsent::Tripped) => "tripped",
            Some(Unsent::Cancelled) => "cancelled",
        };
        let (kind, exit_code, signal) = match outcome {
            Outcome::Succeeded => (wire::Outcome::Succeeded, Some(0), None),
            Outcome::Failed { exit_code, signal } => (wire::Outcome::Failed, exit_code, signal),
            Outcome::TimedOut => (wire::Outcome::TimedOut, None, None),
            Outcome::Cancelled => (wire::Outcome::Cancelled, None, None),
            Outcome::Interrupted => (wire::Outcome::Interrupted, None, None),
            Outcome::NeverStarted => (wire::Outcome::NeverStarted, None, None),
            Outcome::Refused => (wire::Outcome::Refused, None, None),
        };
        Self {
            outcome: kind.into(),
            exit_code,
            signal,
            reason: reason.unwrap_or_default(),
            started_at: started_at.map(Timestamp::as_millis),
            duration_ms,
            problem: problem.map(|problem| (*problem).into()),
            unsent: unsent.to_owned(),
            usage: usage
                .map(|Usage { cpu_ms, max_memory_bytes }| wire::Usage { cpu_ms, max_memory_bytes }),
            fetched_digest: fetched.map(|c| c.digest.as_bytes().to_vec()).unwrap_or_default(),
            fetched_size: fetched.map(|content| content.size).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcomes() -> impl Strategy<Value = Outcome> {
        let failed = any::<(Option<i32>, Option<i32>)>()
            .prop_map(|(exit_code, signal)| Outcome::Failed { exit_code, signal });
        prop_oneof![
            Just(Outcome::Succeeded),
            failed,
            Just(Outcome::TimedOut),
            Just(Outcome::Cancelled),
            Just(Outcome::Interrupted),
            Just(Outcome::NeverStarted),
            Just(Outcome::Refused),
        ]
    }

    proptest! {
        #[test]
        fn an_end_survives_the_wire(
            outcome in outcomes(), reason in "[a-z]{0,3}", at: Option<u64>, duration_ms: Option<u64>,
            unsent in proptest::option::of(prop_oneof![
                Just(Unsent::Unreachable), Just(Unsent::Deadline), Just(Unsent::Tripped), Just(Unsent::Cancelled)
            ]),
            usage: Option<(u64, Option<u64>)>, fetched: Option<([u8; 32], u64)>,
        ) {
            let end = TaskEnd {
                outcome,
                reason: optional(reason),
                problem: None,
                started_at: at.map(Timestamp::from_millis),
                duration_ms,
                unsent,
                usage: usage.map(|(cpu_ms, max_memory_bytes)| Usage { cpu_ms, max_memory_bytes }),
                fetched: fetched.map(|(digest, size)| Content {
                    digest: tamer_model::Fingerprint::from_bytes(digest), size
                }),
            };
            prop_assert_eq!(TaskEnd::try_from(wire::TaskEnd::from(end.clone())), Ok(end));
        }
    }
}
