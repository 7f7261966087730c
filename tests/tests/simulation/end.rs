//! How a fleet must stand when the faults have ended: exactly as it is wanted.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{
    Host, HostId, HostState, Phase, Placement, PlacementId, Run, Workload, WorkloadName,
};

use super::ledger::{Books, placement_of, runs};

impl Books {
    /// What is not as it is wanted; the first of it.
    pub fn settled(&self) -> Result<(), String> {
        let mut expected = BTreeSet::new();
        for (name, workload) in &self.records.workloads {
            let copies: Vec<_> =
                self.records.placements.values().filter(|copy| copy.workload == *name).collect();
            if let Some(copy) = copies.iter().find(|copy| !copy.wanted()) {
                return Err(format!("{} of {name} is still there", copy.id));
            }
            self.stands(name, workload, &copies)?;
            expected.extend(copies.iter().map(|copy| copy.id));
        }
        let strays = self.records.placements.keys().find(|id| !expected.contains(id));
        if let Some(id) = strays {
            return Err(format!("{id} is of no workload"));
        }
        self.worlds_are_so()
    }

    fn stands(
        &self,
        name: &WorkloadName,
        workload: &Workload,
        copies: &[&Placement],
    ) -> Result<(), String> {
        if workload.removing {
            return Err(format!("{name} is still there"));
        }
        if workload.stopped {
            let done = |copy: &&&Placement| self.phase(copy.id) != Some(Phase::Completed);
            return match copies.iter().find(done) {
                Some(copy) => Err(format!("{name} is stopped and has {}", copy.id)),
                None => Ok(()),
            };
        }
        if let Some(update) = &workload.update {
            return Err(format!("{name} is being updated: {:?}", update.stage));
        }
        match workload.spec.run {
            Run::Count(count) => self.counted(name, workload, copies, count),
            Run::EveryHost => self.everywhere(name, workload, copies),
            Run::ToCompletion { completions, .. } => self.completed(name, copies, completions),
        }
    }

    fn counted(
        &self,
        name: &WorkloadName,
        workload: &Workload,
        copies: &[&Placement],
        count: u32,
    ) -> Result<(), String> {
        let indices: BTreeSet<_> = copies.iter().map(|copy| copy.index).collect();
        if indices.len() != copies.len() || indices.len() != count as usize {
            return Err(format!("{name} shall have {count} copies and has {indices:?}"));
        }
        copies.iter().try_for_each(|copy| self.well(workload, copy, true))
    }

    fn everywhere(
        &self,
        name: &WorkloadName,
        workload: &Workload,
        copies: &[&Placement],
    ) -> Result<(), String> {
        let mut on = BTreeMap::<HostId, u32>::new();
        for copy in copies {
            *on.entry(copy.host).or_default() += 1;
            // Where none may be made, the one that is there stays as it is.
            let host = self.records.hosts.get(&copy.host);
            let changes = host.is_some_and(|host| self.takes(workload, host) == Some(true));
            self.well(workload, copy, changes)?;
        }
        for (id, host) in &self.records.hosts {
            let have = on.get(id).copied().unwrap_or(0);
            let want = match self.takes(workload, host) {
                Some(true) => 1..=1,
                // What runs there goes on.
                None => 0..=1,
                Some(false) => 0..=0,
            };
            if !want.contains(&have) {
                return Err(format!("{name} has {have} copies on {}", host.name));
            }
        }
        Ok(())
    }

    /// Whether a copy must be there; none where one may stay and none is made.
    fn takes(&self, workload: &Workload, host: &Host) -> Option<bool> {
        let state = self.records.states.get(&host.id).map(|status| status.state)?;
        let fits = workload.spec.constraints.iter().all(|one| one.matches(&(host, state)));
        match (fits, host.cordon.is_some() || host.drain.is_some()) {
            (false, _) => Some(false),
            (true, false) => Some(state == HostState::Ready),
            (true, true) => None,
        }
    }

    fn completed(
        &self,
        name: &WorkloadName,
        copies: &[&Placement],
        completions: u32,
    ) -> Result<(), String> {
        let done = self.records.completed.iter().filter(|(of, _)| of == name).count();
        if done != completions as usize {
            return Err(format!("{name} has {done} successes of {completions}"));
        }
        match copies.iter().find(|copy| self.phase(copy.id) != Some(Phase::Completed)) {
            Some(copy) => Err(format!("{name} is done and has {}", copy.id)),
            None => Ok(()),
        }
    }

    /// A copy runs where it may; `newest`: as what is wanted now.
    fn well(&self, workload: &Workload, copy: &Placement, newest: bool) -> Result<(), String> {
        let Placement { id, workload: name, index, .. } = copy;
        if self.phase(*id) != Some(Phase::Running) {
            return Err(format!("{id} of {name}/{index} is {:?}", self.phase(*id)));
        }
        if newest && copy.template != workload.template {
            let (is, shall) = (copy.template, workload.template);
            return Err(format!("{id} of {name}/{index} is made of {is}, not of {shall}"));
        }
        let host = self.records.hosts.get(&copy.host).ok_or(format!("{id} is on no host"))?;
        if self.takes(workload, host) == Some(false) {
            return Err(format!(
                "{id} of {name}/{index} is on {}, against a constraint",
                host.name
            ));
        }
        if host.drain.is_some() && !matches!(workload.spec.run, Run::EveryHost) {
            return Err(format!("{id} of {name}/{index} is on {}, which is drained", host.name));
        }
        Ok(())
    }

    /// What runs is what is recorded, instance by instance.
    fn worlds_are_so(&self) -> Result<(), String> {
        for (host, world) in &self.worlds {
            let name = &world.name;
            let state = self.records.states.get(host).map(|status| status.state);
            if state != Some(HostState::Ready) {
                return Err(format!("{name} is {state:?}"));
            }
            let mut seen = BTreeSet::new();
            for instance in world.instances.values().filter(|one| one.managed) {
                let id = placement_of(instance)
                    .ok_or(format!("{name}: whose is {}", instance.native))?;
                self.instance(*host, id, runs(instance), instance.native.as_str())?;
                if !seen.insert(id) {
                    return Err(format!("{name}: {id} has two instances"));
                }
            }
            let here = self.records.placements.values().filter(|copy| copy.host == *host);
            let unseen = |copy: &&Placement| {
                self.phase(copy.id) == Some(Phase::Running) && !seen.contains(&copy.id)
            };
            if let Some(copy) = here.into_iter().find(unseen) {
                return Err(format!("{name}: {} is said to run, and does not", copy.id));
            }
        }
        Ok(())
    }

    fn instance(
        &self,
        host: HostId,
        id: PlacementId,
        runs: bool,
        native: &str,
    ) -> Result<(), String> {
        let name = &self.worlds[&host].name;
        let Some(copy) = self.records.placements.get(&id).filter(|copy| copy.host == host) else {
            return Err(format!("{name}: {native} of {id} is left over"));
        };
        let status = self.records.statuses.get(&copy.id);
        let told = status.map(|status| status.phase);
        if runs != (told == Some(Phase::Running)) {
            let does = if runs { "runs" } else { "does not run" };
            return Err(format!("{name}: {native} of {id} {does}, and is told as {told:?}"));
        }
        match status.and_then(|status| status.instance.as_ref()) {
            Some(known) if known.as_str() != native => {
                Err(format!("{name}: {id} is {native}, and is told to be {known}"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn phase(&self, id: PlacementId) -> Option<Phase> {
        self.records.statuses.get(&id).map(|status| status.phase)
    }
}
