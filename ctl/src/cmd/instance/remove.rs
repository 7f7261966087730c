//! `tamerctl instance rm`. What Tamer did not make is removed only after a yes that saw it listed.

use tamer_model::{Action, InstanceAction, Problem};

use super::super::start;
use super::selection::Chosen;
use crate::Session;
use crate::api::{Api, BatchOrder, Selection, Targets};
use crate::contract::Instance;
use crate::errors::Failure;
use crate::output::{human, print};
use crate::spec::How;
use crate::view::escape;

/// As many of the foreign instances are listed in the question; how many more there are is told.
const LISTED: usize = 20;
/// The coordinator takes no more names than this in one call.
const MOST_NAMED: usize = 1000;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// End those that run first; without, they are refused
    #[arg(short, long)]
    force: bool,
    /// Do not ask before removing what Tamer did not make
    #[arg(short, long)]
    yes: bool,
    /// Start it, print the batch's id, and do not wait
    #[arg(short, long)]
    detach: bool,
    #[command(flatten)]
    how: How,
    /// Succeed when no instance is meant
    #[arg(long)]
    allow_empty: bool,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { chosen, force, yes, detach, how, allow_empty } = args;
    let selection = chosen.selection()?;
    let mut api = session.api().await?;
    let (selection, foreign) = match yes {
        true => (selection, true),
        false => permitted(selection, &mut api).await?,
    };
    let action = Action::Instance(InstanceAction::Remove { force });
    let mut order = BatchOrder::new(action, Targets::Instances(selection));
    order.spec.allow_empty = allow_empty;
    order.spec.foreign = foreign;
    how.apply(&mut order.spec)?;
    start::start(order, start::Args::detached(detach), api, session).await
}

/// What may be removed: what was selected when all of it is Tamer's; after a yes to a list, what
/// was on the list and nothing that came since.
async fn permitted(selection: Selection, api: &mut Api) -> Result<(Selection, bool), Failure> {
    let instances = api.instances(&selection).await?;
    let foreign: Vec<_> = instances.iter().filter(|instance| !instance.managed).collect();
    if foreign.is_empty() {
        return Ok((selection, false));
    }
    if !print::can_ask() {
        let count = human::count(foreign.len(), "instance");
        let message = format!("{count} of these were not made by Tamer: {}", names(&foreign));
        return Err(Problem::field("yes", message)
            .remedy("to remove them without a question, add --yes; to spare them, -i managed=true")
            .into());
    }
    let all = human::count(instances.len(), "instance");
    if instances.len() > MOST_NAMED {
        let message = format!("{all} are too many for a yes that names each, and some are foreign");
        return Err(Problem::field("yes", message)
            .remedy("select fewer, or remove them without a question: --yes")
            .into());
    }
    print::note(&format!("not made by Tamer: {}", names(&foreign)));
    if !print::confirm(&format!("Remove {all}, these included, for good?")).await {
        print::note("nothing was changed");
        return Err(Failure::Targets);
    }
    let named = instances.into_iter().map(|instance| instance.id).collect();
    Ok((Selection { named, ..Selection::default() }, true))
}

fn names(instances: &[&Instance]) -> String {
    let listed = instances.iter().take(LISTED);
    let listed: Vec<_> = listed.map(|instance| escape::text(&instance.full_name())).collect();
    match instances.len().saturating_sub(LISTED) {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}
