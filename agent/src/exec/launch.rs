//! Starting a command, and what can be wrong with it, told as a shell tells it.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use tamer_crash::point;
use tamer_model::{CommandSpec, Outcome, TaskEnd};

use crate::journal::ProcessMark;
use crate::platform::{self, Spawned};
use crate::problem::chain;

/// The most characters of a reason.
const MAX_REASON: usize = 500;

/// Why a command could not be started. Nothing ran.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// It names no program.
    #[error("the command is empty")]
    Empty,
    /// The working directory is not there.
    #[error("the working directory {} is not a directory on this host", path.display())]
    Folder {
        /// As asked for.
        path: PathBuf,
    },
    /// The user is unknown or may not be used.
    #[error("{reason}")]
    User {
        /// Which and why.
        reason: String,
    },
    /// There is no such program.
    #[error("{program:?} was not found on this host")]
    NotFound {
        /// As asked for.
        program: String,
    },
    /// There is such a file and it is no program.
    #[error("{program:?} cannot be executed")]
    NotExecutable {
        /// As asked for.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The system would not start another process.
    #[error("{program:?} could not be started")]
    Spawn {
        /// As asked for.
        program: String,
        /// Why.
        source: io::Error,
    },
}

impl LaunchError {
    fn of(program: &str, source: io::Error) -> Self {
        let program = program.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            Self::NotFound { program }
        } else if platform::is_no_program(&source) {
            Self::NotExecutable { program, source }
        } else {
            Self::Spawn { program, source }
        }
    }

    /// The end of a task whose command could not be started, with the exit code a shell gives.
    pub fn end(&self) -> TaskEnd {
        let exit_code = match self {
            Self::NotFound { .. } => Some(127),
            Self::Folder { .. } | Self::User { .. } | Self::NotExecutable { .. } => Some(126),
            Self::Empty | Self::Spawn { .. } => None,
        };
        // A program's name can be as long as a command; a reason is for people.
        let reason: String = chain(self).chars().take(MAX_REASON).collect();
        TaskEnd::without_times(Outcome::Failed { exit_code, signal: None }, reason)
    }
}

/// A command that was started.
pub struct Running {
    pub(super) spawned: Spawned,
    pub(super) since: Instant,
    /// Its process.
    pub process: ProcessMark,
}

/// Starts the command of the task that `marker` names.
pub fn launch(spec: &CommandSpec, marker: &str) -> Result<Running, LaunchError> {
    let command = platform::command(spec, marker)?;
    let program = spec.argv.first().ok_or(LaunchError::Empty)?;
    point("spawn.begun");
    let spawned = platform::spawn(command).map_err(|source| LaunchError::of(program, source))?;
    point("spawn.done");
    let process = platform::mark(spawned.child.id());
    Ok(Running { spawned, since: Instant::now(), process })
}
