//! What can be done to instances by a batch.

use serde::{Deserialize, Serialize};

use super::{CheckpointName, InstanceRef, InstanceSpec, ProviderName};
use crate::Problem;

/// The longest grace between asking an instance to stop and ending it: one hour.
pub const MAX_GRACE_MS: u64 = 3_600_000;
const MAX_REFERENCE: usize = 1024;

/// One thing done to an instance that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum InstanceAction {
    /// Starts it; one that runs stays as it is.
    Start,
    /// Asks it to stop, and ends it after the grace. One that does not run stays as it is.
    Stop {
        /// Milliseconds between asking and ending; the technology's own when absent.
        grace_ms: Option<u64>,
    },
    /// Stops it and starts it.
    Restart {
        /// As for a stop.
        grace_ms: Option<u64>,
    },
    /// Takes its processors away and keeps its memory.
    Pause,
    /// Gives them back.
    Resume,
    /// Removes it with what only it uses.
    Remove {
        /// Ends it first when it runs; without, a running instance is refused.
        force: bool,
    },
    /// Saves its state.
    CheckpointCreate {
        /// Under this name.
        name: CheckpointName,
    },
    /// Brings it back to a saved state.
    CheckpointRestore {
        /// The one of this name.
        name: CheckpointName,
    },
    /// Removes a saved state.
    CheckpointRemove {
        /// The one of this name.
        name: CheckpointName,
    },
}

/// An instance to make, on whichever hosts the batch names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateInstance {
    /// By which provider.
    pub provider: ProviderName,
    /// Whether it is started too.
    pub start: bool,
    /// What it shall be.
    pub spec: InstanceSpec,
}

/// An image to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullImage {
    /// By which provider.
    pub provider: ProviderName,
    /// Which, as the technology writes it.
    pub reference: String,
}

/// What one task does, as its agent is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceOrder {
    /// Something done to one instance.
    Act {
        /// Which.
        instance: InstanceRef,
        /// What.
        action: InstanceAction,
    },
    /// An instance to make. The task's standard output is its native id and a line feed.
    Create(Box<CreateInstance>),
    /// An image to fetch. The task's standard output tells how it goes.
    Pull(PullImage),
}

impl InstanceAction {
    /// The word of the command line and the audit.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop { .. } => "stop",
            Self::Restart { .. } => "restart",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Remove { .. } => "rm",
            Self::CheckpointCreate { .. } => "checkpoint create",
            Self::CheckpointRestore { .. } => "checkpoint restore",
            Self::CheckpointRemove { .. } => "checkpoint rm",
        }
    }

    /// Checks what a peer sent.
    pub fn validate(self) -> Result<Self, Problem> {
        match &self {
            Self::Stop { grace_ms } | Self::Restart { grace_ms }
                if grace_ms.is_some_and(|ms| ms > MAX_GRACE_MS) =>
            {
                Err(Problem::field("grace", "longer than one hour"))
            }
            _ => Ok(self),
        }
    }
}

impl PullImage {
    /// Checks what a peer sent.
    pub fn validate(self) -> Result<Self, Problem> {
        let bad = |c: char| c.is_control() || c.is_whitespace();
        if self.reference.is_empty()
            || self.reference.len() > MAX_REFERENCE
            || self.reference.contains(bad)
        {
            return Err(Problem::field(
                "image",
                "an image reference is 1 to 1024 bytes without spaces",
            ));
        }
        Ok(self)
    }
}

impl CreateInstance {
    /// Checks what a peer sent.
    pub fn validate(mut self) -> Result<Self, Problem> {
        self.spec = self.spec.validate()?;
        Ok(self)
    }
}
