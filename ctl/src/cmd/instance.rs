//! `tamerctl instance`: what the hosts run.

mod act;
mod checkpoint;
mod create;
mod exec;
mod list;
mod logs;
mod problems;
mod remove;
mod selection;
mod show;
mod stats;

use tamer_model::InstanceAction;

use crate::Session;
use crate::errors::Failure;

/// What can be done with instances.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List instances
    Ls(list::Args),
    /// Show everything about an instance
    Show(show::Args),
    /// Make an instance on one host or many
    Create(Box<create::Args>),
    /// Start instances
    Start(act::Args),
    /// Stop instances
    Stop(act::Ending),
    /// Stop instances and start them
    Restart(act::Ending),
    /// Take the processors away from instances; their memory stays
    Pause(act::Args),
    /// Give them back
    Resume(act::Args),
    /// Remove instances with what only they use
    Rm(remove::Args),
    /// Saved states of an instance
    #[command(subcommand)]
    Checkpoint(checkpoint::Verb),
    /// Print what instances write
    Logs(logs::Args),
    /// Run a command in an instance
    Exec(exec::Args),
    /// Show what instances use
    Stats(stats::Args),
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Ls(args) => list::run(args, session).await,
        Verb::Show(args) => show::run(args, session).await,
        Verb::Create(args) => create::run(*args, session).await,
        Verb::Start(args) => act::run(InstanceAction::Start, args, session).await,
        Verb::Stop(args) => args.run(|grace_ms| InstanceAction::Stop { grace_ms }, session).await,
        Verb::Restart(args) => {
            args.run(|grace_ms| InstanceAction::Restart { grace_ms }, session).await
        }
        Verb::Pause(args) => act::run(InstanceAction::Pause, args, session).await,
        Verb::Resume(args) => act::run(InstanceAction::Resume, args, session).await,
        Verb::Rm(args) => remove::run(args, session).await,
        Verb::Checkpoint(verb) => checkpoint::run(verb, session).await,
        Verb::Logs(args) => logs::run(args, session).await,
        Verb::Exec(args) => exec::run(args, session).await,
        Verb::Stats(args) => stats::run(args, session).await,
    }
}
