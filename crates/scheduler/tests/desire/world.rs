//! A world with one workload: it stores plans, finds room, and lets time pass.

use std::collections::BTreeMap;

use tamer_model::{
    Cause, HostId, InstanceSpec, Placement, PlacementId, Run, Stage, StopCause, Timestamp,
    UpdateState, Why, Wish, Workload, WorkloadSpec,
};
use tamer_scheduler::WorkloadStep;
use tamer_scheduler::desire::{CopyView, Demand, Desire, Draining, HostStanding, Told, desire};

use crate::checks;

/// Draws numbers; the same seed, the same numbers (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[derive(Debug, Clone, Default)]
pub struct Host {
    pub lost: Option<Timestamp>,
    pub drain: Option<Draining>,
    pub cordoned: bool,
    pub unfit: bool,
    pub gone: bool,
    /// How many copies it has room for.
    pub room: usize,
}

#[derive(Debug, Clone)]
pub struct Copy {
    pub record: Placement,
    /// What the coordinator was told.
    pub told: Option<Told>,
    /// What is so on the host.
    pub real: Option<Told>,
}

/// What copies of a template do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    Good,
    /// They fail.
    Fails,
    /// They run, and are never well.
    Unwell,
}

#[derive(Debug, Clone)]
pub struct World {
    pub now: Timestamp,
    pub workload: Workload,
    pub hosts: BTreeMap<HostId, Host>,
    pub copies: BTreeMap<PlacementId, Copy>,
    pub natures: BTreeMap<u32, Nature>,
    pub removed: bool,
    /// Indices of work that succeeded, and the template that it did so with.
    pub done: Vec<(u32, u32)>,
    drawn: u32,
}

pub const BEGIN: u64 = 1_000_000;

pub fn host(number: u8) -> HostId {
    HostId::from_bytes([number; 10])
}

pub fn spec(run: Run) -> WorkloadSpec {
    let instance = InstanceSpec { image: Some("web:1".into()), ..InstanceSpec::default() };
    let name = "web".parse().expect("a name");
    let provider = "docker".parse().expect("a provider");
    WorkloadSpec { run, ..WorkloadSpec::new(name, provider, instance) }
}

pub fn workload(spec: WorkloadSpec) -> Workload {
    Workload {
        spec,
        owner: "alice".parse().expect("a user"),
        created_at: Timestamp::from_millis(BEGIN),
        version: 1,
        template: 1,
        stable: None,
        update: None,
        stopped: false,
        removing: false,
        rebalance_at: None,
    }
}

impl Host {
    pub fn takes(&self) -> bool {
        self.lost.is_none() && self.drain.is_none() && !(self.cordoned || self.unfit || self.gone)
    }
}

impl World {
    pub fn new(spec: WorkloadSpec, hosts: u8, room: usize) -> Self {
        Self {
            now: Timestamp::from_millis(BEGIN),
            workload: workload(spec),
            hosts: (1..=hosts).map(|n| (host(n), Host { room, ..Host::default() })).collect(),
            copies: BTreeMap::new(),
            natures: BTreeMap::new(),
            removed: false,
            done: Vec::new(),
            drawn: 0,
        }
    }

    pub fn nature(&self, template: u32) -> Nature {
        self.natures.get(&template).copied().unwrap_or(Nature::Good)
    }

    pub fn views(&self) -> Vec<CopyView> {
        let view = |copy: &Copy| {
            let standing = match self.hosts.get(&copy.record.host) {
                Some(host) if !host.gone => {
                    HostStanding::Here { lost: host.lost, drain: host.drain }
                }
                Some(_) | None => HostStanding::Gone,
            };
            let fits = self.hosts.get(&copy.record.host).is_some_and(|host| !host.unfit);
            CopyView::new(&copy.record, copy.told, standing, fits)
        };
        self.copies.values().map(view).collect()
    }

    pub fn eligible(&self) -> Option<Vec<HostId>> {
        let takes = || self.hosts.iter().filter(|(_, host)| host.takes()).map(|(id, _)| *id);
        (self.workload.spec.run == Run::EveryHost).then(|| takes().collect())
    }

    pub fn desire_at(&self, now: Timestamp) -> Desire {
        let eligible = self.eligible();
        let mut views = self.views();
        let first = desire(&self.workload, &views, eligible.as_deref(), now);
        views.reverse();
        let again = desire(&self.workload, &views, eligible.as_deref(), now);
        assert_eq!(first, again, "the order of the records does not matter");
        first
    }

