//! What a batch does.

use std::collections::BTreeMap;

use serde::Serialize;
use tamer_model::{Action, TargetKind};
use tamer_proto::wire;

use super::told;

/// What sort of thing a batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchAction {
    /// Runs a command on hosts.
    Command,
    /// Does something to instances.
    Instance,
    /// Makes an instance on hosts.
    Create,
    /// Fetches an image on hosts.
    Pull,
    /// Runs a script on hosts.
    Script,
    /// Puts a file on hosts.
    Push,
    /// Brings a file from hosts.
    Fetch,
    /// Runs a command in instances.
    Exec,
    /// Several of these on hosts, one after the other.
    Sequence,
    /// Several of these on instances, one after the other.
    #[serde(rename = "sequence")]
    InstanceSequence,
    /// Something that a newer coordinator knows; the summary says what.
    Other,
}

/// What a batch runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Command {
    pub argv: Vec<String>,
    pub shell: bool,
    pub env: BTreeMap<String, String>,
    pub cwd: Option<String>,
    pub user: Option<String>,
    pub timeout_ms: Option<u64>,
    pub grace_ms: u64,
    pub output_limit: u32,
}

/// What undoes a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Undo {
    pub action: BatchAction,
    /// The action in a few words.
    pub summary: String,
}

impl BatchAction {
    /// What its targets are called: `host` or `instance`.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Command
            | Self::Create
            | Self::Pull
            | Self::Script
            | Self::Push
            | Self::Fetch
            | Self::Sequence => "host",
            Self::Instance | Self::Exec | Self::InstanceSequence => "instance",
            Self::Other => "target",
        }
    }
}

impl Command {
    /// The command on one line, quoted where a word needs it. For people, not for a shell.
    pub fn on_one_line(&self) -> String {
        if self.shell {
            return self.argv.join(" ");
        }
        let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
        let word = |word: &String| match word.is_empty() || !word.chars().all(plain) {
            true => format!("'{word}'"),
            false => word.clone(),
        };
        self.argv.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

impl From<&Action> for BatchAction {
    fn from(action: &Action) -> Self {
        match action {
            Action::Command(_) => Self::Command,
            Action::Instance(_) => Self::Instance,
            Action::Create(_) => Self::Create,
            Action::Pull(_) => Self::Pull,
            Action::Script(_) => Self::Script,
            Action::Push(_) => Self::Push,
            Action::Fetch(_) => Self::Fetch,
            Action::Exec(_) => Self::Exec,
            Action::Sequence(_) => match action.on() {
                TargetKind::Host => Self::Sequence,
                TargetKind::Instance => Self::InstanceSequence,
            },
        }
    }
}

impl From<wire::Action> for Undo {
    fn from(action: wire::Action) -> Self {
        match Action::try_from(action) {
            Ok(action) => Self { action: (&action).into(), summary: action.summary() },
            Err(_) => Self { action: BatchAction::Other, summary: "something newer".to_owned() },
        }
    }
}

impl From<wire::CommandSpec> for Command {
    fn from(command: wire::CommandSpec) -> Self {
        let wire::CommandSpec { argv, shell, env, cwd, user, timeout_ms, grace_ms, output_limit } =
            command;
        Self {
            argv,
            shell,
            env: env.into_iter().collect(),
            cwd: told(cwd),
            user: told(user),
            timeout_ms: (timeout_ms != 0).then_some(timeout_ms),
            grace_ms,
            output_limit,
        }
    }
}
