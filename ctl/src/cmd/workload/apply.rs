//! `tamerctl workload apply`.

use serde::Serialize;
use tamer_model::Problem;

use super::goal::{self, Goal, Outcome, Until, reach};
use super::plan;
use super::sources::Sources;
use crate::Session;
use crate::api::{Api, Expected};
use crate::cmd::follow::Wait;
use crate::contract::{Applied, WorkloadPlan};
use crate::errors::Failure;
use crate::follow::insist;
use crate::output::{Line, Tone, print};
use crate::view::escape;
use crate::workloads;

/// What the long help ends with.
pub const EXAMPLES: &str = "\
Examples:
  tamerctl workload apply -f web.toml
  tamerctl workload apply -f fleet/ --yes --wait --timeout 10m
  tamerctl workload init web | tamerctl workload apply -f - --detach

What is shown is what is applied: a change that somebody made meanwhile is a conflict, and nothing
is applied. With --wait it fails when an update fails or goes back by itself. Ctrl-C leaves all of it
going.";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Also workloads that others own
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Serialize)]
struct Report {
    workloads: Vec<Applied>,
    /// How each came out; null when it was not waited for.
    outcomes: Option<Vec<Outcome>>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { sources, yes, take_over, wait } = args;
    let desired = workloads::read(&sources.paths())?;
    let mut api = session.api().await?;
    let plan = api.plan_workloads(&desired.documents).await;
    let plan = plan.map_err(|problem| desired.place(problem))?;
    if !agreed(&plan, yes, session).await {
        print::note("nothing was applied");
        return Err(Failure::Targets);
    }
    let (expected, documents) = (expected(&plan), &desired.documents);
    // Drawn once: asked again after a lost answer, it is the same apply.
    let request = format!("{:032x}", fastrand::u128(..));
    let applied = insist(session, &mut api, async |api| {
        let applied = api.apply_workloads(documents, &expected, take_over, &request).await;
        applied.map_err(|problem| raced(desired.place(problem)))
    })
    .await?;
    report(applied, wait, &api, session).await
}

/// Shows the plan to a person, and asks whether it shall be; without a person to ask, it shall.
async fn agreed(plan: &WorkloadPlan, yes: bool, session: &Session) -> bool {
    let asks = !yes && plan.changes && print::can_ask();
    if asks || !session.for_scripts() {
        let wide = session.format() == crate::output::Format::Wide;
        for line in plan::lines(plan, wide, print::columns()) {
            print::note(&line.painted());
        }
    }
    !asks || print::confirm("Apply it?").await
}

fn expected(plan: &WorkloadPlan) -> Vec<Expected> {
    let expected = plan.workloads.iter();
    let expected =
        expected.map(|one| Expected { workload: one.workload.clone(), version: one.version });
    expected.collect()
}

/// A conflict is somebody else's change since the plan.
fn raced(problem: Problem) -> Problem {
    match (problem.code, &problem.remedy) {
        (tamer_model::Code::Conflict, None) => {
            problem.remedy("nothing was applied; see what changed, and apply again")
        }
        _ => problem,
    }
}

async fn report(
    applied: Vec<Applied>,
    wait: Wait,
    api: &Api,
    session: &Session,
) -> Result<(), Failure> {
    if !session.for_scripts() {
        let line = |one: &Applied| {
            Line::plain(format!("{} ", escape::text(&one.workload))).and(Tone::Plain, said(one))
        };
        print::text(&Line::join(&applied.iter().map(line).collect::<Vec<_>>()))?;
    }
    let outcomes = match wait.is_wanted() {
        true => Some(reach(goals(&applied), wait, api, session).await?),
        false => None,
    };
    let report = Report { workloads: applied, outcomes };
    let outcomes = report.outcomes.as_deref().unwrap_or_default();
    session.show(&report, |_| goal::lines(outcomes))?;
    goal::ended(outcomes)
}

fn goals(applied: &[Applied]) -> Vec<Goal> {
    let goal = |one: &Applied| Goal {
        workload: one.workload.clone(),
        version: one.version,
        until: Until::Well,
    };
    applied.iter().map(goal).collect()
}

fn said(one: &Applied) -> String {
    match one.what.as_str() {
        "unchanged" => format!("is unchanged, version {}", one.version),
        what => format!("{}, version {}", escape::text(what), one.version),
    }
}
