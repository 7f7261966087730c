//! What can be asked of an instance while somebody looks on: commands, logs, stats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::InstanceRef;
use crate::{MAX_COMMAND_BYTES, MAX_OUTPUT_LIMIT, Problem, TaskId, Timestamp};

/// The most instances of one host that one stream may name: bounds what an agent holds open.
pub const MAX_STREAM_INSTANCES: usize = 4096;
const MIN_EVERY_MS: u64 = 100;

/// A command to run in an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSpec {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables on top of the instance's own.
    pub env: BTreeMap<String, String>,
    /// The working directory; the instance's own when absent.
    pub workdir: Option<String>,
    /// The user; the instance's own when absent.
    pub user: Option<String>,
    /// Whether it reads what is sent; without, its standard input is empty.
    pub stdin: bool,
    /// A terminal of this size, on which both output streams are one; plain streams when absent.
    pub terminal: Option<TerminalSize>,
}

/// A command that a batch runs in instances: without input and without a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceExec {
    /// What.
    pub spec: ExecSpec,
    /// After this long nobody waits for it any more, and the task has timed out. The command is
    /// ended where its technology can do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Bytes kept of each output stream, head and tail alike.
    pub output_limit: u32,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

/// Which part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// Whether what is written later is told too.
    pub follow: bool,
    /// Nothing from before.
    pub since: Option<Timestamp>,
    /// Only this many lines from the end.
    pub tail: Option<u64>,
    /// Whether each line begins with its time, in RFC 3339, and a space.
    pub timestamps: bool,
}

/// What an agent is asked to serve on a bulk stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamRequest {
    /// A command in an instance.
    Exec {
        /// In which.
        instance: InstanceRef,
        /// What.
        spec: ExecSpec,
    },
    /// The logs of instances; frames name an instance by its place in the list.
    Logs {
        /// Of which.
        instances: Vec<InstanceRef>,
        /// Which part.
        options: LogOptions,
    },
    /// What instances use.
    Stats {
        /// Which.
        instances: Vec<InstanceRef>,
        /// Milliseconds between samples; one sample when absent.
        every_ms: Option<u64>,
    },
    /// Everything that the technology knows about an instance.
    Describe {
        /// About which.
        instance: InstanceRef,
    },
    /// All that a task's command wrote, as far as its agent still has it.
    Output {
        /// Of which task.
        task: TaskId,
        /// Bytes of standard output to leave out.
        stdout_from: u64,
        /// Bytes of standard error to leave out.
        stderr_from: u64,
        /// Whether what is written later is told too.
        follow: bool,
    },
}

impl InstanceExec {
    /// Checks what a peer sent.
    pub fn validate(mut self) -> Result<Self, Problem> {
        self.spec = self.spec.validate()?;
        if self.spec.stdin || self.spec.terminal.is_some() {
            return Err(Problem::field("exec", "a batch has neither input nor a terminal"));
        }
        if self.output_limit > MAX_OUTPUT_LIMIT {
            let message = format!("more than {MAX_OUTPUT_LIMIT} bytes");
            return Err(Problem::field("output_limit", message));
        }
        Ok(self)
    }
}

impl ExecSpec {
    /// A command with nothing special about it.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            workdir: None,
            user: None,
            stdin: false,
            terminal: None,
        }
    }

    /// Checks what a peer sent.
    pub fn validate(self) -> Result<Self, Problem> {
        let bytes: usize = self.argv.iter().map(String::len).sum::<usize>()
            + self.env.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(
                Problem::field("command", "no command was given").remedy("write it after `--`")
            );
        }
        if bytes > MAX_COMMAND_BYTES {
            let message = format!("{bytes} bytes of command, more than {MAX_COMMAND_BYTES}");
            return Err(Problem::field("command", message));
        }
        let nul = |text: &String| text.contains('\0');
        if self.argv.iter().chain(self.env.values()).chain(&self.workdir).chain(&self.user).any(nul)
        {
            return Err(Problem::field("command", "a text holds a NUL byte"));
        }
        if let Some(key) = self.env.keys().find(|key| key.is_empty() || key.contains(['=', '\0'])) {
            return Err(Problem::field("env", format!("{key:?} cannot name a variable")));
        }
        Ok(self)
    }
}

impl StreamRequest {
    /// Checks what a peer sent.
    pub fn validate(self) -> Result<Self, Problem> {
        match self {
            Self::Exec { instance, spec } => Ok(Self::Exec { instance, spec: spec.validate()? }),
            Self::Logs { instances, options } => {
                few(&instances)?;
                Ok(Self::Logs { instances, options })
            }
            Self::Stats { instances, every_ms } => {
                few(&instances)?;
                let every_ms = every_ms.map(|ms| ms.max(MIN_EVERY_MS));
                Ok(Self::Stats { instances, every_ms })
            }
            Self::Describe { .. } | Self::Output { .. } => Ok(self),
        }
    }
}

fn few(instances: &[InstanceRef]) -> Result<(), Problem> {
    if instances.len() > MAX_STREAM_INSTANCES {
        let message = format!("{} instances, more than {MAX_STREAM_INSTANCES}", instances.len());
        return Err(Problem::field("instances", message).remedy("select fewer of them"));
    }
    Ok(())
}
