//! A step as a file writes it: one key that says what, and those that are about it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tamer_model::{InstanceAction, Problem};

use super::step::{Deed, Push, Step};
use super::task::TaskArgs;
use super::text;
use super::values::{Bytes, Mode};
use super::words::Span;

/// One step of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepForm {
    /// Runs a program: it and its arguments.
    pub command: Option<Vec<String>>,
    /// Has a shell read this.
    pub shell: Option<String>,
    /// Runs this script of the machine where the spec is.
    pub script: Option<PathBuf>,
    /// Puts this file of the machine where the spec is on hosts.
    pub push: Option<PathBuf>,
    /// Brings this file from hosts.
    pub fetch: Option<String>,
    /// Does this to instances: start, stop, restart, pause, resume.
    pub instance: Option<String>,
    /// Of a script: the program that reads it.
    pub interpreter: Option<String>,
    /// Of a script: its arguments.
    pub args: Vec<String>,
    /// Of a push: where the file goes.
    pub to: Option<String>,
    /// Of a push: permissions, in octal and as text.
    // As text: a number of YAML would be read as a decimal one.
    #[serde(with = "text::strict")]
    pub mode: Option<Mode>,
    /// Of a push: the owner.
    pub owner: Option<String>,
    /// Of a push: whether missing folders are made.
    pub folders: bool,
    /// Of a fetch: the most bytes.
    #[serde(with = "text")]
    pub fetch_limit: Option<Bytes>,
    // As in `[task]`, from here on.
    #[serde(with = "text")]
    pub timeout: Option<Span>,
    #[serde(with = "text::table")]
    pub env: Vec<(String, String)>,
    pub cwd: Option<String>,
    pub user: Option<String>,
    #[serde(with = "text")]
    pub grace: Option<Span>,
    #[serde(with = "text")]
    pub output_limit: Option<Bytes>,
}

impl StepForm {
    /// What it means; `field` is its name in the file, and `folder` is where its paths begin.
    pub fn step(self, field: &str, folder: &Path) -> Result<Step, Problem> {
        self.fits().map_err(|(key, of)| {
            let what = format!("{field}.{key} says something of a {of}, and there is none");
            Problem::field(format!("{field}.{key}"), what)
                .remedy(format!("leave out {key}, or add {of}"))
        })?;
        let Self { command, shell, script, push, fetch, instance, .. } = &self;
        let said = [
            command.is_some(),
            shell.is_some(),
            script.is_some(),
            push.is_some(),
            fetch.is_some(),
            instance.is_some(),
        ];
        if said.into_iter().filter(|said| *said).count() != 1 {
            let what = format!("{field} does not say one thing to do");
            return Err(Problem::field(field, what).remedy(
                "give it one of command, shell, script, push, fetch, instance; several things are several [[steps]]",
            ));
        }
        let Self { timeout, env, cwd, user, grace, output_limit, .. } = self.clone();
        let task = TaskArgs { timeout, env, cwd, user, grace, output_limit };
        Ok(Step { deed: self.deed(field, folder)?, task })
    }

    /// A key that is about something else than what is done, and what it is about.
    fn fits(&self) -> Result<(), (&'static str, &'static str)> {
        let keys = [
            ("interpreter", self.interpreter.is_some(), "script", self.script.is_some()),
            ("args", !self.args.is_empty(), "script", self.script.is_some()),
            ("to", self.to.is_some(), "push", self.push.is_some()),
            ("mode", self.mode.is_some(), "push", self.push.is_some()),
            ("owner", self.owner.is_some(), "push", self.push.is_some()),
            ("folders", self.folders, "push", self.push.is_some()),
            ("fetch_limit", self.fetch_limit.is_some(), "fetch", self.fetch.is_some()),
        ];
        match keys.into_iter().find(|(_, said, _, there)| *said && !there) {
            Some((key, _, of, _)) => Err((key, of)),
            None => Ok(()),
        }
    }

    fn deed(self, field: &str, folder: &Path) -> Result<Deed, Problem> {
        let grace_ms = self.grace.map(Span::millis);
        Ok(if let Some(argv) = self.command {
            Deed::Command(argv)
        } else if let Some(text) = self.shell {
            Deed::Shell(text)
        } else if let Some(script) = self.script {
            let interpreter = self.interpreter.unwrap_or_default();
            let interpreter = interpreter.split_whitespace().map(ToOwned::to_owned).collect();
            Deed::Script { path: folder.join(script), interpreter, args: self.args }
        } else if let Some(local) = self.push {
            let path = self.to.ok_or_else(|| {
                Problem::field(format!("{field}.to"), "nothing says where the file goes")
                    .remedy("add its absolute path on the hosts: to = \"/etc/motd\"")
            })?;
            Deed::Push(Push {
                local: folder.join(local),
                path,
                mode: self.mode,
                owner: self.owner,
                folders: self.folders,
            })
        } else if let Some(path) = self.fetch {
            Deed::Fetch { path, limit: self.fetch_limit }
        } else {
            Deed::Instance(operation(field, self.instance.as_deref(), grace_ms)?)
        })
    }
}

fn operation(
    field: &str,
    word: Option<&str>,
    grace_ms: Option<u64>,
) -> Result<InstanceAction, Problem> {
    match word {
        Some("start") => Ok(InstanceAction::Start),
        Some("stop") => Ok(InstanceAction::Stop { grace_ms }),
        Some("restart") => Ok(InstanceAction::Restart { grace_ms }),
        Some("pause") => Ok(InstanceAction::Pause),
        Some("resume") => Ok(InstanceAction::Resume),
        Some(_) | None => {
            let what = format!("{:?} cannot be done to an instance", word.unwrap_or_default());
            Err(Problem::field(format!("{field}.instance"), what)
                .remedy("use start, stop, restart, pause or resume"))
        }
    }
}
