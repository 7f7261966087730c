//! `tamerctl workload rebalance`.

use std::collections::BTreeSet;

use serde::Serialize;

use super::plan;
use crate::Session;
use crate::api::Change;
use crate::contract::WorkloadPlan;
use crate::errors::Failure;
use crate::output::{Line, Tone, print};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One workload [default: all that say `rebalance`]
    name: Option<String>,
    /// Show what would be moved, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Also workloads that others own
    #[arg(long)]
    take_over: bool,
}

#[derive(Debug, Serialize)]
struct Begun {
    /// The workloads that are balanced now.
    rebalancing: Vec<String>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { name, dry_run, yes, take_over } = args;
    let mut api = session.api().await?;
    let plan = api.plan_rebalance(name.as_deref().unwrap_or_default()).await?;
    if dry_run {
        return session.show(&plan, |wide| lines(&plan, wide));
    }
    let moved: BTreeSet<_> = plan.steps.iter().map(|step| step.workload.clone()).collect();
    if !moved.is_empty() && !yes && print::can_ask() {
        for line in lines(&plan, false) {
            print::note(&line.painted());
        }
        if !print::confirm("Move them?").await {
            print::note("nothing was changed");
            return Err(Failure::Targets);
        }
    }
    for workload in &moved {
        api.change_workload(workload, Change::Rebalance, take_over).await?;
    }
    let begun = Begun { rebalancing: moved.into_iter().collect() };
    session.show(&begun, |_| match begun.rebalancing.as_slice() {
        [] => vec![Line::plain("no copy has a better host: nothing is moved")],
        some => {
            let names = crate::output::human::names(some, 60);
            let remark = "as many at once as each workload's budget says";
            vec![
                Line::plain(format!("{names}: copies are being moved")),
                Line::new(Tone::Dim, remark),
            ]
        }
    })
}

fn lines(plan: &WorkloadPlan, wide: bool) -> Vec<Line> {
    if plan.steps.is_empty() {
        return vec![Line::plain("no copy has a better host: nothing would be moved")];
    }
    let mut lines = plan::table(plan, wide, print::columns());
    for note in &plan.notes {
        lines.extend(crate::output::wrap("note: ", Tone::Plain, note, print::columns()));
    }
    lines
}
