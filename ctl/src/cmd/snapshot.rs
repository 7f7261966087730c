//! `tamerctl snapshot`: what hosts held at a moment, kept.

mod list;
mod show;
mod take;

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
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Take(args) => take::run(args, session).await,
        Verb::Ls(args) => list::run(args, session).await,
        Verb::Show(args) => show::run(args, session).await,
    }
}
