//! What people decide about scheduling.

use serde::{Deserialize, Serialize};
use tamer_scheduler::Queue;

/// How workloads share what is scarce.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduling {
    /// Who comes first of those with the same priority: `fair_share`, `round_robin` or
    /// `first_come`. Default: `fair_share`.
    pub queue: QueueName,
}

/// A queue, as configurations name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueName {
    /// Whoever has least of what it has most of, in proportion to its share.
    #[default]
    FairShare,
    /// One copy each in turn.
    RoundRobin,
    /// Whoever waits longest gets all it wants.
    FirstCome,
}

impl From<QueueName> for Queue {
    fn from(name: QueueName) -> Self {
        match name {
            QueueName::FairShare => Self::FairShare,
            QueueName::RoundRobin => Self::RoundRobin,
            QueueName::FirstCome => Self::FirstCome,
        }
    }
}
