//! What is done: one step, with the files of this machine still to be read.

use std::path::{Path, PathBuf};

use tamer_model::{
    Action, Content, DEFAULT_FETCH_LIMIT, FetchFile, InstanceAction, Problem, PushFile, ScriptSpec,
};

use super::task::TaskArgs;
use super::values::{Bytes, Mode};
use super::words::Span;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub deed: Deed,
    /// How it is run.
    pub task: TaskArgs,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Runs a program with its arguments.
    Command(Vec<String>),
    /// Has a shell read a text.
    Shell(String),
    /// Runs a script of this machine.
    Script {
        /// Where it is.
        path: PathBuf,
        /// The program that reads it; its own when empty.
        interpreter: Vec<String>,
        /// Its arguments.
        args: Vec<String>,
    },
    /// Puts a file of this machine on hosts.
    Push(Push),
    /// Brings a file from hosts.
    Fetch {
        /// Where it is there.
        path: String,
        /// The most bytes it may have.
        limit: Option<Bytes>,
    },
    /// Does something to instances.
    Instance(InstanceAction),
}

/// A file to put on hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Where it is here.
    pub local: PathBuf,
    /// Where it goes.
    pub path: String,
    /// Its permissions there.
    pub mode: Option<Mode>,
    /// Its owner there.
    pub owner: Option<String>,
    /// Whether folders that are missing are made.
    pub folders: bool,
}

impl Step {
    /// The file of this machine that it needs.
    pub fn file(&self) -> Option<&Path> {
        match &self.deed {
            Deed::Script { path, .. } => Some(path),
            Deed::Push(push) => Some(&push.local),
            Deed::Command(_) | Deed::Shell(_) | Deed::Fetch { .. } | Deed::Instance(_) => None,
        }
    }

    /// What travels. `content` tells what a file of this machine holds.
    pub fn action(
        &self,
        on_instances: bool,
        content: &dyn Fn(&Path) -> Result<Content, Problem>,
    ) -> Result<Action, Problem> {
        let Self { deed, task } = self;
        match (deed, on_instances) {
            (Deed::Command(argv), false) => task.command(argv.clone(), false).map(Action::Command),
            (Deed::Command(argv), true) => task.exec(argv.clone(), false).map(Action::Exec),
            (Deed::Shell(text), false) => {
                task.command(vec![text.clone()], true).map(Action::Command)
            }
            (Deed::Shell(text), true) => task.exec(vec![text.clone()], true).map(Action::Exec),
            (Deed::Script { path, interpreter, args }, false) => {
                self.script(path, interpreter, args, content(path)?).map(Action::Script)
            }
            (Deed::Push(push), false) => {
                push.spec(content(&push.local)?, task.timeout).map(Action::Push)
            }
            (Deed::Fetch { path, limit }, false) => FetchFile {
                path: path.clone(),
                limit: limit.map_or(DEFAULT_FETCH_LIMIT, |Bytes(limit)| limit),
                timeout_ms: task.timeout.map(Span::millis),
            }
            .validate()
            .map(Action::Fetch),
            (Deed::Instance(action), true) => action.clone().validate().map(Action::Instance),
            (Deed::Script { .. }, true) => Err(only_hosts("script", "a script runs on hosts")),
            (Deed::Push(_), true) => Err(only_hosts("push", "a file is put on hosts")),
            (Deed::Fetch { .. }, true) => Err(only_hosts("fetch", "a file is brought from hosts")),
            (Deed::Instance(_), false) => {
                Err(Problem::field("instance", "no instances are selected")
                    .remedy("select them: instance_selector, or in"))
            }
        }
    }

    fn script(
        &self,
        path: &Path,
        interpreter: &[String],
        args: &[String],
        content: Content,
    ) -> Result<ScriptSpec, Problem> {
        let name = file_name(path, "script")?;
        let argv = std::iter::once(name.clone()).chain(args.iter().cloned()).collect();
        let command = self.task.command(argv, false)?;
        ScriptSpec { content, name, interpreter: interpreter.to_vec(), command }.validate()
    }
}

impl Push {
    fn spec(&self, content: Content, timeout: Option<Span>) -> Result<PushFile, Problem> {
        let Self { local, path, mode, owner, folders } = self;
        // Into a folder: under its own name.
        let path = match path.ends_with(['/', '\\']) {
            true => format!("{path}{}", file_name(local, "push")?),
            false => path.clone(),
        };
        PushFile {
            content,
            path,
            mode: mode.map(|Mode(mode)| mode),
            owner: owner.clone(),
            folders: *folders,
            timeout_ms: timeout.map(Span::millis),
        }
        .validate()
    }
}

fn only_hosts(field: &str, what: &str) -> Problem {
    Problem::field(field, format!("{what}, and instances are meant"))
        .remedy("leave out the instances; --having chooses hosts by what they run")
}

fn file_name(path: &Path, field: &str) -> Result<String, Problem> {
    let name = path.file_name().and_then(|name| name.to_str()).map(ToOwned::to_owned);
    name.ok_or_else(|| {
        Problem::field(field, format!("{} is not the path of a file", path.display()))
            .remedy("name the file, in letters that are Unicode")
    })
}
