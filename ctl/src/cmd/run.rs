//! `tamerctl run`: the everyday batch.

use std::time::Duration;

use tamer_model::{Action, CommandSpec, DEFAULT_GRACE, DEFAULT_OUTPUT_LIMIT};

use super::{batch, pairs};
use crate::Session;
use crate::api::{BatchOrder, Targets};
use crate::errors::Failure;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which hosts, as `os=linux,site in (berlin,paris)` [default: all]
    // An empty text is refused, not taken for all: an unset variable in a script must not run
    // something everywhere.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// End the command on a host after this long
    #[arg(long, value_name = "SPAN", value_parser = pairs::span)]
    timeout: Option<Duration>,
    /// Start it, print its id, and do not wait
    #[arg(short, long)]
    detach: bool,
    /// Set a variable
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = pairs::pair)]
    env: Vec<(String, String)>,
    /// Run in this folder [default: the user's home]
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,
    /// Run as this user [default: the agent's own]
    #[arg(short, long)]
    user: Option<String>,
    /// Let the host's shell read the command: pipes, variables, wildcards
    #[arg(long)]
    shell: bool,
    /// How long a command has to end by itself before it is killed
    #[arg(long, value_name = "SPAN", value_parser = pairs::span)]
    grace: Option<Duration>,
    /// Succeed when the selector means no host
    #[arg(long)]
    allow_empty: bool,
    /// Bytes kept of each output stream of a host
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_OUTPUT_LIMIT)]
    output_limit: u32,
    /// The command and its arguments, after `--`
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let selector = pairs::selector(args.selector.clone())?;
    let (allow_empty, detach) = (args.allow_empty, args.detach);
    let command = command(args)?;
    let api = session.api().await?;
    let targets = Targets::Hosts(selector);
    let mut order = BatchOrder::new(Action::Command(command), targets);
    order.spec.allow_empty = allow_empty;
    batch::start(&order, detach, api, session).await
}

/// The command, checked before it travels.
fn command(args: Args) -> Result<CommandSpec, Failure> {
    let Args { timeout, env, cwd, user, shell, grace, output_limit, command, .. } = args;
    let argv = if shell { vec![command.join(" ")] } else { command };
    let spec = CommandSpec {
        argv,
        shell,
        env: env.into_iter().collect(),
        cwd,
        user,
        timeout_ms: timeout.map(pairs::millis),
        grace_ms: pairs::millis(grace.unwrap_or(DEFAULT_GRACE)),
        output_limit,
    };
    Ok(spec.validate()?)
}
