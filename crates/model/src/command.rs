//! The command that a batch runs on each of its hosts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Problem;

/// The most bytes of arguments and environment together. Linux allows more; a command this long
/// is a script and should travel as one.
pub const MAX_COMMAND_BYTES: usize = 128 * 1024;
/// How long a command has between TERM and KILL unless the spec says otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(5);
/// How many bytes of each output stream are kept unless the spec says otherwise.
pub const DEFAULT_OUTPUT_LIMIT: u32 = 64 * 1024;
/// The most bytes of each output stream that can be kept: two of them, in base 64, fit a record.
pub const MAX_OUTPUT_LIMIT: u32 = 256 * 1024;

const MAX_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 3600);

/// A command and how to run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// The program and its arguments. With `shell`, one text for the host's shell.
    pub argv: Vec<String>,
    /// Whether the host's shell (`/bin/sh -c`, `cmd /C`) reads the command.
    #[serde(default)]
    pub shell: bool,
    /// Variables set on top of the agent's own clean environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The working directory; the user's home, or the root, when absent.
    #[serde(default)]
    pub cwd: Option<String>,
    /// The user to run as; the agent's own when absent.
    #[serde(default)]
    pub user: Option<String>,
    /// After this long the command is ended and the task has timed out.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Milliseconds between TERM and KILL.
    pub grace_ms: u64,
    /// Bytes kept of each output stream, head and tail alike.
    pub output_limit: u32,
}

impl CommandSpec {
    /// A command with nothing special about it.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            shell: false,
            env: BTreeMap::new(),
            cwd: None,
            user: None,
            timeout_ms: None,
            grace_ms: DEFAULT_GRACE.as_millis() as u64,
            output_limit: DEFAULT_OUTPUT_LIMIT,
        }
    }

    /// Checks what a peer sent; both the coordinator and the agent do.
    pub fn validate(self) -> Result<Self, Problem> {
        let bytes: usize = self.argv.iter().map(String::len).sum::<usize>()
            + self.env.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
        let nul = |text: &String| text.contains('\0');
        let bad_key = |key: &String| key.is_empty() || key.contains(['=', '\0']);
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(
                Problem::field("command", "no command was given").remedy("write it after `--`")
            );
        }
        if self.shell && self.argv.len() != 1 {
            return Err(Problem::field("command", "a command for the shell is one text")
                .remedy("quote the whole command, or leave out --shell"));
        }
        if bytes > MAX_COMMAND_BYTES {
            return Err(Problem::field(
                "command",
                format!(
                    "{bytes} bytes of arguments and environment, more than {MAX_COMMAND_BYTES}"
                ),
            ));
        }
        if self.argv.iter().any(nul) {
            return Err(Problem::field("command", "an argument holds a NUL byte"));
        }
        if let Some(key) = self.env.keys().find(|key| bad_key(key)) {
            return Err(Problem::field("env", format!("{key:?} cannot name a variable")));
        }
        if self.env.values().any(nul) || self.cwd.iter().chain(&self.user).any(nul) {
            return Err(Problem::field(
                "env",
                "a value, the working directory or the user holds a NUL byte",
            ));
        }
        if self.timeout_ms.is_some_and(|ms| ms == 0 || Duration::from_millis(ms) > MAX_TIMEOUT) {
            return Err(Problem::field("timeout", "not between 1 ms and 30 days"));
        }
        if Duration::from_millis(self.grace_ms) > Duration::from_secs(3600) {
            return Err(Problem::field("grace", "longer than one hour"));
        }
        if self.output_limit > MAX_OUTPUT_LIMIT {
            return Err(Problem::field(
                "output_limit",
                format!("more than {MAX_OUTPUT_LIMIT} bytes"),
            ));
        }
        Ok(self)
    }
}
