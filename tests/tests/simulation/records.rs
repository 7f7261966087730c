//! What is stored, as it is after each commit.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use tamer_model::{
    Host, HostId, HostStatus, Phase, Placement, PlacementId, PlacementStatus, Run, Workload,
    WorkloadName, WorkloadSpec, WorkloadVersion,
};
use tamer_store::{Change, Event};

/// The records of a fleet that placing has to do with.
#[derive(Default)]
pub struct Records {
    pub hosts: BTreeMap<HostId, Host>,
    pub states: BTreeMap<HostId, HostStatus>,
    pub workloads: BTreeMap<WorkloadName, Workload>,
    pub versions: BTreeMap<(WorkloadName, u32), WorkloadSpec>,
    pub placements: BTreeMap<PlacementId, Placement>,
    pub statuses: BTreeMap<PlacementId, PlacementStatus>,
    /// Indices of work that ends, once a success was stored.
    pub completed: BTreeSet<(WorkloadName, u32)>,
}

/// What one event did to a placement.
pub enum Done {
    Made(Placement),
    Changed { before: Placement, after: Placement },
    Removed(Placement),
    Told { id: PlacementId, before: Option<PlacementStatus>, after: PlacementStatus },
    Workload(WorkloadName),
    Nothing,
}

impl Records {
    /// Takes in one event, and says what it did.
    pub fn take(&mut self, event: &Event) -> Done {
        let Some(key) = event.key().as_text() else { return Done::Nothing };
        let mut parts = key.split('/');
        let (first, second) = (parts.next(), parts.next());
        let (third, fourth) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (first, second) {
            (Some("fleet"), Some("host")) => keep(&mut self.hosts, third, &event.change),
            (Some("fleet"), Some("status")) => keep(&mut self.states, third, &event.change),
            (Some("work"), Some("workload")) => {
                keep(&mut self.workloads, third, &event.change);
                return third.parse().map_or(Done::Nothing, Done::Workload);
            }
            (Some("work"), Some("version")) => {
                if let Some(version) = value::<WorkloadVersion>(&event.change) {
                    let key = (version.spec.name.clone(), version.version);
                    self.versions.insert(key, version.spec);
                }
            }
            (Some("work"), Some("placement")) => return self.placement(fourth, &event.change),
            (Some("work"), Some("placed")) => return self.placed(fourth, &event.change),
            _ => {}
        }
        Done::Nothing
    }

    /// What a placement's instance is made of.
    pub fn spec_of(&self, placement: &Placement) -> Option<&WorkloadSpec> {
        self.versions.get(&(placement.workload.clone(), placement.template))
    }

    /// The copies of a workload that shall run.
    pub fn wanted<'a>(&'a self, name: &'a WorkloadName) -> impl Iterator<Item = &'a Placement> {
        let placements = self.placements.values();
        placements.filter(move |copy| copy.workload == *name && copy.wanted())
    }

    fn placement(&mut self, id: &str, change: &Change) -> Done {
        let Ok(id) = id.parse::<PlacementId>() else { return Done::Nothing };
        let Some(after) = value::<Placement>(change) else {
            self.statuses.remove(&id);
            return self.placements.remove(&id).map_or(Done::Nothing, Done::Removed);
        };
        match self.placements.insert(id, after.clone()) {
            None => Done::Made(after),
            Some(before) => Done::Changed { before, after },
        }
    }

    fn placed(&mut self, id: &str, change: &Change) -> Done {
        let Ok(id) = id.parse::<PlacementId>() else { return Done::Nothing };
        let Some(after) = value::<PlacementStatus>(change) else { return Done::Nothing };
        let before = self.statuses.insert(id, after.clone());
        if after.phase == Phase::Completed
            && let Some(copy) = self.placements.get(&id)
            && let Some(workload) = self.workloads.get(&copy.workload)
            && matches!(workload.spec.run, Run::ToCompletion { .. })
        {
            self.completed.insert((copy.workload.clone(), copy.index));
        }
        Done::Told { id, before, after }
    }
}

fn keep<K: Ord + std::str::FromStr, V: DeserializeOwned>(
    map: &mut BTreeMap<K, V>,
    key: &str,
    change: &Change,
) {
    let Ok(key) = key.parse() else { return };
    match value(change) {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

/// What was written; none when it was deleted.
fn value<V: DeserializeOwned>(change: &Change) -> Option<V> {
    match change {
        Change::Put(entry) => {
            let key = &entry.key;
            let read = serde_json::from_slice(&entry.value);
            Some(read.unwrap_or_else(|error| panic!("{key} is no such record: {error}")))
        }
        Change::Delete(_) => None,
    }
}
