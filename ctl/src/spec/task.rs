//! How a command is run on its target.

use serde::Deserialize;
use tamer_model::{
    CommandSpec, DEFAULT_GRACE, DEFAULT_OUTPUT_LIMIT, ExecSpec, InstanceExec, Problem,
};

use super::text;
use super::values::Bytes;
use super::words::Span;

/// How each command is run.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args, Deserialize)]
#[group(skip)]
#[command(next_help_heading = "How each is run")]
#[serde(deny_unknown_fields, default)]
pub struct TaskArgs {
    /// End it on a target after this long
    #[arg(long, value_name = "SPAN")]
    #[serde(with = "text")]
    pub timeout: Option<Span>,
    /// Set a variable
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = pair)]
    #[serde(with = "text::table")]
    pub env: Vec<(String, String)>,
    /// Run in this folder [default: the user's home]
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<String>,
    /// Run as this user [default: the agent's own]
    #[arg(short, long)]
    pub user: Option<String>,
    /// How long a command has to end by itself before it is killed [default: 5s]
    #[arg(long, value_name = "SPAN")]
    #[serde(with = "text")]
    pub grace: Option<Span>,
    /// Bytes kept of each output stream of a target, as 64K [default: 64K]
    #[arg(long, value_name = "BYTES")]
    #[serde(with = "text")]
    pub output_limit: Option<Bytes>,
}

impl TaskArgs {
    /// What is said here, and where nothing is, what `below` says. Variables of both are set.
    #[must_use]
    pub fn over(mut self, below: Self) -> Self {
        let known = |key: &str| self.env.iter().any(|(own, _)| own == key);
        let more: Vec<_> = below.env.iter().filter(|(key, _)| !known(key)).cloned().collect();
        self.env.extend(more);
        super::over!(self, below; timeout, cwd, user, grace, output_limit; env)
    }

    /// A command of a host.
    pub fn command(&self, argv: Vec<String>, shell: bool) -> Result<CommandSpec, Problem> {
        CommandSpec {
            argv,
            shell,
            env: self.env.iter().cloned().collect(),
            cwd: self.cwd.clone(),
            user: self.user.clone(),
            timeout_ms: self.timeout.map(Span::millis),
            grace_ms: self.grace.map_or(DEFAULT_GRACE.as_millis() as u64, Span::millis),
            output_limit: self.kept()?,
        }
        .validate()
    }

    /// A command in an instance.
    pub fn exec(&self, argv: Vec<String>, shell: bool) -> Result<InstanceExec, Problem> {
        if self.grace.is_some() {
            return Err(Problem::field("grace", "a command in an instance has no grace")
                .remedy("leave out the grace"));
        }
        // Every instance that has a shell has this one.
        let argv = match shell {
            true => ["sh".to_owned(), "-c".to_owned()].into_iter().chain(argv).collect(),
            false => argv,
        };
        let spec = ExecSpec {
            argv,
            env: self.env.iter().cloned().collect(),
            workdir: self.cwd.clone(),
            user: self.user.clone(),
            stdin: false,
            terminal: None,
        };
        let timeout_ms = self.timeout.map(Span::millis);
        InstanceExec { spec, timeout_ms, output_limit: self.kept()? }.validate()
    }

    fn kept(&self) -> Result<u32, Problem> {
        let limit = self.output_limit.map_or(u64::from(DEFAULT_OUTPUT_LIMIT), |Bytes(limit)| limit);
        u32::try_from(limit).map_err(|_| {
            Problem::field("output_limit", format!("{limit} bytes are too many"))
                .remedy("keep less, and follow the batch to have all of it")
        })
    }
}

/// Reads `KEY=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as KEY=VALUE".to_owned()),
    }
}
