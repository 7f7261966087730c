//! What a provider can do, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ProviderName, words};
use crate::Problem;

/// Everything that can be asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operation {
    List,
    Create,
    Start,
    Stop,
    Restart,
    Pause,
    Resume,
    Remove,
    Exec,
    ExecTerminal,
    Logs,
    LogsSince,
    LogsTimestamps,
    Stats,
    Events,
    CheckpointFull,
    CheckpointDisk,
    ImagePull,
    ImageLoad,
    ImageList,
    ImageRemove,
    Scan,
}

words!(Operation {
    List = "list",
    Create = "create",
    Start = "start",
    Stop = "stop",
    Restart = "restart",
    Pause = "pause",
    Resume = "resume",
    Remove = "remove",
    Exec = "exec",
    ExecTerminal = "exec_terminal",
    Logs = "logs",
    LogsSince = "logs_since",
    LogsTimestamps = "logs_timestamps",
    Stats = "stats",
    Events = "events",
    CheckpointFull = "checkpoint_full",
    CheckpointDisk = "checkpoint_disk",
    ImagePull = "image_pull",
    ImageLoad = "image_load",
    ImageList = "image_list",
    ImageRemove = "image_remove",
    Scan = "scan",
});

/// Whether an operation can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "can", content = "why")]
pub enum Ability {
    /// Yes.
    Yes,
    /// The technology cannot do it, ever; and what it does instead, or why.
    No(String),
    /// Not on this host as it is now, and what is missing.
    NotNow(String),
}

/// What a provider can do; an operation that is not told is one it cannot do.
pub type Capabilities = BTreeMap<Operation, Ability>;

/// Whether a technology is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It answers.
    Available {
        /// The technology and its version: "Docker Engine 20.10.24".
        version: String,
        /// Where it is reached: "unix:///run/docker.sock".
        endpoint: String,
    },
    /// It does not, and why.
    Unavailable(Problem),
}

/// A provider of a host, as its agent tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderStatus {
    /// Which.
    pub name: ProviderName,
    /// Whether its technology is there.
    pub availability: Availability,
    /// What it can do.
    pub capabilities: Capabilities,
}
