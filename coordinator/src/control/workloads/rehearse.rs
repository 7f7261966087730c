//! Steps of the scheduler on a fork, where all that is made is well and all that is stopped is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

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

/// How far the clock goes on at least.
const TICK: Duration = Duration::from_millis(1);

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
    records: BTreeMap<WorkloadName, Arc<Workload>>,
    /// Counts what is made: ids on a fork need only differ.
    made: u32,
    now: Timestamp,
    outcome: Outcome,
}

impl Rehearsal {
    /// Of a fork that knows all these `records`; what becomes of those that are `named` is told.
    pub fn new(
        fork: Scheduler,
        named: BTreeSet<WorkloadName>,
        records: impl Iterator<Item = Arc<Workload>>,
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
            if !self.take(plan) && !more {
                match wake {
                    // Time goes on only for updates: what else comes with it is no part of a plan.
                    Some(wake) if self.updating() => self.now = wake.max(self.now.plus(TICK)),
                    Some(_) | None => break,
                }
            }
            let long = clock::steady().saturating_sub(begun) > LONGEST;
            if round >= ROUNDS || long || self.outcome.steps.len() >= MOST {
                self.outcome.cut_short = true;
                break;
            }
        }
        let unplaced = self.named.iter().filter_map(|name| self.fork.unplaced(name));
        self.outcome.unplaced = unplaced.collect();
        self.outcome
    }

    fn updating(&self) -> bool {
        let under_way = |record: &Arc<Workload>| {
            let stage = record.update.as_ref().map(|update| &update.stage);
            matches!(stage, Some(Stage::Canary | Stage::Rolling))
        };
        self.named.iter().filter_map(|name| self.records.get(name)).any(under_way)
    }

    /// Makes it so on the fork, and says whether there was anything.
    fn take(&mut self, plan: Plan) -> bool {
        let Plan { make, stop, workloads, unplaced: _, wake: _, more: _ } = plan;
        let mut happened = !make.is_empty() || !stop.is_empty();
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
        for step in workloads {
            // A step that cannot be taken here must not be planned for ever.
            happened |= self.advance(step);
        }
        happened
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
                *record = Arc::new(Workload { update, stable, ..Workload::clone(record) });
                self.fork.put_workload(record.clone());
                true
            }
            // Nothing fails here; what failed before goes back by itself, not by this plan.
            WorkloadStep::Revert { workload: _, to: _, failure: _ }
            | WorkloadStep::Fail { workload: _, begun_at: _, failure: _ } => false,
            WorkloadStep::Remove { workload } => {
                self.fork.remove_workload(&workload);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use tamer_model::{
        Facts, Fingerprint, Host, HostId, HostState, JoinedBy, Labels, Os, WorkloadSpec,
    };
    use tamer_scheduler::{HostView, Queue};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn host(number: u8) -> HostView {
        let facts = Facts {
            os: Os::Linux,
            distro: String::new(),
            distro_version: String::new(),
            kernel: String::new(),
            arch: String::new(),
            hostname: String::new(),
            cpus: 4,
            memory_bytes: 1 << 33,
            disks: Vec::new(),
            addresses: Vec::new(),
            virtualization: String::new(),
            providers: Vec::new(),
            devices: BTreeMap::new(),
        };
        let host = Host {
            id: HostId::from_bytes([number; 10]),
            name: format!("h{number}").parse().expect("a name"),
            labels: Labels::new(),
            facts,
            agent_version: String::new(),
            joined_at: NOW,
            joined_by: JoinedBy::Approval("ann".parse().expect("a name")),
            key: Fingerprint::from_bytes([number; 32]),
            next_key: None,
            certificate_ends: NOW,
            clock_ahead_ms: 0,
            cordon: None,
            drain: None,
        };
        HostView {
            host: Arc::new(host),
            state: HostState::Ready,
            since: NOW,
            providers: BTreeSet::from(["docker".parse().expect("a provider")]),
            taken: BTreeSet::new(),
            set_aside: None,
            set_aside_for: BTreeMap::new(),
        }
    }

    fn workload(name: &str, version: u32, rest: &str) -> Arc<Workload> {
        let text = format!(
            r#"{{"name":"{name}","provider":"docker","instance":{{"image":"x:{version}"}}{rest}}}"#
        );
        let spec: WorkloadSpec = serde_json::from_str(&text).expect("a spec");
        Arc::new(Workload {
            spec,
            owner: "ann".parse().expect("a name"),
            created_at: NOW,
            version,
            template: version,
            stable: (version > 1).then_some(version - 1),
            update: None,
            stopped: false,
            removing: false,
            rebalance_at: None,
        })
    }

    fn fork() -> Scheduler {
        let mut fork = Scheduler::new(7, Queue::default());
        (1..=3).for_each(|number| fork.put_host(host(number)));
        fork
    }

    /// Puts a workload, and rehearses what follows.
    fn apply(
        fork: &mut Scheduler,
        workload: &Arc<Workload>,
        others: &[Arc<Workload>],
    ) -> Rehearsal {
        let name = &workload.spec.name;
        fork.put_workload(workload.clone());
        fork.put_template(name, workload.template, Arc::new(workload.spec.clone()));
        let records = others.iter().chain([workload]).cloned();
        let named = BTreeSet::from([name.clone()]);
        // What an earlier rehearsal made keeps its ids.
        let made = workload.version * 1000;
        Rehearsal { made, ..Rehearsal::new(fork.clone(), named, records, NOW) }
    }

    fn told(outcome: &Outcome) -> String {
        let mut text = String::new();
        for step in &outcome.steps {
            let _ = match step {
                Step::Make(make) => write!(text, "+{}/{} ", make.workload, make.index),
                Step::Stop(stop) => write!(text, "-{} ", stop.workload),
            };
        }
        text.trim_end().to_owned()
    }

    /// The fork after a rehearsal that made what runs before an update.
    fn running(rest: &str) -> Scheduler {
        let mut fork = fork();
        let mut rehearsal = apply(&mut fork, &workload("web", 1, rest), &[]);
        loop {
            let plan = rehearsal.fork.step(rehearsal.now, LIMIT);
            if plan.make.is_empty() {
                return rehearsal.fork;
            }
            rehearsal.take(plan);
        }
    }

    #[test]
    fn an_update_is_told_step_by_step() {
        let rest = r#","run":{"count":2}"#;
        let mut fork = running(rest);
        let outcome = apply(&mut fork, &workload("web", 2, rest), &[]).run();
        assert_eq!(told(&outcome), "-web +web/0 -web +web/1");
        assert!(!outcome.cut_short && outcome.unplaced.is_empty());
    }

    #[test]
    fn what_starts_first_stops_after_it_was_well_for_a_while() {
        let rest = r#","run":{"count":2},"update":{"order":"start_first","canary":1}"#;
        let mut fork = running(rest);
        let outcome = apply(&mut fork, &workload("web", 2, rest), &[]).run();
        let told = told(&outcome);
        assert!(told.starts_with("+web/"), "{told}");
        assert_eq!((told.matches("+web/").count(), told.matches("-web").count()), (2, 2), "{told}");
    }

    #[test]
    fn what_others_are_about_to_do_is_done_and_not_told() {
        let rest = r#","run":{"count":2}"#;
        let mut fork = running(rest);
        let other = workload("other", 1, r#","run":{"count":3}"#);
        fork.put_workload(other.clone());
        let outcome = apply(&mut fork, &workload("web", 2, rest), &[other]).run();
        assert_eq!(told(&outcome), "-web +web/0 -web +web/1");
    }

    #[test]
    fn what_no_host_takes_is_told() {
        let mut fork = fork();
        let rest = r#","run":{"count":5},"apart_from":["web"]"#;
        let outcome = apply(&mut fork, &workload("web", 1, rest), &[]).run();
        assert_eq!(told(&outcome).matches("+web/").count(), 3);
        assert_eq!(outcome.unplaced.iter().map(|one| one.copies).sum::<u32>(), 2);
    }
}