    pub fn desire(&self) -> Desire {
        let desire = self.desire_at(self.now);
        checks::wake(self, &desire);
        desire
    }

    /// Stores what is desired, as far as there is room, and checks what must hold of that. `most`:
    /// how many placements are stored before the coordinator crashes.
    pub fn store(&mut self, desire: &Desire, most: usize) -> Vec<(PlacementId, Demand)> {
        let before = self.clone();
        if let Some(step) = &desire.step {
            self.step(step);
        }
        for (id, cause) in &desire.stops {
            self.stop(*id, *cause);
        }
        let mut made = Vec::new();
        for demand in desire.demands.iter().take(most) {
            if let Some(host) = self.place(demand) {
                made.push((self.make(demand, host), demand.clone()));
            }
        }
        checks::stored(&before, self, desire);
        made
    }

    fn step(&mut self, step: &WorkloadStep) {
        match step {
            WorkloadStep::Update { update, stable, .. } => {
                assert!(
                    *update != self.workload.update || *stable != self.workload.stable,
                    "a step that changes nothing"
                );
                self.workload.update.clone_from(update);
                self.workload.stable = *stable;
            }
            WorkloadStep::Revert { to, .. } => {
                assert!(self.workload.spec.update.auto_revert);
                assert_ne!(*to, self.workload.template);
                self.workload.version += 1;
                self.workload.template = *to;
                self.workload.update = None;
            }
            WorkloadStep::Fail { begun_at, failure, .. } => {
                let stage = Stage::Failed { reason: failure.to_string() };
                let failed = Some(UpdateState { begun_at: *begun_at, stage });
                assert_ne!(failed, self.workload.update, "a step that changes nothing");
                self.workload.update = failed;
            }
            WorkloadStep::Remove { .. } => {
                assert!(self.workload.removing && self.copies.is_empty());
                self.removed = true;
            }
        }
    }

    pub fn stop(&mut self, id: PlacementId, cause: StopCause) {
        let copy = self.copies.get_mut(&id).expect("only what has a record is stopped");
        assert!(copy.record.wanted(), "{id} is stopped twice");
        copy.record.wish = Wish::Stop { at: self.now, cause };
    }

    /// The host with most room that takes it. What stops with it counts as gone.
    fn place(&self, demand: &Demand) -> Option<HostId> {
        let stops = demand.stops.map(|(id, _)| id);
        let left = |(id, host): (&HostId, &Host)| {
            let there = |copy: &&Copy| copy.record.host == *id && Some(copy.record.id) != stops;
            let left = host.room.saturating_sub(self.copies.values().filter(there).count());
            let asked = demand.host.is_none_or(|asked| asked == *id);
            let free = demand.host.is_some() || left > 0;
            let fits = host.takes() && free && asked && !demand.avoid.contains(id);
            fits.then_some((left, std::cmp::Reverse(*id)))
        };
        self.hosts.iter().filter_map(left).max().map(|(_, std::cmp::Reverse(id))| id)
    }

    pub fn make(&mut self, demand: &Demand, host: HostId) -> PlacementId {
        if let Some((id, cause)) = demand.stops {
            self.stop(id, cause);
        }
        self.drawn += 1;
        let id = PlacementId::at(self.now.as_millis(), self.drawn.to_be_bytes());
        let record = Placement {
            id,
            workload: self.workload.spec.name.clone(),
            index: demand.index,
            template: demand.template,
            host,
            made_at: self.now,
            why: Why { cause: demand.cause, score: 0, fitting: 1, hosts: 1 },
            replaces: demand.replaces,
            wish: Wish::Run,
        };
        self.copies.insert(id, Copy { record, told: None, real: None });
        id
    }

    /// Balances: a copy gets a successor elsewhere though nothing is wrong with it.
    pub fn rebalance(&mut self, id: PlacementId, host: HostId) -> PlacementId {
        let record = &self.copies[&id].record;
        let demand = Demand {
            index: record.index,
            template: record.template,
            cause: Cause::Rebalanced,
            replaces: Some(id),
            host: None,
            avoid: Vec::new(),
            stops: None,
        };
        self.make(&demand, host)
    }

    pub fn pass(&mut self, millis: u64) {
        self.now = Timestamp::from_millis(self.now.as_millis() + millis);
    }

    pub fn at(&self) -> u64 {
        self.now.as_millis() - BEGIN
    }

    pub fn failed(&self) -> Option<&str> {
        match &self.workload.update.as_ref()?.stage {
            Stage::Failed { reason } => Some(reason),
            Stage::Canary | Stage::Rolling => None,
        }
    }
}
