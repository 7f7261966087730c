//! Instances: what providers run, as the fleet knows it.

mod action;
mod capability;
mod name;
mod resource;
mod spec;
mod stats;
mod stream;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use action::{CreateInstance, InstanceAction, InstanceOrder, MAX_GRACE_MS, PullImage};
pub use capability::{Ability, Availability, Capabilities, Operation, ProviderStatus};
pub use name::{CheckpointName, InstanceName, NativeId, ProviderName};
pub use resource::{Resource, ResourceKind, ResourceRef};
pub use spec::{
    InstanceSpec, Limits, MAX_SPEC_BYTES, Mount, MountKind, OptionValue, Port, Protocol,
    PullPolicy, RestartPolicy,
};
pub use stats::InstanceStats;
pub use stream::{
    ExecSpec, InstanceExec, LogOptions, MAX_STREAM_INSTANCES, StreamRequest, TerminalSize,
};

use crate::selector::Subject;
use crate::{HostId, InstanceId, Timestamp};

/// The most labels of an instance that are reported; a technology may allow more, and `show` asks
/// the technology itself.
pub const MAX_INSTANCE_LABELS: usize = 64;
/// The label that marks what Tamer made, where a technology has labels.
pub const MANAGED_LABEL: &str = "tamer.managed";

/// What sort of thing an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum InstanceKind {
    Container,
    Machine,
    Distro,
    Pod,
    Module,
}

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// It was made and never started, or is being made.
    Creating,
    /// It runs.
    Running,
    /// It ran and ended, or was ended.
    Stopped,
    /// It is in memory and does not run.
    Paused,
    /// Its memory is saved on disk.
    Suspended,
    /// It ended with an error, or cannot run.
    Failed,
    /// The technology does not say, or says something that nobody knows.
    Unknown,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal,)* }) => {
        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word of the wire and of the `json` contract.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::Problem;

            fn from_str(text: &str) -> Result<Self, crate::Problem> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(crate::Problem::field(
                        stringify!($name),
                        format!("{:?} is none of: {}", text.chars().take(64).collect::<String>(), [$($word),*].join(", ")),
                    )),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(InstanceKind {
    Container = "container",
    Machine = "machine",
    Distro = "distro",
    Pod = "pod",
    Module = "module",
});

words!(InstanceState {
    Creating = "creating",
    Running = "running",
    Stopped = "stopped",
    Paused = "paused",
    Suspended = "suspended",
    Failed = "failed",
    Unknown = "unknown",
});

/// One instance as its provider tells it. Everything here changes rarely: what moves all the time
/// is in [`InstanceStats`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// What the technology calls it, for ever.
    pub native: NativeId,
    /// What people call it.
    pub name: InstanceName,
    /// What it is.
    pub kind: InstanceKind,
    /// Where it stands.
    pub state: InstanceState,
    /// Why, where the state alone does not say it: "out of memory", "exited with 3".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The image, disk or template it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The exit code of its last run, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Whether Tamer made it. What Tamer did not make is never removed without being asked twice.
    pub managed: bool,
    /// Its labels, at most [`MAX_INSTANCE_LABELS`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// What it publishes on its host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
}

/// Names an instance to its host: which technology, and what that calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceRef {
    /// The provider.
    pub provider: ProviderName,
    /// What the technology calls it.
    pub native: NativeId,
}

impl fmt::Display for InstanceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.native)
    }
}

/// An instance of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetInstance {
    /// Its id, the same for as long as the instance is there.
    pub id: InstanceId,
    /// Its host.
    pub host: HostId,
    /// Its provider.
    pub provider: ProviderName,
    /// When its host last told a change of it.
    pub told_at: Timestamp,
    /// What its provider tells.
    pub instance: Instance,
}

impl FleetInstance {
    /// How its host knows it.
    pub fn reference(&self) -> InstanceRef {
        InstanceRef { provider: self.provider.clone(), native: self.instance.native.clone() }
    }
}

impl Subject for FleetInstance {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let instance = &self.instance;
        Some(match key {
            "id" => self.id.to_string().into(),
            "name" => instance.name.as_str().into(),
            "provider" => self.provider.as_str().into(),
            "state" => instance.state.as_str().into(),
            "kind" => instance.kind.as_str().into(),
            "managed" => if instance.managed { "true" } else { "false" }.into(),
            "image" => return instance.image.as_deref().map(Cow::Borrowed),
            label => return instance.labels.get(label).map(|value| value.as_str().into()),
        })
    }
}

/// Saved state of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its name, unique for the instance.
    pub name: CheckpointName,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// What is saved.
    pub kind: CheckpointKind,
    /// Bytes on disk, where the technology tells.
    pub size_bytes: Option<u64>,
}

/// What a checkpoint saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// Disk and memory: after a restore it goes on where it was.
    Full,
    /// The disk or file system: after a restore it starts afresh on it.
    Disk,
}

words!(CheckpointKind { Full = "full", Disk = "disk", });
