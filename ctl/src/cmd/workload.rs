//! `tamerctl workload`: what should run, and is kept running.

mod apply;
mod change;
mod goal;
mod history;
mod init;
mod list;
mod plan;
mod rebalance;
mod remove;
mod show;
mod sources;
mod why;

use crate::Session;
use crate::api::Change;
use crate::errors::Failure;

pub use goal::stand;
pub use list::{copies, placements};
pub use plan::lines as planned;

/// What can be done with workloads.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Show what applying files would do, and do nothing
    #[command(after_long_help = plan::EXAMPLES)]
    Plan(plan::Args),
    /// Make what files say what should run; all of them, or nothing
    #[command(after_long_help = apply::EXAMPLES)]
    Apply(apply::Args),
    /// List workloads
    Ls(list::Args),
    /// Show everything about one, and its copies
    Show(show::Args),
    /// Show its versions: who changed what, and when
    History(history::Args),
    /// Go back to an earlier version
    Revert {
        /// Its name
        name: String,
        /// The version [default: the one before]
        #[arg(value_parser = clap::value_parser!(u32).range(1..))]
        version: Option<u32>,
        /// Whose, and whether it is waited for.
        #[command(flatten)]
        how: change::How,
    },
    /// Change how many copies run
    Scale {
        /// Its name
        name: String,
        /// How many
        copies: u32,
        /// Whose, and whether it is waited for.
        #[command(flatten)]
        how: change::How,
    },
    /// Make all copies anew, as its update policy says
    Restart {
        /// Its name
        name: String,
        /// Whose, and whether it is waited for.
        #[command(flatten)]
        how: change::How,
    },
    /// Run none of it until it is started
    Stop {
        /// Its name
        name: String,
        /// Whose, and whether it is waited for.
        #[command(flatten)]
        how: change::How,
    },
    /// Run it again
    Start {
        /// Its name
        name: String,
        /// Whose, and whether it is waited for.
        #[command(flatten)]
        how: change::How,
    },
    /// Remove it and its copies
    Rm(remove::Args),
    /// Say why a copy is where it is, or why copies have no host
    Why {
        /// A workload's name, NAME/COPY, or a placement's id
        subject: String,
    },
    /// Move copies to better hosts now, within the budget of their workloads
    Rebalance(rebalance::Args),
    /// Print the JSON Schema of the files, for editors
    Schema,
    /// Print a file to begin with
    Init(init::Args),
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Plan(args) => plan::run(args, session).await,
        Verb::Apply(args) => apply::run(args, session).await,
        Verb::Ls(args) => list::run(args, session).await,
        Verb::Show(args) => show::run(args, session).await,
        Verb::History(args) => history::run(args, session).await,
        Verb::Revert { name, version, how } => {
            change::run(&name, Change::Revert(version), how, session).await
        }
        Verb::Scale { name, copies, how } => {
            change::run(&name, Change::Scale(copies), how, session).await
        }
        Verb::Restart { name, how } => change::run(&name, Change::Restart, how, session).await,
        Verb::Stop { name, how } => change::run(&name, Change::Stop, how, session).await,
        Verb::Start { name, how } => change::run(&name, Change::Start, how, session).await,
        Verb::Rm(args) => remove::run(args, session).await,
        Verb::Why { subject } => why::run(&subject, session).await,
        Verb::Rebalance(args) => rebalance::run(args, session).await,
        Verb::Schema => init::schema(),
        Verb::Init(args) => init::run(args),
    }
}
