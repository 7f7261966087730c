//! Steps of the scheduler on a fork, where all that is made is well and all that is stopped is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tamer_model::{
    Phase, Placement, PlacementId, PlacementStatus, Stage, StopCause, Timestamp, Wish, Workload,
    WorkloadName,
};
use tamer_scheduler::{Make, Plan, Scheduler, Unplaced, WorkloadStep};

use super::plan::Step;
use crate::clock;

/// Placements of one step of the scheduler.
const LIMIT: usize = 4096;
/// Steps of the scheduler: an update of a hundred copies one by one takes some three hundred.
const ROUNDS: u32 = 2000;
/// Placements that are made on the fork, of the 100,000 that a workload may have.
const MOST: usize = 20_000;
/// How long it may take, in milliseconds.
const LONGEST: u64 = 2000;

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is made and stopped of the workloads in question, and of what gives way to them.
    pub steps: Vec<Step>,
    /// Copies of theirs that no host can take.
    pub unplaced: Vec<Unplaced>,
    /// There is more than was worked out.
    pub cut_short: bool,
}

/// A fork and what has happened on it.
pub struct Rehearsal {
    fork: Scheduler,
    named: BTreeSet<WorkloadName>,
    records: BTreeMap<WorkloadName, Workload>,
    /// Counts what is made: ids on a fork need only differ.
    made: u32,
    now: Timestamp,
    outcome: Outcome,
}

impl Rehearsal {
    /// Of a fork that knows the new `records` of the workloads that are `named`.
    pub fn new(
        fork: Scheduler,
        named: BTreeSet<WorkloadName>,
        records: impl Iterator<Item = Workload>,
        now: Timestamp,
    ) -> Self {
        let records = records.map(|record| (record.spec.name.clone(), record)).collect();
        Self { fork, named, records, made: 0, now, outcome: Outcome::default() }
    }

    /// Takes steps until nothing follows.
    pub fn run(mut self) -> Outcome {
        let begun = clock::steady();
        for round in 0.. {
            let plan = self.fork.step(self.now, LIMIT);
            let (wake, more) = (plan.wake, plan.more);
            let happened = self.take(plan);
            if happened || more {
                let long = clock::steady().saturating_sub(begun) > LONGEST;
                if round >= ROUNDS || long || self.outcome.steps.len() >= MOST {
                    self.outcome.cut_short = true;
                    break;
                }
                continue;
            }
            match wake {
                // Time goes on only for updates: what else comes with time is no part of a plan.
                Some(wake) if self.updating() && round < ROUNDS => {
                    self.now = wake.max(self.now.plus(std::time::Duration::from_millis(1)));
                }
                Some(_) | None => break,
            }
        }
        let unplaced = self.named.iter().filter_map(|name| self.fork.unplaced(name));
        self.outcome.unplaced = unplaced.collect();
        self.outcome
    }

    fn updating(&self) -> bool {
        let under_way = |record: &Workload| {
            let stage = record.update.as_ref().map(|update| &update.stage);
            matches!(stage, Some(Stage::Canary | Stage::Rolling))
        };
        self.named.iter().filter_map(|name| self.records.get(name)).any(under_way)
    }

    /// Makes it so on the fork, and says whether there was anything.
    fn take(&mut self, plan: Plan) -> bool {
        let Plan { make, stop, workloads, unplaced: _, wake: _, more: _ } = plan;
        let happened = !make.is_empty() || !stop.is_empty() || !workloads.is_empty();
        for stop in stop {
            self.fork.remove_placement(stop.placement);
            let told = self.named.contains(&stop.workload) || stop.cause == StopCause::Preempted;
            if told {
                self.outcome.steps.push(Step::Stop(stop));
            }
        }
        for make in make {
            self.place(&make);
            if self.named.contains(&make.workload) {
                self.outcome.steps.push(Step::Make(make));
            }
        }
        // A step that cannot be taken here must not be planned for ever.
        workloads.into_iter().fold(happened, |happened, step| self.advance(step) && happened)
    }

    fn place(&mut self, make: &Make) {
        self.made += 1;
        let placement = Placement {
            id: PlacementId::at(self.now.as_millis(), self.made.to_be_bytes()),
            workload: make.workload.clone(),
            index: make.index,
            template: make.template,
            host: make.host,
            made_at: self.now,
            why: make.why,
            replaces: make.replaces,
            wish: Wish::Run,
        };
        let status = PlacementStatus {
            phase: Phase::Running,
            healthy: Some(true),
            since: self.now,
            restarts: 0,
            reason: None,
            instance: None,
            exit_code: None,
        };
        self.fork.put_placement(placement, Some(status));
    }

    /// Whether the step was taken.
    fn advance(&mut self, step: WorkloadStep) -> bool {
        match step {
            WorkloadStep::Update { workload, update, stable } => {
                let Some(record) = self.records.get_mut(&workload) else { return false };
                (record.update, record.stable) = (update, stable);
                self.fork.put_workload(Arc::new(record.clone()));
                true
            }
            // Nothing fails here; what failed before goes back by itself, not by this plan.
            WorkloadStep::Revert { workload: _, to: _, reason: _ } => false,
            WorkloadStep::Remove { workload } => {
                self.fork.remove_workload(&workload);
                true
            }
        }
    }
}
