//! What a plan changes, over the tables as they are: nothing in the tables moves until it is stored.

use std::collections::HashMap;

use tamer_model::Timestamp;

use crate::scheduler::Fleet;
use crate::state::{Bits, HostIx, List, NeedIx, Seat, Slot, Usage, WorkloadIx};

/// The fleet with the plan's changes so far.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The tables.
    pub fleet: &'a Fleet,
    /// When this is.
    pub now: Timestamp,
    /// By host: its place in `changed`, plus 1; 0: as in the tables.
    at: Vec<u32>,
    changed: Vec<Changed>,
    /// Copies that shall not run any more, and whether what they take counts as free.
    parting: HashMap<Slot, bool>,
    /// Where copies were made, by workload.
    made: HashMap<WorkloadIx, Vec<HostIx>>,
    /// Hosts in the order in which they changed.
    log: Vec<HostIx>,
}

#[derive(Debug, Clone)]
struct Changed {
    usage: Usage,
    made: Vec<WorkloadIx>,
}

impl<'a> Draft<'a> {
    /// No changes yet.
    pub fn new(fleet: &'a Fleet, now: Timestamp) -> Self {
        Self {
            fleet,
            now,
            at: vec![0; fleet.hosts.places()],
            changed: Vec::new(),
            parting: HashMap::new(),
            made: HashMap::new(),
            log: Vec::new(),
        }
    }

    /// What is left of a host.
    pub fn usage(&self, host: HostIx) -> &Usage {
        match self.at[host.at()].checked_sub(1) {
            Some(at) => &self.changed[at as usize].usage,
            None => self.fleet.hosts.usage(host),
        }
    }

    /// What would be left of a host if some of its copies were gone.
    pub fn without(&self, host: HostIx, slots: &[Slot]) -> Usage {
        let mut usage = self.usage(host).clone();
        for slot in slots {
            let seat = self.fleet.placements.get(*slot);
            if seat.host == host && self.is_there(*slot, seat) {
                usage.give(self.fleet.needs.get(seat.need));
            }
        }
        usage
    }

    /// A copy comes to be there.
    pub fn make(&mut self, workload: WorkloadIx, host: HostIx, need: NeedIx) {
        let need = self.fleet.needs.get(need);
        let changed = self.change(host);
        changed.usage.take(need);
        changed.made.push(workload);
        self.made.entry(workload).or_default().push(host);
        self.log.push(host);
    }

    /// A copy shall not run any more. `freed`: what it takes counts as free from now on, because
    /// what comes in its place waits for it.
    pub fn part(&mut self, slot: Slot, freed: bool) {
        let before = self.parting.insert(slot, freed);
        let seat = self.fleet.placements.get(slot);
        if freed && before != Some(true) && seat.takes() {
            let need = self.fleet.needs.get(seat.need);
            self.change(seat.host).usage.give(need);
        }
        self.log.push(seat.host);
    }

    /// Whether a copy shall run, as far as the plan goes.
    pub fn is_wanted(&self, slot: Slot, seat: &Seat) -> bool {
        seat.wanted() && seat.takes() && !self.parting.contains_key(&slot)
    }

    /// Whether a copy is there, or will be until what comes in its place has begun.
    pub fn is_there(&self, slot: Slot, seat: &Seat) -> bool {
        seat.takes() && self.parting.get(&slot) != Some(&true)
    }

    /// Whether a host has a copy of a workload, apart from some.
    pub fn has(&self, workload: WorkloadIx, host: HostIx, how: Has, without: &[Slot]) -> bool {
        let made = self.at[host.at()]
            .checked_sub(1)
            .is_some_and(|at| self.changed[at as usize].made.contains(&workload));
        let mut seats = self.fleet.placements.of(List::Host, self.fleet.hosts.get(host).head);
        made || seats.any(|(slot, seat)| {
            seat.workload == workload && !without.contains(&slot) && self.counts(how, slot, seat)
        })
    }

    /// The hosts that have a copy of a workload.
    pub fn hosts_with(&self, workload: WorkloadIx, how: Has) -> Bits {
        let mut hosts = Bits::default();
        let head = self.fleet.workloads.get(workload).head;
        let seats = self.fleet.placements.of(List::Workload, head);
        for (_, seat) in seats.filter(|(slot, seat)| self.counts(how, *slot, seat)) {
            hosts.set(seat.host, true);
        }
        for host in self.made(workload) {
            hosts.set(*host, true);
        }
        hosts
    }

    /// Where the plan makes copies of a workload.
    pub fn made(&self, workload: WorkloadIx) -> &[HostIx] {
        self.made.get(&workload).map_or(&[], Vec::as_slice)
    }

    /// The hosts that changed since so many changes.
    pub fn changes(&self, since: usize) -> &[HostIx] {
        &self.log[since..]
    }

    /// How many changes there were.
    pub const fn changed(&self) -> usize {
        self.log.len()
    }

    fn counts(&self, how: Has, slot: Slot, seat: &Seat) -> bool {
        match how {
            Has::Wanted => self.is_wanted(slot, seat),
            Has::There => self.is_there(slot, seat),
        }
    }

    fn change(&mut self, host: HostIx) -> &mut Changed {
        let at = match self.at[host.at()].checked_sub(1) {
            Some(at) => at as usize,
            None => {
                let usage = self.fleet.hosts.usage(host).clone();
                self.changed.push(Changed { usage, made: Vec::new() });
                self.at[host.at()] = self.changed.len() as u32;
                self.changed.len() - 1
            }
        };
        &mut self.changed[at]
    }
}

/// Which copies are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {
    /// Those that shall run: whoever is to be where they are goes there.
    Wanted,
    /// Those that are there, also when they are to stop: whoever is to be away from them waits.
    There,
}
