//! Placing what waits, one priority after the other.
//!
//! Whose turn it is matters only where something is scarce. So a priority's workloads are placed
//! one after the other at first, each with one search; only when a copy finds no host that it might
//! have had, all of that priority is done again with a copy each in turn.

use std::collections::BTreeMap;

use tamer_model::{Cause, PlacementId, StopCause, Why};

use super::draft::Draft;
use super::frame::Frame;
use super::preempt;
use super::score::POINT;
use super::search::{Found, Search, Wanted};
use super::searches::Searches;
use super::turns::{Turns, quotas};
use crate::desire::Demand;
use crate::state::{HostIx, Slot, WorkloadIx};
use crate::{Make, Queue, Stop};

/// A workload that wants places.
#[derive(Debug)]
pub struct Waiting {
    /// Which.
    pub ix: WorkloadIx,
    /// What for.
    pub demands: Vec<Demand>,
}

/// What is planned so far.
#[derive(Debug, Clone)]
pub struct Placer<'a> {
    /// The fleet as it will be.
    pub draft: Draft<'a>,
    /// Copies to make.
    pub make: Vec<Make>,
    /// Copies to stop, in favour of those.
    pub stop: Vec<Stop>,
    /// How many copies found no host.
    pub unplaced: BTreeMap<WorkloadIx, u32>,
    /// Not everything was looked at.
    pub more: bool,
    limit: usize,
    hosts: u32,
    /// Whoever is no more important than this finds nobody to push aside.
    least: u8,
}

impl<'a> Placer<'a> {
    /// Nothing is planned yet. At most `limit` copies will be made.
    pub fn new(draft: Draft<'a>, limit: usize) -> Self {
        let hosts = draft.fleet.hosts.told().count() as u32;
        let least = draft.fleet.workloads.least_priority();
        let (make, stop) = (Vec::new(), Vec::new());
        Self { draft, make, stop, unplaced: BTreeMap::new(), more: false, limit, hosts, least }
    }

    /// Places what waits, as far as there is room.
    pub fn place(&mut self, queue: Queue, waiting: Vec<Waiting>) {
        let mut levels: BTreeMap<u8, Vec<Waiting>> = BTreeMap::new();
        for one in waiting {
            let workload = self.draft.fleet.workloads.get(one.ix).workload.as_ref();
            let priority = workload.map_or(0, |workload| workload.spec.priority);
            levels.entry(priority).or_default().push(one);
        }
        for level in levels.values().rev() {
            let left = self.limit - self.make.len();
            let wanted: usize = level.iter().map(|one| one.demands.len()).sum();
            if left == 0 && wanted > 0 {
                self.more = true;
                return;
            }
            self.level(queue, level, left);
        }
    }

    fn level(&mut self, queue: Queue, level: &[Waiting], left: usize) {
        let before = (level.len() > 1).then(|| self.clone());
        let quotas = quotas(queue, self.draft.fleet, level, left);
        let mut scarce = false;
        for (one, quota) in level.iter().zip(&quotas) {
            scarce |= self.line(one.ix, &one.demands[..*quota]);
        }
        // The turns of those that found no host are for the others. All who can be placed are, or the
        // limit is met: a step that asks for another has made something.
        for (one, quota) in level.iter().zip(&quotas) {
            scarce |= self.line(one.ix, &one.demands[*quota..]);
        }
        if let Some(before) = before.filter(|_| scarce) {
            *self = before;
            self.in_turn(queue, level);
        }
    }

    /// One copy after the other, up to the limit. Says whether one found no host that others have.
    fn line(&mut self, ix: WorkloadIx, demands: &[Demand]) -> bool {
        let mut searches = Searches::new(&self.draft);
        let mut scarce = false;
        for demand in demands {
            if self.make.len() == self.limit {
                self.more = true;
                break;
            }
            scarce |= self.one(&mut searches, ix, demand) == Tried::Scarce;
        }
        scarce
    }

    /// A copy each in turn.
    fn in_turn(&mut self, queue: Queue, level: &[Waiting]) {
        let mut turns = Turns::new(queue, self.draft.fleet, level);
        let mut searches = Searches::new(&self.draft);
        while let Some((at, demand)) = turns.next() {
            if self.make.len() == self.limit {
                self.more = true;
                return;
            }
            let tried = self.one(&mut searches, level[at].ix, demand);
            turns.went(at, tried == Tried::Placed);
        }
    }

