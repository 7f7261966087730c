//! `tamerctl instance checkpoint`: saved states of one instance.

use tamer_model::{Action, CheckpointName, InstanceAction};

use super::super::start;
use crate::Session;
use crate::api::{BatchOrder, Selection, Targets};
use crate::contract::{Checkpoint, Time};
use crate::errors::Failure;
use crate::output::{Cell, Table, human, print};

/// What can be done with checkpoints.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Save the state of an instance
    Create(Args),
    /// List an instance's checkpoints, oldest first
    Ls {
        /// Its id, HOST/NAME, or a name that only one has
        instance: String,
    },
    /// Bring an instance back to a saved state
    Restore(Args),
    /// Remove a saved state
    Rm(Args),
}

/// Which checkpoint.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The instance's id, HOST/NAME, or a name that only one has
    instance: String,
    /// The checkpoint's name
    #[arg(value_name = "NAME")]
    checkpoint: String,
    /// Start it, print the batch's id, and do not wait
    #[arg(short, long)]
    detach: bool,
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    let (args, action): (Args, fn(CheckpointName) -> InstanceAction) = match verb {
        Verb::Ls { instance } => return list(&instance, session).await,
        Verb::Create(args) => (args, |name| InstanceAction::CheckpointCreate { name }),
        Verb::Restore(args) => (args, |name| InstanceAction::CheckpointRestore { name }),
        Verb::Rm(args) => (args, |name| InstanceAction::CheckpointRemove { name }),
    };
    let Args { instance, checkpoint, detach } = args;
    let action = Action::Instance(action(checkpoint.parse()?));
    let order = BatchOrder::new(action, Targets::Instances(Selection::one(&instance)));
    start::start(order, start::Args::detached(detach), session.api().await?, session).await
}

async fn list(instance: &str, session: &Session) -> Result<(), Failure> {
    let detail = session.api().await?.describe_instance(instance).await?;
    if let Some(problem) = detail.problem {
        return Err(problem.into());
    }
    if detail.checkpoints.is_empty() && !session.for_scripts() {
        print::note("it has no checkpoints");
        return Ok(());
    }
    session.show(&detail.checkpoints, |_| table(&detail.checkpoints).lines())
}

/// The checkpoints as a table.
pub fn table(checkpoints: &[Checkpoint]) -> Table {
    let now = Time::now();
    let mut table = Table::new(["CHECKPOINT", "KIND", "AGE", "SIZE", "CREATED"]);
    for checkpoint in checkpoints {
        let Checkpoint { name, kind, created_at, size_bytes } = checkpoint;
        let created = created_at.map(|at| at.to_string()).unwrap_or_default();
        let cells: [Cell; 5] = [
            name.as_str().into(),
            kind.as_str().into(),
            human::ago(*created_at, now).into(),
            size_bytes.map(human::size).unwrap_or_default().into(),
            created.into(),
        ];
        table.row(cells);
    }
    table
}
