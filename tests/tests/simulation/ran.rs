//! The promises about what runs, held whenever an instance changes.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{
    Cause, HostId, HostName, HostState, Instance, NativeId, Patience, Phase, Placement, Run,
    UpdateOrder,
};

use super::ledger::{Books, placement_of, runs};
use super::wishes::Wishes;

impl Books {
    pub fn looked(&mut self, host: HostId, now: BTreeMap<NativeId, Instance>) {
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
                if let Some(world) = self.worlds.get_mut(&host) {
                    *world.runs.entry(id.clone()).or_default() += 1;
                }
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
        let spec = self.records.spec_of(copy);
        let stops_alone = spec.is_some_and(|spec| {
            // One that is not well is started anew.
            matches!(spec.lost.stop_after, Patience::After(_)) || Wishes::are_bad(spec)
        });
        let may = copy.host != host
            || !copy.wanted()
            || stops_alone
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
        let done = self.worlds.get(&host).is_some_and(|world| world.finished.contains(&id));
        if done {
            self.broken(format_args!("{name}: {id} succeeded here, and is started again"));
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
}
