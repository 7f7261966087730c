//! `tamerctl drift --fix`: what brings the baseline back, shown, asked for, and done as batches of
//! ours, so that its effect is told as ours.

mod instance;
mod mend;
mod names;
mod package;
mod plan;
mod service;
mod show;

use tamer_model::Problem;

use self::plan::{Deed, Step, document, make};
use self::show::lines;
use crate::Session;
use crate::api::{Api, Change, DriftQuestion};
use crate::cmd::start;
use crate::cmd::workload::stand;
use crate::errors::Failure;
use crate::output::{Format, Line, print};
use crate::spec::How;

/// Its arguments.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Bring back what the baseline says: of these findings, or of all that are not ours
    #[arg(
        long,
        value_name = "FINDING",
        num_args = 0..,
        conflicts_with_all = ["watch", "unfold"],
        help_heading = "Mending"
    )]
    fix: Option<Vec<String>>,
    /// Show what would be done, and do nothing
    #[arg(long, visible_alias = "preview", requires = "fix", help_heading = "Mending")]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long, requires = "fix", help_heading = "Mending")]
    yes: bool,
    /// Start what mends, print the ids of the batches, and do not wait
    #[arg(short, long, requires = "fix", conflicts_with = "dry_run", help_heading = "Mending")]
    detach: bool,
    #[command(flatten)]
    how: How,
}

impl Args {
    /// Whether something shall be mended.
    pub const fn is_wanted(&self) -> bool {
        self.fix.is_some()
    }

    /// Whether findings are named.
    pub fn names(&self) -> bool {
        self.fix.as_ref().is_some_and(|ids| !ids.is_empty())
    }

    /// How a batch proceeds says nothing about a report.
    pub fn check(&self) -> Result<(), Problem> {
        match self.fix.is_none() && self.how != How::default() {
            true => Err(Problem::field("fix", "how a batch proceeds is for what mends drift")
                .remedy("add --fix, or leave out the flags of batches")),
            false => Ok(()),
        }
    }
}

/// Runs it: one batch after the other, and none after one that failed.
pub async fn run(args: Args, question: DriftQuestion, session: &Session) -> Result<(), Failure> {
    let Args { fix, dry_run, yes, detach, how } = args;
    let ids = fix.unwrap_or_default();
    if !dry_run && !yes && !print::can_ask() {
        return Err(Problem::field("yes", "nobody can be asked whether to change the hosts")
            .remedy("see what would be done with --dry-run; to do it without a question: --yes")
            .into());
    }
    let mut api = session.api().await?;
    let steps = make(&question, &ids, yes, &how, &mut api).await?;
    if dry_run || session.for_scripts() {
        session.show(&document(&steps), |wide| lines(&steps, wide))?;
    } else {
        let wide = session.format() == Format::Wide;
        lines(&steps, wide).iter().for_each(|line| print::note(&line.painted()));
    }
    if dry_run {
        return Ok(());
    }
    let todo = steps.iter().filter(|step| step.deed.is_some()).count();
    match (steps.len(), todo) {
        (0, _) => print::note("there is nothing to mend"),
        (_, 0) => {
            print::note("nothing was changed");
            return Err(Failure::Targets);
        }
        (_, _) if !yes && !print::confirm("Do it?").await => {
            print::note("nothing was changed");
            return Err(Failure::Targets);
        }
        (_, _) => {}
    }
    carry_out(steps, detach, &api, session).await
}

async fn carry_out(
    steps: Vec<Step>,
    detach: bool,
    api: &Api,
    session: &Session,
) -> Result<(), Failure> {
    let mut todo = steps.into_iter().filter_map(|Step { told, deed }| Some((told, deed?)));
    while let Some((told, deed)) = todo.next() {
        let done = match deed {
            Deed::Batch(order) => {
                start::start(*order, start::Args::detached(detach), api.clone(), session).await
            }
            Deed::Restart(name) => restart(&name, api.clone(), session).await,
        };
        if let Err(failure) = done {
            let left = todo.map(|(told, _)| told.finding).collect::<Vec<_>>();
            if !left.is_empty() {
                print::note(&format!(
                    "{} was not mended, so nothing was done about {}",
                    told.finding,
                    left.join(", ")
                ));
            }
            return Err(failure);
        }
    }
    Ok(())
}

async fn restart(name: &str, mut api: Api, session: &Session) -> Result<(), Failure> {
    // Not asked again when its answer is lost: a restart that was begun would begin anew.
    let view = api.change_workload(name, Change::Restart, false).await?;
    session.show(&view, |_| vec![Line::plain(stand(&view))])
}

#[cfg(test)]
mod tests;
