//! What is stored beside what runs, and the promises that hold at every moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_model::{
    Cause, HostId, HostName, HostState, Instance, InstanceState, NativeId, Patience, Phase,
    Placement, PlacementId, Resources, Run, UpdateOrder, Wish, WorkloadName,
};
use tamer_store::{Event, Revision};

use super::agent::{CPUS, MEMORY};
use super::disk::Witness;
use super::machine::Machine;
use super::records::{Done, Records};
use super::trace::Trace;

/// The label by which an agent knows its instances.
const PLACEMENT: &str = "tamer.placement";

/// Clones are the same one.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<Books>>);

pub struct Books {
    pub records: Records,
    pub worlds: BTreeMap<HostId, World>,
    /// Counts what changed of copies and instances.
    pub changes: u64,
    trace: Trace,
}

/// What there is on a host.
pub struct World {
    pub name: HostName,
    pub instances: BTreeMap<NativeId, Instance>,
    /// Made by others than Tamer; they stay.
    pub foreign: BTreeSet<NativeId>,
    /// What ends next by itself, or by a person on the host.
    excused: BTreeSet<NativeId>,
}

impl Ledger {
    pub fn new(trace: Trace) -> Self {
        let (records, worlds) = (Records::default(), BTreeMap::new());
        Self(Arc::new(Mutex::new(Books { records, worlds, changes: 0, trace })))
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A host is there, with what others run on it.
    pub fn open(&self, machine: &Machine, foreign: Vec<NativeId>) {
        let world = World {
            name: machine.name.clone(),
            instances: BTreeMap::new(),
            foreign: foreign.into_iter().collect(),
            excused: BTreeSet::new(),
        };
        self.books().worlds.insert(machine.id, world);
        self.look(machine);
    }

    /// An instance is about to end, and no agent did it.
    pub fn excuse(&self, machine: &Machine, id: &NativeId) {
        if let Some(world) = self.books().worlds.get_mut(&machine.id) {
            world.excused.insert(id.clone());
        }
    }

    /// Looks at what there is on a host now.
    pub fn look(&self, machine: &Machine) {
        let now = machine.technology.behind();
        let now = now.into_iter().map(|instance| (instance.native.clone(), instance)).collect();
        self.books().looked(machine.id, now);
    }
}

impl Witness for Ledger {
    fn committed(&mut self, revision: Revision, events: &[Event]) {
        self.books().committed(revision, events);
    }
}

/// The placement that an instance says it is of.
pub fn placement_of(instance: &Instance) -> Option<PlacementId> {
    instance.labels.get(PLACEMENT)?.parse().ok()
}

pub fn runs(instance: &Instance) -> bool {
    matches!(instance.state, InstanceState::Running | InstanceState::Paused)
}

impl Books {
    fn committed(&mut self, revision: Revision, events: &[Event]) {
        let done: Vec<_> = events.iter().map(|event| self.records.take(event)).collect();
        let mut workloads = BTreeSet::new();
        let mut hosts = BTreeSet::new();
        for done in done {
            match done {
                Done::Made(copy) => {
                    workloads.insert(copy.workload.clone());
                    hosts.insert(copy.host);
                    self.made(revision, &copy);
                }
                Done::Changed { before, after } => {
                    workloads.insert(after.workload.clone());
                    self.changed(&before, &after);
                }
                Done::Removed(copy) => self.removed(&copy),
                Done::Told { id, before, after } => {
                    let was = before.as_ref().map(|status| status.phase);
                    if was != Some(after.phase) {
                        self.changes += 1;
                        let reason = after.reason.as_deref().unwrap_or_default();
                        self.tell(format_args!("stored: {id} is {} {reason}", after.phase));
                    }
                    if was == Some(Phase::Completed) && after.phase != Phase::Completed {
                        self.broken(format_args!("{id} was completed and is {}", after.phase));
                    }
                }
                Done::Workload(name) => self.workload(&name),
                Done::Nothing => {}
            }
        }
        workloads.iter().for_each(|name| self.alone(name));
        hosts.iter().for_each(|host| self.fits(*host));
    }

