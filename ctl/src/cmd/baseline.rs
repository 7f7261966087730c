//! `tamerctl baseline`: what is right, and is compared with.

mod accept;
mod clear;
mod list;
mod set;
mod show;

use crate::Session;
use crate::errors::Failure;

/// The baseline that is meant where none is named.
const DEFAULT: &str = "default";

/// What can be done with baselines.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Say that what a snapshot holds is right
    Set(set::Args),
    /// List baselines
    Ls {
        /// Show them again whenever they change
        #[arg(long)]
        watch: bool,
    },
    /// Show one's versions: who made which, and why
    Show {
        /// Its name
        #[arg(default_value = DEFAULT)]
        baseline: String,
        /// Show them again whenever they change
        #[arg(long)]
        watch: bool,
    },
    /// Say that what was found is right: some findings, or all of them
    #[command(after_long_help = accept::EXAMPLES)]
    Accept(accept::Args),
    /// Compare with it no more; its versions stay on record
    Clear(clear::Args),
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Set(args) => set::run(args, session).await,
        Verb::Ls { watch } => list::run(watch, session).await,
        Verb::Show { baseline, watch } => show::run(&baseline, watch, session).await,
        Verb::Accept(args) => accept::run(args, session).await,
        Verb::Clear(args) => clear::run(args, session).await,
    }
}
