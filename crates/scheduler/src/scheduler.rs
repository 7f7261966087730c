//! The state of a fleet, as the scheduler keeps it, and the step.

mod ask;
mod step;
mod tell;
mod terms;

use std::collections::BTreeSet;

use tamer_model::Timestamp;

use crate::Queue;
use crate::state::{Columns, HostIx, Hosts, Masks, Needs, Placements, WorkloadIx, Workloads};

/// What is known of hosts, workloads and placements. It is told of changes, and works out what is
/// to be done about them. A clone is a fork for asking "what if".
#[derive(Debug, Clone)]
pub struct Scheduler {
    pub(crate) fleet: Fleet,
    queue: Queue,
    /// Workloads that something happened to.
    touched: BTreeSet<WorkloadIx>,
    /// Those of them for which nothing can be done, as the last step saw: they are forgotten when the
    /// next change is told or time goes on, so that a step done twice is the same.
    idle: BTreeSet<WorkloadIx>,
    stepped_at: Timestamp,
    /// Workloads that are looked at though nothing happens, and when.
    due: BTreeSet<(Timestamp, WorkloadIx)>,
    /// Workloads of which copies have no host.
    starved: BTreeSet<WorkloadIx>,
    /// Workloads that run on every host.
    everywhere: BTreeSet<WorkloadIx>,
    /// Hosts that may take now what they could not take before.
    opened: BTreeSet<HostIx>,
    /// Hosts that are set aside, and until when.
    aside: BTreeSet<(Timestamp, HostIx)>,
}

/// The tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fleet {
    pub(crate) hosts: Hosts,
    pub(crate) workloads: Workloads,
    pub(crate) placements: Placements,
    pub(crate) needs: Needs,
    pub(crate) masks: Masks,
    pub(crate) columns: Columns,
}

impl Scheduler {
    /// Of an empty fleet. `seed` decides between hosts that are equally good.
    pub fn new(seed: u64, queue: Queue) -> Self {
        let fleet = Fleet { hosts: Hosts::new(seed), ..Fleet::default() };
        Self {
            fleet,
            queue,
            touched: BTreeSet::new(),
            idle: BTreeSet::new(),
            stepped_at: Timestamp::default(),
            due: BTreeSet::new(),
            starved: BTreeSet::new(),
            everywhere: BTreeSet::new(),
            opened: BTreeSet::new(),
            aside: BTreeSet::new(),
        }
    }

    /// Everything is looked at in the next step.
    pub fn touch_all(&mut self) {
        self.idle.clear();
        self.touched.extend(self.fleet.workloads.told().map(|(ix, ..)| ix));
    }

    /// Forgets those for which nothing could be done.
    fn forget_idle(&mut self) {
        for ix in std::mem::take(&mut self.idle) {
            self.touched.remove(&ix);
        }
    }

    /// How many placements it knows.
    pub fn placements(&self) -> usize {
        self.fleet.placements.len()
    }
}
