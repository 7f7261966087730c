//! A fleet whose agents do as they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tamer_model::{
    Cordon, Disk, Facts, Fingerprint, Host, HostId, HostState, InstanceSpec, JoinedBy, LabelKey,
    LabelValue, Os, Phase, Placement, PlacementId, PlacementStatus, Port, Resources, Run, Size,
    StopCause, Timestamp, Wish, Workload, WorkloadName, WorkloadSpec,
};
use tamer_scheduler::{HostView, Plan, Queue, Scheduler, WorkloadStep};

pub const GIB: u64 = 1 << 30;

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

pub type Copy = (Placement, Option<PlacementStatus>);

/// What is stored, and a scheduler that was told of it.
#[derive(Clone)]
pub struct World {
    pub now: Timestamp,
    pub scheduler: Scheduler,
    pub hosts: BTreeMap<HostId, HostView>,
    pub workloads: BTreeMap<WorkloadName, Workload>,
    pub copies: BTreeMap<PlacementId, Copy>,
    drawn: u64,
}

pub fn host_id(number: u8) -> HostId {
    HostId::from_bytes([number; 10])
}

/// A host `h1`, `h2` … with so many processors and so much memory, in GiB.
pub fn host(number: u8, cpus: u32, memory: u64, labels: &[(&str, &str)]) -> HostView {
    let text = |text: &str| text.to_owned();
    let facts = Facts {
        os: Os::Linux,
        distro: text("debian"),
        distro_version: text("12"),
        kernel: text("6.1.0"),
        arch: text("x86_64"),
        hostname: format!("h{number}"),
        cpus,
        memory_bytes: memory * GIB,
        disks: vec![Disk { mount: text("/"), filesystem: text("ext4"), total_bytes: 100 * GIB }],
        addresses: Vec::new(),
        virtualization: text("none"),
        providers: Vec::new(),
        devices: BTreeMap::new(),
    };
    let label = |(key, value): &(&str, &str)| {
        let key = LabelKey::try_from(text(key)).expect("a key");
        (key, LabelValue::try_from(text(value)).expect("a value"))
    };
    let host = Host {
        id: host_id(number),
        name: format!("h{number}").parse().expect("a name"),
        labels: labels.iter().map(label).collect(),
        facts,
        agent_version: text("0.1.0"),
        joined_at: Timestamp::default(),
        joined_by: JoinedBy::Approval("alice".parse().expect("a user")),
        key: Fingerprint::from_bytes([number; 32]),
        next_key: None,
        certificate_ends: Timestamp::default(),
        clock_ahead_ms: 0,
        cordon: None,
        drain: None,
    };
    HostView {
        host: Arc::new(host),
        state: HostState::Ready,
        since: Timestamp::default(),
        providers: BTreeSet::from(["docker".parse().expect("a provider")]),
        taken: BTreeSet::new(),
        set_aside: None,
        set_aside_for: BTreeMap::new(),
    }
}

/// Changes what is remembered of a host.
pub fn edit(view: &mut HostView, change: impl FnOnce(&mut Host)) {
    change(Arc::make_mut(&mut view.host));
}

pub fn cordon(view: &mut HostView) {
    let by = "alice".parse().expect("a user");
    let cordon = Cordon { by, at: Timestamp::default(), reason: String::new() };
    edit(view, |host| host.cordon = Some(cordon));
}

pub fn name(text: &str) -> WorkloadName {
    text.parse().expect("a name")
}

/// So many copies that take so much processor time, in thousandths, and memory, in MiB.
pub fn spec(called: &str, count: u32, cpu: u64, memory: u64) -> WorkloadSpec {
    let instance = InstanceSpec { image: Some("web:1".into()), ..InstanceSpec::default() };
    let provider = "docker".parse().expect("a provider");
    let resources = Resources {
        cpu: (cpu > 0).then(|| tamer_model::Cpu::from_millis(cpu)),
        memory: (memory > 0).then(|| Size::from_bytes(memory << 20)),
        ..Resources::default()
    };
    let run = Run::Count(count);
    WorkloadSpec { run, resources, ..WorkloadSpec::new(name(called), provider, instance) }
}

pub fn port(host: u16) -> Port {
    Port { instance: 80, host: Some(host), address: None, protocol: tamer_model::Protocol::Tcp }
}

pub fn workload(spec: WorkloadSpec) -> Workload {
    Workload {
        spec,
        owner: "alice".parse().expect("a user"),
        created_at: Timestamp::from_millis(1000),
        version: 1,
        template: 1,
        stable: None,
        update: None,
        stopped: false,
        removing: false,
        rebalance_at: None,
    }
}

impl World {
    pub fn new(queue: Queue) -> Self {
        Self {
            now: Timestamp::from_millis(1_000_000),
            scheduler: Scheduler::new(7, queue),
            hosts: BTreeMap::new(),
            workloads: BTreeMap::new(),
            copies: BTreeMap::new(),
            drawn: 0,
        }
    }

    pub fn put_host(&mut self, view: HostView) {
        self.hosts.insert(view.host.id, view.clone());
        self.scheduler.put_host(view);
    }

    pub fn edit_host(&mut self, number: u8, change: impl FnOnce(&mut HostView)) {
        let mut view = self.hosts[&host_id(number)].clone();
        change(&mut view);
        self.put_host(view);
    }

