//! What is stored, beside what runs. The promises that hold at every moment are in `stored` and
//! `ran`, how it must stand in the end is in `end`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_model::{HostId, HostName, Instance, InstanceState, NativeId, PlacementId};
use tamer_store::{Event, Revision};

use super::disk::Witness;
use super::machine::Machine;
use super::records::Records;
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
    pub excused: BTreeSet<NativeId>,
    /// How often each was seen to begin to run.
    pub runs: BTreeMap<NativeId, u64>,
    /// Copies that did here what they had to do.
    pub finished: BTreeSet<PlacementId>,
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
            runs: BTreeMap::new(),
            finished: BTreeSet::new(),
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

    /// A copy did what it had to do.
    pub fn finish(&self, machine: &Machine, id: PlacementId) {
        if let Some(world) = self.books().worlds.get_mut(&machine.id) {
            world.finished.insert(id);
        }
    }

    /// How often an instance was seen to begin to run.
    pub fn runs_of(&self, machine: &Machine, id: &NativeId) -> u64 {
        let books = self.books();
        let world = books.worlds.get(&machine.id);
        world.and_then(|world| world.runs.get(id)).copied().unwrap_or_default()
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
    pub fn tell(&self, what: impl std::fmt::Display) {
        self.trace.tell(what);
    }

    pub fn broken(&self, promise: impl std::fmt::Display) {
        self.trace.broken(promise);
    }
}
