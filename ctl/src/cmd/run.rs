//! `tamerctl run`: the everyday batch.

use std::time::Duration;

use serde::Serialize;
use tamer_model::{CommandSpec, DEFAULT_GRACE, DEFAULT_OUTPUT_LIMIT};

use super::{batch, pairs};
use crate::Session;
use crate::errors::Failure;
use crate::follow::insist;
use crate::output::Line;

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

#[derive(Serialize)]
struct Detached {
    batch: String,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let selector = pairs::selector(args.selector.clone())?;
    let (allow_empty, detach) = (args.allow_empty, args.detach);
    let command = command(args)?;
    let mut api = session.api().await?;
    let request_id = request_id();
    let batch = insist(session, &mut api, async |api| {
        api.create_batch(&selector, &command, allow_empty, &request_id).await
    })
    .await?;
    if detach {
        let detached = Detached { batch: batch.batch };
        let id = &detached.batch;
        return session.show(&detached, |_| {
            vec![Line::plain(format!("{id}  (see it with: tamerctl batch watch {id})"))]
        });
    }
    batch::follow(batch.batch, api, session).await
}

/// The command, checked before it travels.
fn command(args: Args) -> Result<CommandSpec, Failure> {
    let Args { timeout, env, cwd, user, shell, grace, output_limit, command, .. } = args;
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let argv = if shell { vec![command.join(" ")] } else { command };
    let spec = CommandSpec {
        argv,
        shell,
        env: env.into_iter().collect(),
        cwd,
        user,
        timeout_ms: timeout.map(millis),
        grace_ms: millis(grace.unwrap_or(DEFAULT_GRACE)),
        output_limit,
    };
    Ok(spec.validate()?)
}

/// What makes this request the same one when it is asked again.
fn request_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}
