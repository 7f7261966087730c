//! Batches: one action over many hosts or instances.

use serde::{Deserialize, Serialize};

use crate::{
    BatchId, CommandSpec, CreateInstance, InstanceAction, InstanceOrder, InstanceRef, Outcome,
    PullImage, TaskState, Timestamp, UserName, Work,
};

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
}

impl Action {
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
        })
    }

    /// The action in a few words, for lists and the audit.
    pub fn summary(&self) -> String {
        match self {
            Self::Command(command) => command.argv.join(" "),
            Self::Instance(action) => format!("instance {}", action.as_str()),
            Self::Create(create) => format!("instance create ({})", create.provider),
            Self::Pull(pull) => format!("image pull {} ({})", pull.reference, pull.provider),
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
    pub interrupted: u32,
    pub never_started: u32,
}

impl BatchCounts {
    /// The number of tasks in `state`, to change.
    pub fn of(&mut self, state: &TaskState) -> &mut u32 {
        match state {
            TaskState::Pending => &mut self.pending,
            TaskState::Dispatched { .. } => &mut self.dispatched,
            TaskState::Running { .. } => &mut self.running,
            TaskState::Ended(end) => match end.outcome {
                Outcome::Succeeded => &mut self.succeeded,
                Outcome::Failed { .. } => &mut self.failed,
                Outcome::TimedOut => &mut self.timed_out,
                Outcome::Cancelled => &mut self.cancelled,
                Outcome::Interrupted => &mut self.interrupted,
                Outcome::NeverStarted => &mut self.never_started,
            },
        }
    }

    /// Counts `states`.
    pub fn count<'a>(states: impl IntoIterator<Item = &'a TaskState>) -> Self {
        let mut counts = Self::default();
        states.into_iter().for_each(|state| *counts.of(state) += 1);
        counts
    }

    /// Tasks without an end.
    pub const fn open(&self) -> u32 {
        self.pending + self.dispatched + self.running
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
