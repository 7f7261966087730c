//! What the controller knows: workloads, their copies, what hosts tell of them, and the scheduler.
//!
//! Everybody reads it; only the controller writes it, after what it writes was stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tamer_model::{
    HostId, Placement, PlacementId, PlacementStatus, Timestamp, Workload, WorkloadName,
    WorkloadSpec,
};
use tamer_scheduler::{HostView, Plan, Queue, Scheduler, Unplaced};
use tamer_store::Revision;

use super::trouble::Trouble;

/// The scheduler draws nothing by chance but ties; any number will do, as long as it stays.
const SEED: u64 = 0x7461_6d65;

/// A workload, and the revision of its record for preconditions.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its record.
    pub workload: Arc<Workload>,
    /// When that was written.
    pub at: Revision,
    /// What the versions say that its copies are made of, or shall be.
    pub templates: BTreeMap<u32, Arc<WorkloadSpec>>,
    copies: BTreeSet<PlacementId>,
}

/// A copy, and what its host tells of it.
#[derive(Debug, Clone)]
pub struct Copy {
    /// Its record.
    pub placement: Arc<Placement>,
    /// When that was written.
    pub at: Revision,
    /// What its host told last, its times by this coordinator's clock.
    pub status: Option<Arc<PlacementStatus>>,
}

/// Everything there is of workloads.
pub struct Board {
    workloads: BTreeMap<WorkloadName, Applied>,
    copies: HashMap<PlacementId, Copy>,
    on_hosts: HashMap<HostId, BTreeSet<PlacementId>>,
    troubles: BTreeMap<HostId, Trouble>,
    waiting: BTreeMap<WorkloadName, Timestamp>,
    scheduler: Scheduler,
}

impl Board {
    /// An empty one, whose workloads get what is scarce in this order.
    pub fn new(queue: Queue) -> Self {
        Self {
            workloads: BTreeMap::new(),
            copies: HashMap::new(),
            on_hosts: HashMap::new(),
            troubles: BTreeMap::new(),
            waiting: BTreeMap::new(),
            scheduler: Scheduler::new(SEED, queue),
        }
    }

    /// Every workload, by name.
    pub fn workloads(&self) -> impl ExactSizeIterator<Item = &Applied> {
        self.workloads.values()
    }

    /// One workload.
    pub fn workload(&self, name: &WorkloadName) -> Option<&Applied> {
        self.workloads.get(name)
    }

    /// One copy.
    pub fn copy(&self, id: PlacementId) -> Option<&Copy> {
        self.copies.get(&id)
    }

    /// Every copy, in no order.
    pub fn copies(&self) -> impl ExactSizeIterator<Item = &Copy> {
        self.copies.values()
    }

    /// The copies of a workload, the oldest first.
    pub fn copies_of(&self, name: &WorkloadName) -> impl Iterator<Item = &Copy> {
        let ids = self.workloads.get(name).into_iter().flat_map(|applied| &applied.copies);
        ids.filter_map(|id| self.copies.get(id))
    }

    /// The copies on a host, the oldest first.
    pub fn copies_on(&self, host: HostId) -> impl Iterator<Item = &Copy> {
        let ids = self.on_hosts.get(&host).into_iter().flatten();
        ids.filter_map(|id| self.copies.get(id))
    }

