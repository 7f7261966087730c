//! What applying a file would do: the scheduler's own steps, on a fork of its state.
//!
//! No agent is waited for: what the fork is given to run counts as well at once, and what it is to
//! stop as gone, so that a whole update is shown as its steps. The clock of the fork goes on only
//! while an update waits for its copies to be well for a while.

use std::collections::BTreeSet;
use std::sync::Arc;

use tamer_model::{Problem, Timestamp, Workload, WorkloadName};
use tamer_proto::wire;
use tamer_scheduler::{Make, Plan, Scheduler, Stop};

use super::apply::Next;
use super::rehearse::{Outcome, Rehearsal};
use super::{diff, notes, view, words};
use crate::control::{Asker, People};
use crate::fleet::View;
use crate::state::Applying;
use crate::{clock, control::workloads::host_name};

/// Steps that are told.
const TOLD: usize = 1000;

impl People {
    pub(in crate::control) async fn plan_workloads(
        &self,
        asker: &Asker,
        request: wire::PlanWorkloadsRequest,
    ) -> Result<wire::WorkloadPlan, Problem> {
        let specs = super::document::specs(&request.documents)?;
        self.check_workloads(&specs)?;
        let next = self.next(&specs, &asker.name).await?;
        let (fork, there) = {
            let board = self.workloads.read();
            let there: Vec<_> = board.workloads().map(|one| one.workload.clone()).collect();
            (board.scheduler().clone(), there)
        };
        let (outcome, next) = rehearse(fork, there, next).await?;
        let view = self.fleet.view();
        let mut notes = notes::notes(&view, &next, &asker.name);
        if outcome.cut_short {
            notes.push("there are more steps than can be worked out here".to_owned());
        }
        let Outcome { steps, unplaced, cut_short: _ } = outcome;
        let (steps, left_out) = self.steps(&view, steps.iter());
        Ok(wire::WorkloadPlan {
            workloads: next.iter().map(change).collect(),
            steps,
            left_out,
            unplaced: unplaced.into_iter().map(|one| words::unplaced(one, 0)).collect(),
            notes,
        })
    }

    /// What balancing would move now.
    pub(in crate::control) fn plan_rebalance(
        &self,
        request: &wire::PlanRebalanceRequest,
    ) -> Result<wire::WorkloadPlan, Problem> {
        let name = match request.workload.as_str() {
            "" => None,
            text => Some(super::name(text)?),
        };
        if let Some(name) = &name {
            self.view_workload(name.as_str())?;
        }
        let fork = self.workloads.read().scheduler().clone();
        let plan = fork.rebalance(name.as_ref(), clock::now());
        let Plan { make, stop, workloads: _, unplaced, wake: _, more } = plan;
        let steps: Vec<_> =
            make.into_iter().map(Step::Make).chain(stop.into_iter().map(Step::Stop)).collect();
        let view = self.fleet.view();
        let (steps, left_out) = self.steps(&view, steps.iter());
        let mut notes = Vec::new();
        if more {
            notes.push("this is the first part: more would follow".to_owned());
        }
        if steps.is_empty() {
            notes.push("no copy would gain enough from a move".to_owned());
        }
        let unplaced = unplaced.into_iter().map(|one| words::unplaced(one, 0)).collect();
        Ok(wire::WorkloadPlan { workloads: Vec::new(), steps, left_out, unplaced, notes })
    }

    /// The steps as they are told, and how many are not.
    fn steps<'a>(
        &self,
        view: &View,
        steps: impl ExactSizeIterator<Item = &'a Step>,
    ) -> (Vec<wire::PlannedStep>, u32) {
        let left_out = u32::try_from(steps.len().saturating_sub(TOLD)).unwrap_or(u32::MAX);
        let board = self.workloads.read();
        let one = |step: &Step| match step {
            Step::Make(Make { workload, index, template: _, host, why, replaces: _ }) => {
                wire::PlannedStep {
                    kind: "make".to_owned(),
                    workload: workload.to_string(),
                    index: *index,
                    host: host_name(view, *host),
                    placement: String::new(),
                    reason: why.cause.as_str().to_owned(),
                    score: Some(view::score(why)),
                }
            }
            Step::Stop(Stop { placement, workload, cause }) => {
                let copy = board.copy(*placement).map(|copy| copy.placement.clone());
                wire::PlannedStep {
                    kind: "stop".to_owned(),
                    workload: workload.to_string(),
                    index: copy.as_ref().map_or(0, |copy| copy.index),
                    host: copy.map(|copy| host_name(view, copy.host)).unwrap_or_default(),
                    placement: placement.to_string(),
                    reason: cause.as_str().to_owned(),
                    score: None,
                }
            }
        };
        (steps.take(TOLD).map(one).collect(), left_out)
    }
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Make(Make),
    Stop(Stop),
}

/// Off the threads that serve: it may take a while.
async fn rehearse(
    fork: Scheduler,
    there: Vec<Arc<Workload>>,
    next: Vec<Next>,
) -> Result<(Outcome, Vec<Next>), Problem> {
    let now = clock::now();
    let rehearsed = tokio::task::spawn_blocking(move || {
        let outcome = applied(fork, there, &next, now);
        (outcome, next)
    });
    rehearsed.await.map_err(|error| {
        Problem::new(tamer_model::Code::Internal, format!("the plan was not worked out: {error}"))
    })
}

/// What follows on the fork when all of it is applied.
fn applied(
    mut fork: Scheduler,
    mut records: Vec<Arc<Workload>>,
    next: &[Next],
    now: Timestamp,
) -> Outcome {
    let mut named = BTreeSet::new();
    for next in next.iter().filter(|next| next.what != Applying::Unchanged) {
        let name: &WorkloadName = &next.after.spec.name;
        let workload = Arc::new(next.after.clone());
        records.push(workload.clone());
        fork.put_workload(workload);
        fork.put_template(name, next.after.template, Arc::new(next.after.spec.clone()));
        named.insert(name.clone());
    }
    // The later of two of one name counts.
    Rehearsal::new(fork, named, records.into_iter(), now).run()
}

fn change(next: &Next) -> wire::WorkloadChange {
    let value = |spec: &tamer_model::WorkloadSpec| {
        serde_json::to_value(spec).expect("specs are maps with text keys")
    };
    let after = value(&next.after.spec);
    let before = next.before.as_ref();
    let nothing = serde_json::Value::Object(serde_json::Map::new());
    let fields = diff::diff(&before.map_or(nothing, |(old, _)| value(&old.spec)), &after);
    wire::WorkloadChange {
        name: next.after.spec.name.to_string(),
        what: next.what.as_str().to_owned(),
        fields,
        replaces_copies: next.replaces_copies(),
        lost: words::lost(&next.after.spec),
        version: before.map_or(0, |(old, _)| old.version),
    }
}
