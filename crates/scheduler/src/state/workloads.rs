//! Workloads: what was told of them, in terms of the tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tamer_model::{Timestamp, Workload, WorkloadName};

use super::placements::Head;
use super::{ColumnIx, MaskIx, NeedIx, WorkloadIx};
use crate::Unplaced;

/// A workload.
#[derive(Debug, Clone)]
pub struct WorkloadRecord {
    /// Its name.
    pub name: WorkloadName,
    /// What was told; none when it is not there, though others name it or copies are said to be
    /// its.
    pub workload: Option<Arc<Workload>>,
    /// Where its copies may go and what is better.
    pub terms: Terms,
    /// What copies take, by version.
    pub templates: BTreeMap<u32, NeedIx>,
    /// Its placements.
    pub head: Head,
    /// What its placements take: how many take the same.
    pub held: BTreeMap<NeedIx, u32>,
    /// Workloads that name it: what becomes of its copies concerns them.
    pub named_by: BTreeSet<WorkloadIx>,
    /// The copies that found no host when it was looked at last.
    pub unplaced: Option<Unplaced>,
    /// When it is looked at though nothing happens.
    pub due: Option<Timestamp>,
    /// When it was last seen to be balanced.
    pub balanced: Option<Timestamp>,
}

/// Where copies may go and what is better.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// What a copy of the newest version takes.
    pub need: Option<NeedIx>,
    /// What must hold.
    pub constraints: Vec<MaskIx>,
    /// What is better, or worse, and how much.
    pub affinity: Vec<(Likes, i8)>,
    /// Over what it is spread.
    pub spread: Vec<Spreading>,
    /// Whose copies must be there.
    pub with: Vec<WorkloadIx>,
    /// Whose copies must not be there.
    pub apart_from: Vec<WorkloadIx>,
}

/// What an affinity looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likes {
    /// Hosts that are meant.
    Hosts(MaskIx),
    /// Hosts with a copy of it.
    Workload(WorkloadIx),
}

/// A spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spreading {
    /// Over what.
    pub column: ColumnIx,
    /// How much it counts.
    pub weight: u8,
    /// How many more copies one value may have than another.
    pub max_skew: Option<u32>,
}

/// All workloads. A record stays while it is named by others or copies are said to be its.
#[derive(Debug, Clone, Default)]
pub struct Workloads {
    all: Vec<WorkloadRecord>,
    by_name: HashMap<WorkloadName, WorkloadIx>,
    free: Vec<WorkloadIx>,
}

impl Workloads {
    /// The place of a workload; one is made for those that were never told of.
    pub fn place(&mut self, name: &WorkloadName) -> WorkloadIx {
        if let Some(ix) = self.by_name.get(name) {
            return *ix;
        }
        let record = WorkloadRecord {
            name: name.clone(),
            workload: None,
            terms: Terms::default(),
            templates: BTreeMap::new(),
            head: Head::default(),
            held: BTreeMap::new(),
            named_by: BTreeSet::new(),
            unplaced: None,
            due: None,
            balanced: None,
        };
        let ix = match self.free.pop() {
            Some(ix) => {
                self.all[ix.at()] = record;
                ix
            }
            None => {
                self.all.push(record);
                WorkloadIx(self.all.len() as u32 - 1)
            }
        };
        self.by_name.insert(name.clone(), ix);
        ix
    }

    /// Forgets one that is not there any more, that nobody names and of which there is no copy.
    pub fn tidy(&mut self, ix: WorkloadIx) {
        let record = &self.all[ix.at()];
        let unused = record.workload.is_none()
            && record.head.is_empty()
            && record.named_by.is_empty()
            && record.templates.is_empty();
        if unused && self.by_name.remove(&record.name).is_some() {
            self.free.push(ix);
        }
    }

    /// Where a workload is.
    pub fn find(&self, name: &WorkloadName) -> Option<WorkloadIx> {
        self.by_name.get(name).copied()
    }

    /// One of them.
    pub fn get(&self, ix: WorkloadIx) -> &WorkloadRecord {
        &self.all[ix.at()]
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, ix: WorkloadIx) -> &mut WorkloadRecord {
        &mut self.all[ix.at()]
    }

    /// The lowest priority of those with copies; copies whose workload was never told of have the
    /// lowest there is. The highest of all where there is no copy.
    pub fn least_priority(&self) -> u8 {
        let held = self.all.iter().filter(|record| !record.head.is_empty());
        let priority = |record: &WorkloadRecord| {
            record.workload.as_ref().map_or(0, |workload| workload.spec.priority)
        };
        held.map(priority).min().unwrap_or(u8::MAX)
    }

    /// Those that were told of.
    pub fn told(&self) -> impl Iterator<Item = (WorkloadIx, &WorkloadRecord, &Arc<Workload>)> {
        let all = self.all.iter().enumerate();
        all.filter_map(|(at, record)| {
            Some((WorkloadIx(at as u32), record, record.workload.as_ref()?))
        })
    }
}

impl WorkloadRecord {
    /// What a copy of a version takes: what was told of that version, or else the newest one's.
    pub fn need(&self, template: u32) -> Option<NeedIx> {
        self.templates.get(&template).copied().or(self.terms.need)
    }
}