    fn workload(&mut self, name: &WorkloadName) {
        self.changes += 1;
        match self.records.workloads.get(name) {
            Some(workload) => {
                let stage = workload.update.as_ref().map(|update| &update.stage);
                let line = format!(
                    "stored: {name} has version {}, template {}, stable {:?}, {stage:?}, {:?}{}{}",
                    workload.version,
                    workload.template,
                    workload.stable,
                    workload.spec.run,
                    if workload.stopped { ", stopped" } else { "" },
                    if workload.removing { ", to be removed" } else { "" },
                );
                self.tell(line);
            }
            None => {
                self.tell(format_args!("stored: {name} is removed"));
                self.records.completed.retain(|(of, _)| of != name);
                if let Some(left) =
                    self.records.placements.values().find(|copy| copy.workload == *name)
                {
                    self.broken(format_args!("{name} is removed and has {}", left.id));
                }
            }
        }
    }

    /// A copy is made only where it may be, and only what is missing.
    fn made(&mut self, revision: Revision, copy: &Placement) {
        self.changes += 1;
        let Placement { id, workload, index, template, host, why, replaces, .. } = copy;
        let at = self
            .records
            .hosts
            .get(host)
            .map_or_else(|| host.to_string(), |host| host.name.to_string());
        let replaces = replaces.map(|id| format!(", in place of {id}")).unwrap_or_default();
        self.tell(format_args!(
            "stored at {revision}: {id}, {workload}/{index} of {template} on {at}: {}{replaces}",
            why.cause.as_str()
        ));
        let Some(record) = self.records.workloads.get(workload) else {
            return self.broken(format_args!("{id} is made of no workload"));
        };
        let Some(member) = self.records.hosts.get(host) else {
            return self.broken(format_args!("{id} is made on no host"));
        };
        if member.cordon.is_some() || member.drain.is_some() {
            self.broken(format_args!("{id} is made on {at}, which is cordoned"));
        }
        let state = self.records.states.get(host).map_or(HostState::Pending, |status| status.state);
        if let Some(not) = record.spec.constraints.iter().find(|one| !one.matches(&(member, state)))
        {
            self.broken(format_args!("{id} is made on {at}, against {not}"));
        }
        let most = match record.spec.run {
            Run::Count(count) => count as usize,
            Run::ToCompletion { completions, .. } => completions as usize,
            Run::EveryHost => self.records.hosts.len(),
        };
        let every_host = record.spec.run == Run::EveryHost;
        let place =
            |copy: &Placement| if every_host { (0, Some(copy.host)) } else { (copy.index, None) };
        let held: BTreeSet<_> = self.records.wanted(workload).map(place).collect();
        let new = why.cause == Cause::Missing && held.len() > most;
        if new || record.stopped || record.removing {
            self.broken(format_args!("{id} is made, and nobody wants {workload}/{index}"));
        }
        if self.records.completed.contains(&(workload.clone(), *index)) {
            self.broken(format_args!("{id} is made, and {workload}/{index} is done"));
        }
    }

    fn changed(&mut self, before: &Placement, after: &Placement) {
        self.changes += 1;
        if let (Wish::Run, Wish::Stop { cause, .. }) = (before.wish, after.wish) {
            self.tell(format_args!("stored: {} shall stop: {}", after.id, cause.as_str()));
        }
        let stays = Placement { wish: before.wish, ..after.clone() } == *before;
        if !stays || (after.wanted() && !before.wanted()) {
            self.broken(format_args!("a placement changes: {before:?} to {after:?}"));
        }
    }

    /// A record goes when its instance is gone.
    fn removed(&mut self, copy: &Placement) {
        self.changes += 1;
        self.tell(format_args!("stored: {} is gone", copy.id));
        let left =
            self.worlds.get(&copy.host).into_iter().flat_map(|world| world.instances.values());
        let left: Vec<_> = left
            .filter(|instance| placement_of(instance) == Some(copy.id))
            .map(|instance| format!("{} is {}", instance.native, instance.state))
            .collect();
        if !left.is_empty() {
            self.broken(format_args!("{} is removed, and its instance {left:?}", copy.id));
        }
    }

