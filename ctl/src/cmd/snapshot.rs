//! `tamerctl snapshot`: what hosts held at a moment, kept.

mod diff;
mod export;
mod import;
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
    /// Write one as a file that others can read; its format is a documented JSON
    Export(export::Args),
    /// Make one of a file that an export wrote, in the fleet that it was taken of
    Import(import::Args),
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
        Verb::Export(args) => export::run(args, session).await,
        Verb::Import(args) => import::run(args, session).await,
        Verb::Verify(args) => verify::run(args, session).await,
        Verb::Rm(args) => remove::run(args, session).await,
    }
}
