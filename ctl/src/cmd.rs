//! The subcommands, one file each.

pub mod audit;
pub mod baseline;
pub mod batch;
pub mod completions;
pub mod context;
pub mod dev;
pub mod drift;
mod files;
mod follow;
pub mod host;
pub mod instance;
pub mod pairs;
pub mod placement;
pub mod run;
pub mod schedule;
pub mod snapshot;
mod start;
pub mod status;
pub mod token;
mod version;
mod watch;
pub mod workload;

use crate::Session;
use crate::args::Command;
use crate::errors::Failure;

/// Runs one.
pub async fn run(command: Command, session: &Session) -> Result<(), Failure> {
    match command {
        Command::Dev(args) => dev::run(args, session).await,
        Command::Status(args) => status::run(args, session).await,
        Command::Host(verb) => host::run(verb, session).await,
        Command::Token(verb) => token::run(verb, session).await,
        Command::Instance(verb) => instance::run(*verb, session).await,
        Command::Workload(verb) => workload::run(*verb, session).await,
        Command::Placement(verb) => placement::run(verb, session).await,
        Command::Run(args) => run::run(*args, session).await,
        Command::Batch(verb) => batch::run(verb, session).await,
        Command::Schedule(verb) => schedule::run(verb, session).await,
        Command::Snapshot(verb) => snapshot::run(*verb, session).await,
        Command::Baseline(verb) => baseline::run(*verb, session).await,
        Command::Drift(args) => drift::run(*args, session).await,
        Command::Audit(verb) => audit::run(verb, session).await,
        Command::Context(verb) => context::run(verb, session),
        Command::Completions(args) => completions::run(args),
        Command::Version => version::run(session),
    }
}
