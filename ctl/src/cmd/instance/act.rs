//! `tamerctl instance start|stop|restart|pause|resume`: a batch over instances.

use std::time::Duration;

use tamer_model::{Action, InstanceAction};

use super::super::{pairs, start};
use super::selection::Chosen;
use crate::Session;
use crate::api::{BatchOrder, Targets};
use crate::errors::Failure;
use crate::spec::How;

/// On which instances, and how it is followed.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    start: start::Args,
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
    let Args { chosen, how, start, allow_empty } = args;
    let action = Action::Instance(action.validate()?);
    let targets = Targets::Instances(chosen.selection()?);
    let mut order = BatchOrder::new(action, targets);
    order.spec.allow_empty = allow_empty;
    how.apply(&mut order.spec)?;
    start::start(order, start, session.api().await?, session).await
}
