//! The promises about what is stored, held at every commit.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{
    Cause, HostId, HostState, Phase, Placement, PlacementId, PlacementStatus, Resources, Run, Wish,
    WorkloadName,
};
use tamer_store::{Event, Revision};

use super::agent::{CPUS, MEMORY};
use super::ledger::{Books, placement_of};
use super::records::Done;

impl Books {
    pub fn committed(&mut self, revision: Revision, events: &[Event]) {
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
                Done::Told { id, before, after } => self.told(id, before.as_ref(), &after),
                Done::Workload(name) => self.workload(&name),
                Done::Nothing => {}
            }
        }
        workloads.iter().for_each(|name| self.alone(name));
        hosts.iter().for_each(|host| self.fits(*host));
    }

    /// What has ended stays so, as long as it is wanted.
    fn told(&mut self, id: PlacementId, before: Option<&PlacementStatus>, after: &PlacementStatus) {
        let was = before.map(|status| status.phase);
        let PlacementStatus { phase, healthy, reason, .. } = after;
        if before.is_none_or(|before| (before.phase, before.healthy) != (*phase, *healthy)) {
            self.changes += 1;
            let healthy = match healthy {
                Some(true) => " and well",
                Some(false) => " and not well",
                None => "",
            };
            let reason = reason.as_deref().unwrap_or_default();
            self.tell(format_args!("stored: {id} is {phase}{healthy} {reason}"));
        }
        let wanted = self.records.placements.get(&id).is_some_and(Placement::wanted);
        if was == Some(Phase::Completed) && after.phase != Phase::Completed && wanted {
            self.broken(format_args!("{id} was completed and is {}", after.phase));
        }
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
}
