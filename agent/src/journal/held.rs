//! What the journal holds of a task, and why it cannot.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tamer_model::{TaskId, Timestamp};

use super::record::{Damage, Deed, Record};

/// A process, so that it is not mistaken for a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessMark {
    /// Its number, which is also its group's.
    pub pid: u32,
    /// When it started, in the words of the platform; equal only for the same process.
    pub started: String,
}

/// What the journal holds of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It has no end.
    Open(Open),
    /// It ended, and the coordinator has not said that it knows.
    Ended {
        /// Where the payload lies.
        at: u64,
        /// How long it is.
        len: u32,
    },
}

/// A task without an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// When it began, by the agent's clock.
    pub at: Timestamp,
    /// Which step of a sequence is under way, counted from 1.
    pub step: Option<u16>,
    /// What was about to be done, or was.
    pub deed: Deed,
    /// Its process, when that is known to have been started.
    pub process: Option<ProcessMark>,
}

/// The answer to the wish to start a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It was written down; start it.
    Recorded,
    /// It was there already; never start it again.
    Held(Held),
}

/// Why the journal cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("cannot {what} the journal {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its bytes are not right.
    #[error("the journal {path} cannot be used: {source}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Damage,
    },
    /// The thread that owns it is gone.
    #[error("the journal is closed")]
    Closed,
}

impl Open {
    /// Whether it was told, or may be, that it has begun: its one command was started, or it is
    /// more than that.
    pub fn has_begun(&self) -> bool {
        self.deed != Deed::Process || self.step.is_some() || self.process.is_some()
    }

    /// What says this, and no more.
    pub(super) fn records(self, task: TaskId) -> Vec<Record> {
        let Self { at, step, deed, process } = self;
        let next = step.map(|_| Record::Next { task, step, deed });
        let started = process.map(|process| Record::Started { task, process });
        [Some(begun(task, at, deed)), next, started].into_iter().flatten().collect()
    }
}

/// The record of a task that begins with this.
pub(super) fn begun(task: TaskId, at: Timestamp, deed: Deed) -> Record {
    match deed {
        Deed::Process => Record::Starting { task, at },
        Deed::Provider => Record::Asking { task, at },
        Deed::File => Record::Moving { task, at },
    }
}