    /// Copies of one index that shall run are alone, or one takes the other's place.
    fn alone(&mut self, name: &WorkloadName) {
        let Some(workload) = self.records.workloads.get(name) else { return };
        let every_host = matches!(workload.spec.run, Run::EveryHost);
        let mut places: BTreeMap<_, Vec<&Placement>> = BTreeMap::new();
        for copy in self.records.wanted(name) {
            let place = if every_host { (Some(copy.host), 0) } else { (None, copy.index) };
            places.entry(place).or_default().push(copy);
        }
        let crowded = places.into_values().find(|copies| match copies[..] {
            [] | [_] => false,
            [a, b] => a.replaces != Some(b.id) && b.replaces != Some(a.id),
            _ => true,
        });
        if let Some(copies) = crowded {
            let ids: Vec<_> = copies.iter().map(|copy| copy.id.to_string()).collect();
            let of = format!("{name}/{}", copies[0].index);
            self.broken(format_args!("{of} has {}", ids.join(" and ")));
        }
    }

    /// What shall run on a host has room there.
    fn fits(&mut self, host: HostId) {
        let ended = |copy: &Placement| {
            let told = self.records.statuses.get(&copy.id).map(|status| status.phase);
            matches!(told, Some(Phase::Completed | Phase::Gone))
        };
        let on = self.records.placements.values().filter(|copy| copy.host == host);
        let on = on.filter(|copy| copy.wanted() && !ended(copy));
        let taken = on.filter_map(|copy| self.records.spec_of(copy));
        let taken = taken.map(|spec| spec.resources.of(&spec.instance));
        let (cpu, memory) = taken.fold((0, 0), |(cpu, memory), asked: Resources| {
            let more = asked.cpu.map_or(0, |cpu| cpu.millis());
            (cpu + more, memory + asked.memory.map_or(0, |size| size.bytes()))
        });
        if cpu > u64::from(CPUS) * 1000 || memory > MEMORY {
            self.broken(format_args!("{host} shall run {cpu} thousandths and {memory} bytes"));
        }
    }

    fn looked(&mut self, host: HostId, now: BTreeMap<NativeId, Instance>) {
        let Some(world) = self.worlds.get_mut(&host) else { return };
        let before = std::mem::replace(&mut world.instances, now.clone());
        let name = world.name.clone();
        let excused: BTreeSet<_> = before
            .keys()
            .filter(|id| !now.get(*id).is_some_and(runs))
            .filter(|id| world.excused.remove(*id))
            .cloned()
            .collect();
        let missing = world.foreign.iter().find(|id| !now.contains_key(*id)).cloned();
        if let Some(missing) = missing {
            self.broken(format_args!("{name}: {missing} was not ours and is gone"));
        }
        for (id, instance) in &before {
            let runs_now = now.get(id).is_some_and(runs);
            if runs(instance) && !runs_now {
                self.ended(host, &name, instance, excused.contains(id), now.get(id));
            }
        }
        for (id, instance) in &now {
            if runs(instance) && !before.get(id).is_some_and(runs) {
                self.started(host, &name, instance);
            }
        }
    }

    /// An agent ends what shall stop, and nothing else: no restart of anybody ends a copy.
    fn ended(
        &mut self,
        host: HostId,
        name: &HostName,
        instance: &Instance,
        excused: bool,
        now: Option<&Instance>,
    ) {
        self.changes += 1;
        let native = &instance.native;
        let how = now.map_or_else(|| "and is gone".to_owned(), |now| format!("{}", now.state));
        let Some(id) = placement_of(instance) else {
            if !excused {
                self.broken(format_args!("{name}: {native} was not ours and ended"));
            }
            return;
        };
        self.tell(format_args!("{name}: {native} of {id} ended: {how}"));
        if excused {
            return;
        }
        let Some(copy) = self.records.placements.get(&id) else { return };
        let patience = self.records.spec_of(copy).map(|spec| spec.lost.stop_after);
        let may = copy.host != host
            || !copy.wanted()
            || matches!(patience, Some(Patience::After(_)))
            || self.records.statuses.get(&id).is_some_and(|status| status.phase == Phase::Failed);
        if may {
            return;
        }
        self.broken(format_args!("{name}: {id} was ended, and it shall run"));
    }

