//! Processes and their jobs. A command runs in a job that Windows ends with its last handle: it
//! dies with the agent, and what it leaves behind dies with it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use process_wrap::tokio::{CommandWrap, JobObject};
use tamer_model::CommandSpec;

use crate::exec::{LaunchError, MARKER};
use crate::journal::ProcessMark;

/// Whether a command can be asked to end before it is killed. A job without a console cannot.
pub const HAS_TERM: bool = false;

/// `ERROR_BAD_EXE_FORMAT`.
const BAD_EXE_FORMAT: i32 = 193;

/// What programs on Windows cannot do without.
const KEPT: &[&str] = &[
    "ALLUSERSPROFILE",
    "APPDATA",
    "COMSPEC",
    "CommonProgramFiles",
    "CommonProgramFiles(x86)",
    "LOCALAPPDATA",
    "NUMBER_OF_PROCESSORS",
    "OS",
    "PATH",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "ProgramData",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "SystemDrive",
    "SystemRoot",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "windir",
];

/// Builds the command: a job of its own, clean environment, working directory.
pub fn command(spec: &CommandSpec, marker: &str) -> Result<CommandWrap, LaunchError> {
    if let Some(user) = &spec.user {
        return Err(no_user(user));
    }
    let home = || {
        let home = std::env::var_os("USERPROFILE").map(PathBuf::from);
        home.filter(|home| home.is_dir()).unwrap_or_else(|| PathBuf::from(r"C:\"))
    };
    let cwd = spec.cwd.as_ref().map_or_else(home, PathBuf::from);
    if !cwd.is_dir() {
        return Err(LaunchError::Folder { path: cwd });
    }
    let (program, arguments) = spec.argv.split_first().ok_or(LaunchError::Empty)?;
    let shell = std::env::var_os("COMSPEC").unwrap_or_else(|| "cmd.exe".into());
    let program = if spec.shell { shell.as_os_str() } else { OsStr::new(program) };
    let mut command = CommandWrap::with_new(program, |command| {
        if spec.shell {
            // cmd does not read arguments as programs do: with /S it takes the text between the
            // first and the last quote as it is.
            command.raw_arg(format!("/D /S /C \"{}\"", spec.argv[0]));
        } else {
            command.args(arguments);
        }
        command.current_dir(Path::new(&cwd)).env_clear().env(MARKER, marker);
        for name in KEPT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(&spec.env);
    });
    command.wrap(JobObject);
    Ok(command)
}

/// Why nothing runs as this user.
pub(super) fn no_user(user: &str) -> LaunchError {
    let reason = format!(
        "on Windows a command runs as the agent's own user; {user:?} would need a password"
    );
    LaunchError::User { reason }
}

/// The exit code. There are no signals.
pub fn exit_of(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    (status.code(), None)
}

/// Names the process. Its start is not told: a job dies with the agent, so nothing is looked for.
pub fn mark(pid: u32) -> ProcessMark {
    ProcessMark { pid, started: String::new() }
}

/// There are no leftovers: the jobs of an earlier life ended with it.
pub async fn end_leftovers(_: Option<&ProcessMark>, _: &str, _: Duration) -> bool {
    false
}

/// Whether an error of the spawn says that the file is no program.
pub fn is_no_program(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || error.raw_os_error() == Some(BAD_EXE_FORMAT)
}