    fn one(&mut self, searches: &mut Searches<'a>, ix: WorkloadIx, demand: &Demand) -> Tried {
        let Some(frame) = Frame::new(self.draft.fleet, ix, demand.template) else {
            return Tried::Never;
        };
        let moves_none = demand.replaces.is_none() || frame.terms.spread.is_empty();
        let plain = demand.host.is_none() && demand.stops.is_none() && moves_none;
        let pushes = may_push(demand.cause) && frame.workload.spec.priority > self.least;
        // Where one found nothing the next finds nothing, unless something changed.
        let in_vain = plain.then(|| searches.in_vain(&frame, &self.draft, pushes)).flatten();
        if let Some(tried) = in_vain {
            *self.unplaced.entry(ix).or_default() += 1;
            return tried;
        }
        let search = searches.of(frame, &self.draft);
        let Some((found, victims)) = find(search, &self.draft, demand, pushes) else {
            let tried = if search.open.is_empty() { Tried::Never } else { Tried::Scarce };
            if plain && demand.avoid.is_empty() {
                searches.note(&frame, &self.draft, pushes, tried);
            }
            *self.unplaced.entry(ix).or_default() += 1;
            return tried;
        };
        for victim in victims {
            let seat = self.draft.fleet.placements.get(victim);
            let workload = self.draft.fleet.workloads.get(seat.workload).name.clone();
            self.stop.push(Stop { placement: seat.id, workload, cause: StopCause::Preempted });
            self.draft.part(victim, true);
        }
        let make = take(search, &mut self.draft, demand, found, self.hosts);
        let workload = make.workload.clone();
        self.stop.extend(demand.stops.map(|(placement, cause)| Stop {
            placement,
            workload,
            cause,
        }));
        self.make.push(make);
        Tried::Placed
    }
}

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It has a host.
    Placed,
    /// Others may have what it needs.
    Scarce,
    /// No host would do even if it were empty.
    Never,
}

fn find<'a>(
    search: &mut Search<'a>,
    draft: &Draft<'a>,
    demand: &Demand,
    pushes: bool,
) -> Option<(Found, Vec<Slot>)> {
    let fleet = draft.fleet;
    let avoid: Vec<HostIx> =
        demand.avoid.iter().filter_map(|host| fleet.hosts.find(*host)).collect();
    let host = match demand.host {
        Some(host) => Some(fleet.hosts.find(host)?),
        None => None,
    };
    let old = |id: Option<PlacementId>| fleet.placements.find(id?);
    let stops = old(demand.stops.map(|(id, _)| id));
    let replaces = stops.or_else(|| old(demand.replaces));
    let wanted = Wanted { host, avoid: &avoid, replaces, stops: stops.is_some() };
    if let Some(found) = search.pick(draft, wanted) {
        return Some((found, Vec::new()));
    }
    if pushes { preempt::best(search, draft, wanted) } else { None }
}

/// Whether a copy may push others aside: only one that is not there otherwise.
const fn may_push(cause: Cause) -> bool {
    match cause {
        Cause::Missing
        | Cause::Drained
        | Cause::HostLost
        | Cause::HostGone
        | Cause::Failed
        | Cause::Preempted => true,
        Cause::Canary | Cause::Updated | Cause::Unfitting | Cause::Rebalanced => false,
    }
}

/// Takes a host for a copy.
pub fn take<'a>(
    search: &mut Search<'a>,
    draft: &mut Draft<'a>,
    demand: &Demand,
    found: Found,
    hosts: u32,
) -> Make {
    let fleet = draft.fleet;
    let stops = demand.stops.and_then(|(id, _)| fleet.placements.find(id));
    let replaces = demand.replaces.and_then(|id| fleet.placements.find(id));
    if let Some(slot) = stops.or(replaces) {
        search.parted(draft, slot);
    }
    if let Some(slot) = stops {
        draft.part(slot, true);
    }
    let Frame { ix, need_ix, .. } = search.frame;
    draft.make(ix, found.host, need_ix);
    search.placed(found.host);
    let why =
        Why { cause: demand.cause, score: found.points / POINT, fitting: found.fitting, hosts };
    Make {
        workload: fleet.workloads.get(ix).name.clone(),
        index: demand.index,
        template: demand.template,
        host: fleet.hosts.get(found.host).id,
        why,
        replaces: demand.replaces,
    }
}