    fn started(&mut self, host: HostId, name: &HostName, instance: &Instance) {
        let Some(id) = placement_of(instance) else { return };
        self.changes += 1;
        self.tell(format_args!("{name}: {} of {id} runs", instance.native));
        let Some(copy) = self.records.placements.get(&id).cloned() else {
            return self.broken(format_args!("{name}: {id} is started, and there is no such copy"));
        };
        if copy.host != host {
            self.broken(format_args!("{name}: {id} is started, and is {}'s", copy.host));
        }
        let spec = self.records.spec_of(&copy);
        if spec.is_none_or(|spec| spec.instance.image != instance.image) {
            self.broken(format_args!("{name}: {id} is made of {:?}", instance.image));
        }
        if self.records.completed.contains(&(copy.workload.clone(), copy.index)) {
            let of = format!("{}/{}", copy.workload, copy.index);
            self.broken(format_args!("{name}: {id} is started, and {of} is done"));
        }
        let twice = self
            .running_of(&copy)
            .into_iter()
            .filter(|(_, other)| other.native != instance.native || other.name != instance.name);
        let twice: Vec<_> = twice
            .filter_map(|(host, other)| {
                (!self.may_run_beside(&copy, host, &other)).then(|| other.name.to_string())
            })
            .collect();
        if !twice.is_empty() {
            let of = format!("{}/{}", copy.workload, copy.index);
            self.broken(format_args!("{name}: {id} is started, and {of} runs already: {twice:?}"));
        }
    }

    /// Instances that run of the same index.
    fn running_of(&self, copy: &Placement) -> Vec<(HostId, Instance)> {
        let workload = self.records.workloads.get(&copy.workload);
        if workload.is_none_or(|workload| matches!(workload.spec.run, Run::EveryHost)) {
            return Vec::new();
        }
        let all = self.worlds.iter().flat_map(|(host, world)| {
            world.instances.values().map(move |instance| (*host, instance))
        });
        let same = all.filter(|(_, instance)| {
            let other = placement_of(instance).and_then(|id| self.records.placements.get(&id));
            runs(instance)
                && other.is_some_and(|other| {
                    other.workload == copy.workload && other.index == copy.index
                })
        });
        same.map(|(host, instance)| (host, instance.clone())).collect()
    }

    /// Whether one copy may run while another of its index still does: the coordinator could not
    /// know, or the workload wants it so.
    fn may_run_beside(&self, copy: &Placement, host: HostId, other: &Instance) -> bool {
        let lost =
            self.records.states.get(&host).is_none_or(|status| status.state != HostState::Ready);
        let Some(other) = placement_of(other).and_then(|id| self.records.placements.get(&id))
        else {
            return false;
        };
        let given_up = |one: &Placement, of: &Placement| {
            one.replaces == Some(of.id)
                && matches!(one.why.cause, Cause::HostLost | Cause::HostGone | Cause::Canary)
        };
        let start_first = [copy, other].into_iter().any(|one| {
            let spec = self.records.workloads.get(&one.workload).map(|workload| &workload.spec);
            spec.is_some_and(|spec| {
                spec.update.order == UpdateOrder::StartFirst || spec.update.canary > 0
            })
        });
        // Its stop was decided no later than what takes its place.
        let stops = !copy.wanted() || !other.wanted();
        lost || start_first || stops || given_up(copy, other) || given_up(other, copy)
    }

    pub fn tell(&self, what: impl std::fmt::Display) {
        self.trace.tell(what);
    }

    pub fn broken(&self, promise: impl std::fmt::Display) {
        self.trace.broken(promise);
    }
}