    /// The hosts that have copies.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> {
        self.on_hosts.keys().copied()
    }

    /// What fails on a host.
    pub fn trouble(&self, host: HostId) -> Option<&Trouble> {
        self.troubles.get(&host)
    }

    /// What fails on any host.
    pub fn troubles(&self) -> impl ExactSizeIterator<Item = (HostId, &Trouble)> {
        self.troubles.iter().map(|(host, trouble)| (*host, trouble))
    }

    /// The copies of a workload that no host can take, and since when.
    pub fn unplaced(&self, name: &WorkloadName) -> Option<(Unplaced, Timestamp)> {
        let unplaced = self.scheduler.unplaced(name)?;
        Some((unplaced, self.waiting.get(name).copied().unwrap_or_default()))
    }

    /// The scheduler. A clone of it answers "what if" and may be changed at will.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The versions that copies of a workload are made of, or shall be.
    pub fn templates_in_use(&self, workload: &Workload) -> BTreeSet<u32> {
        let made = self.copies_of(&workload.spec.name).map(|copy| copy.placement.template);
        made.chain([workload.template]).collect()
    }

    /// What the copies of each workload shall be made of.
    pub(super) fn wanted_templates(&self) -> impl Iterator<Item = (WorkloadName, u32)> {
        let of =
            |(name, applied): (&WorkloadName, &Applied)| (name.clone(), applied.workload.template);
        self.workloads.iter().map(of)
    }

    /// Whether a workload is known, and what a version of it says is not.
    pub(super) fn lacks(&self, name: &WorkloadName, template: u32) -> bool {
        self.workloads.get(name).is_some_and(|applied| !applied.templates.contains_key(&template))
    }

    pub(super) fn put_workload(&mut self, workload: Workload, at: Revision) {
        let (name, workload) = (workload.spec.name.clone(), Arc::new(workload));
        let used = self.templates_in_use(&workload);
        let applied = self.workloads.entry(name.clone()).or_insert_with(|| Applied {
            workload: workload.clone(),
            at,
            templates: BTreeMap::new(),
            copies: BTreeSet::new(),
        });
        applied.templates.retain(|template, _| used.contains(template));
        (applied.workload, applied.at) = (workload.clone(), at);
        // The record itself is the version that it is made of, until a later one keeps the template.
        if workload.version == workload.template && self.lacks(&name, workload.template) {
            let spec = Arc::new(workload.spec.clone());
            self.put_template(&name, workload.template, spec);
        }
        self.scheduler.put_workload(workload);
    }

    pub(super) fn put_template(
        &mut self,
        name: &WorkloadName,
        template: u32,
        spec: Arc<WorkloadSpec>,
    ) {
        if let Some(applied) = self.workloads.get_mut(name) {
            applied.templates.insert(template, spec.clone());
            self.scheduler.put_template(name, template, spec);
        }
    }

    pub(super) fn remove_workload(&mut self, name: &WorkloadName) {
        self.workloads.remove(name);
        self.waiting.remove(name);
        self.scheduler.remove_workload(name);
    }

    /// A placement is stored; what its host told of it stays.
    pub(super) fn put_placement(&mut self, placement: Placement, at: Revision) {
        let status = self.copies.remove(&placement.id).and_then(|copy| copy.status);
        self.put(placement, at, status);
    }

    /// A placement is stored, and what its host told of it.
    pub(super) fn put_copy(
        &mut self,
        placement: Placement,
        at: Revision,
        status: Option<PlacementStatus>,
    ) {
        self.put(placement, at, status.map(Arc::new));
    }

    pub(super) fn put_status(&mut self, id: PlacementId, status: PlacementStatus) {
        if let Some(copy) = self.copies.get_mut(&id) {
            copy.status = Some(Arc::new(status));
            self.tell_scheduler(id);
        }
    }

    pub(super) fn remove_placement(&mut self, id: PlacementId) {
        let Some(copy) = self.copies.remove(&id) else { return };
        if let Some(applied) = self.workloads.get_mut(&copy.placement.workload) {
            applied.copies.remove(&id);
        }
        if let Some(on_host) = self.on_hosts.get_mut(&copy.placement.host) {
            on_host.remove(&id);
            if on_host.is_empty() {
                self.on_hosts.remove(&copy.placement.host);
            }
        }
        self.scheduler.remove_placement(id);
    }

    pub(super) fn put_trouble(&mut self, host: HostId, trouble: Trouble) {
        match trouble.is_over() {
            true => self.troubles.remove(&host),
            false => self.troubles.insert(host, trouble),
        };
    }

    pub(super) fn put_host(&mut self, host: HostView) {
        self.scheduler.put_host(host);
    }

    pub(super) fn remove_host(&mut self, host: HostId) {
        self.scheduler.remove_host(host);
    }

    /// What is to be done now, and since when workloads wait.
    pub(super) fn step(&mut self, now: Timestamp, limit: usize) -> Plan {
        let plan = self.scheduler.step(now, limit);
        self.waiting.retain(|name, _| self.scheduler.unplaced(name).is_some());
        for unplaced in &plan.unplaced {
            self.waiting.entry(unplaced.workload.clone()).or_insert(now);
        }
        plan
    }

    /// Everything is looked at in the next step.
    pub(super) fn touch_all(&mut self) {
        self.scheduler.touch_all();
    }

    fn put(&mut self, placement: Placement, at: Revision, status: Option<Arc<PlacementStatus>>) {
        let (id, host) = (placement.id, placement.host);
        self.on_hosts.entry(host).or_default().insert(id);
        if let Some(applied) = self.workloads.get_mut(&placement.workload) {
            applied.copies.insert(id);
        }
        self.copies.insert(id, Copy { placement: Arc::new(placement), at, status });
        self.tell_scheduler(id);
    }

    /// A copy of a workload that is not there is nobody's to plan.
    fn tell_scheduler(&mut self, id: PlacementId) {
        let Some(copy) = self.copies.get(&id) else { return };
        if self.workloads.contains_key(&copy.placement.workload) {
            let status = copy.status.as_deref().cloned();
            self.scheduler.put_placement(Placement::clone(&copy.placement), status);
        }
    }
}
