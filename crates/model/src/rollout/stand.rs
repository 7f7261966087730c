//! Where a batch stands, and what people said meanwhile.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, UserName};

/// The most times that people may pause one batch and let it go on.
pub const MAX_MARKS: usize = 2048;

/// How a batch stands. Waves are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// A wave is under way.
    Wave {
        /// Which.
        wave: u32,
        /// Of how many.
        of: u32,
    },
    /// A wave has ended, and the next one waits: for a time, or for a person.
    Between {
        /// The one that waits.
        wave: u32,
        /// Of how many.
        of: u32,
        /// Until when; until a person says so when absent.
        until: Option<Timestamp>,
    },
    /// A person paused it.
    Paused,
    /// A budget is overspent, and why. What is in flight goes on to its end.
    Tripped(String),
    /// It was cancelled, or its time ran out: what is in flight is being ended.
    Ending(String),
    /// Every target has its end.
    Done,
}

/// A person paused a batch, or let it go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: UserName,
    /// Whether it goes on.
    pub resumed: bool,
}

impl Default for Stand {
    fn default() -> Self {
        Self::Wave { wave: 1, of: 1 }
    }
}

impl Stand {
    /// The word of the `json` contract.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Wave { .. } => "wave",
            Self::Between { .. } => "between",
            Self::Paused => "paused",
            Self::Tripped(_) => "tripped",
            Self::Ending(_) => "ending",
            Self::Done => "done",
        }
    }

    /// Whether it may wait for a person to let it go on.
    pub const fn may_wait_for_a_person(&self) -> bool {
        matches!(self, Self::Between { until: None, .. } | Self::Paused | Self::Tripped(_))
    }
}