    pub fn apply(&mut self, spec: WorkloadSpec) {
        self.put_workload(workload(spec));
    }

    pub fn put_workload(&mut self, workload: Workload) {
        self.workloads.insert(workload.spec.name.clone(), workload.clone());
        self.scheduler.put_workload(Arc::new(workload));
    }

    pub fn step(&mut self) -> Plan {
        self.scheduler.step(self.now, 1000)
    }

    /// Stores what a plan says, and tells the scheduler.
    pub fn store(&mut self, plan: &Plan) {
        for stop in &plan.stop {
            self.stop(stop.placement, stop.cause);
        }
        for make in &plan.make {
            self.drawn += 1;
            let mut bytes = [0; 10];
            bytes[2..].copy_from_slice(&self.drawn.to_be_bytes());
            let placement = Placement {
                id: PlacementId::from_bytes(bytes),
                workload: make.workload.clone(),
                index: make.index,
                template: make.template,
                host: make.host,
                made_at: self.now,
                why: make.why,
                replaces: make.replaces,
                wish: Wish::Run,
            };
            self.put((placement, None));
        }
        for step in &plan.workloads {
            self.change(step);
        }
    }

    /// Agents do what they are told: copies run, or go.
    pub fn act(&mut self) {
        let all: Vec<_> = self.copies.values().cloned().collect();
        for (placement, status) in all {
            let lost = self.hosts.get(&placement.host).is_none_or(|h| h.state != HostState::Ready);
            match (placement.wanted(), status) {
                (true, None) if !lost => self.put((placement, Some(running(self.now)))),
                (false, _) if !lost => self.remove(placement.id),
                (true | false, _) => {}
            }
        }
    }

    pub fn pass(&mut self, secs: u64) {
        self.now = self.now.plus(std::time::Duration::from_secs(secs));
    }

    pub fn put(&mut self, copy: Copy) {
        self.scheduler.put_placement(copy.0.clone(), copy.1.clone());
        self.copies.insert(copy.0.id, copy);
    }

    pub fn remove(&mut self, id: PlacementId) {
        self.copies.remove(&id);
        self.scheduler.remove_placement(id);
    }

    pub fn stop(&mut self, id: PlacementId, cause: StopCause) {
        let (mut placement, status) = self.copies[&id].clone();
        placement.wish = Wish::Stop { at: self.now, cause };
        self.put((placement, status));
    }

    /// Steps, stores and acts until nothing is left to do but to wait.
    pub fn settle(&mut self) {
        for _ in 0..200 {
            let plan = self.step();
            let quiet = plan.make.is_empty() && plan.stop.is_empty() && plan.workloads.is_empty();
            crate::checks::plan(self, &plan);
            self.store(&plan);
            self.act();
            self.pass(11);
            if quiet
                && plan
                    .wake
                    .is_none_or(|wake| wake > self.now.plus(std::time::Duration::from_secs(60)))
            {
                return;
            }
        }
        panic!("it does not come to rest: {:#?}", self.step());
    }

    pub fn wanted(&self) -> impl Iterator<Item = &Placement> {
        self.copies.values().map(|(placement, _)| placement).filter(|placement| placement.wanted())
    }

    /// How many copies of a workload shall run.
    pub fn count(&self, called: &str) -> usize {
        self.wanted().filter(|placement| placement.workload.as_str() == called).count()
    }

    /// A scheduler that is told the same in another order.
    pub fn told_otherwise(&self, queue: Queue, dice: &mut Dice) -> Scheduler {
        let mut scheduler = Scheduler::new(7, queue);
        let mut todo: Vec<usize> =
            (0..self.hosts.len() + self.workloads.len() + self.copies.len()).collect();
        for at in (1..todo.len()).rev() {
            todo.swap(at, dice.below(at as u64 + 1) as usize);
        }
        let (hosts, workloads) = (self.hosts.len(), self.workloads.len());
        for at in todo {
            if at < hosts {
                scheduler.put_host(self.hosts.values().nth(at).expect("a host").clone());
            } else if at < hosts + workloads {
                let workload = self.workloads.values().nth(at - hosts).expect("a workload");
                scheduler.put_workload(Arc::new(workload.clone()));
            } else {
                let at = at - hosts - workloads;
                let (placement, status) = self.copies.values().nth(at).expect("a copy").clone();
                scheduler.put_placement(placement, status);
            }
        }
        scheduler
    }

    fn change(&mut self, step: &WorkloadStep) {
        match step {
            WorkloadStep::Update { workload, update, stable } => {
                let mut changed = self.workloads[workload].clone();
                (changed.update, changed.stable) = (update.clone(), *stable);
                self.put_workload(changed);
            }
            WorkloadStep::Revert { .. } | WorkloadStep::Fail { .. } => {
                panic!("nothing is updated here")
            }
            WorkloadStep::Remove { workload } => {
                self.workloads.remove(workload);
                self.scheduler.remove_workload(workload);
            }
        }
    }
}

pub fn running(since: Timestamp) -> PlacementStatus {
    PlacementStatus {
        phase: Phase::Running,
        healthy: None,
        since,
        restarts: 0,
        reason: None,
        instance: None,
        exit_code: None,
    }
}
