//! `tamerctl snapshot`: what hosts held at a moment, kept.

mod diff;
mod list;
mod remove;
mod show;
mod take;
mod verify;

use crate::Session;
use crate::errors::Failure;

/// What can be done with snapshots.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Keep what is known now of the hosts. It waits for nobody: it says how old each picture is
    Take(take::Args),
    /// List snapshots, the newest first
    Ls(list::Args),
    /// Show what is in one: its hosts, or what one of them held
    Show(show::Args),
    /// Show what is different between two, or between one and now
    Diff(diff::Args),
    /// Read all that they are made of, and name what is missing or not what it was
    Verify(verify::Args),
    /// Remove one that no baseline needs
    Rm(remove::Args),
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Take(args) => take::run(args, session).await,
        Verb::Ls(args) => list::run(args, session).await,
        Verb::Show(args) => show::run(args, session).await,
        Verb::Diff(args) => diff::run(args, session).await,
        Verb::Verify(args) => verify::run(args, session).await,
        Verb::Rm(args) => remove::run(args, session).await,
    }
}
