//! `tamerctl instance start|stop|restart|pause|resume`: a batch over instances.

use std::time::Duration;

use tamer_model::{Action, InstanceAction};

use super::super::{batch, pairs};
use super::selection::Chosen;
use crate::Session;
use crate::api::{BatchOrder, Targets};
use crate::errors::Failure;

/// On which instances, and how it is followed.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// Start it, print the batch's id, and do not wait
    #[arg(short, long)]
    detach: bool,
    /// Succeed when no instance is meant
    #[arg(long)]
    allow_empty: bool,
}

/// The same where one is stopped.
#[derive(Debug, clap::Args)]
pub struct Ending {
    #[command(flatten)]
    args: Args,
    /// How long one has to end by itself before it is ended [default: the technology's own]
    #[arg(long, value_name = "SPAN", value_parser = pairs::span)]
    grace: Option<Duration>,
}

impl Ending {
    /// Does the action that this grace makes.
    pub async fn run(
        self,
        action: fn(Option<u64>) -> InstanceAction,
        session: &Session,
    ) -> Result<(), Failure> {
        run(action(self.grace.map(pairs::millis)), self.args, session).await
    }
}

/// Does `action` to them.
pub async fn run(action: InstanceAction, args: Args, session: &Session) -> Result<(), Failure> {
    let Args { chosen, detach, allow_empty } = args;
    let action = Action::Instance(action.validate()?);
    let targets = Targets::Instances(chosen.selection()?);
    let mut order = BatchOrder::new(action, targets);
    order.spec.allow_empty = allow_empty;
    batch::start(&order, detach, session.api().await?, session).await
}
