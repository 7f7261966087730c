//! The search for hosts for one workload's copies.
//!
//! Begun once for all copies that take the same, in one pass over the hosts: the constraints are
//! bits that were worked out when hosts or workloads changed, the room is a few comparisons. Hosts
//! that fit wait in heaps, a heap for each combination of values that the workload is spread over,
//! ordered by what does not depend on the spread. A pick looks at the top of each heap; what was
//! picked is weighed anew and goes back. Others' changes of hosts are caught up from the draft's
//! log. For H hosts, V combinations of values and K copies: O(H + K (V + log H)).

use std::collections::{BinaryHeap, HashMap};

use super::draft::{Draft, Has};
use super::frame::Frame;
use super::spread::Counts;
use crate::state::{Bits, HostIx, Slot, WorkloadIx};

/// No candidate.
const NEVER: i32 = i32::MIN;

/// A search.
#[derive(Debug)]
pub struct Search<'a> {
    /// Who asks.
    pub frame: Frame<'a>,
    /// Hosts that would do if they were empty.
    pub open: Bits,
    /// Whom the workload keeps away from, or who keeps away from it.
    pub apart: Vec<WorkloadIx>,
    /// How many copies each value has.
    pub counts: Counts,
    /// By host: its points without the spread.
    points: Vec<i32>,
    cell_of: Vec<u32>,
    cells: Vec<Cell>,
    fitting: u32,
    seen: usize,
}

/// The hosts of one combination of values.
#[derive(Debug)]
struct Cell {
    values: Vec<u32>,
    heap: BinaryHeap<Entry>,
}

/// A host in a heap. It stands for the host while it has the host's points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    points: i32,
    rank: u64,
    host: HostIx,
}

/// The copy that is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'d> {
    /// The only host that will do.
    pub host: Option<HostIx>,
    /// Hosts that will not do.
    pub avoid: &'d [HostIx],
    /// The copy whose place it takes.
    pub replaces: Option<Slot>,
    /// Whether that one stops first, so that its room counts as free.
    pub stops: bool,
}

/// A host that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub host: HostIx,
    /// Its points, in thousandths.
    pub points: i32,
    /// How many hosts fitted.
    pub fitting: u32,
}

impl<'a> Search<'a> {
    /// Looks at every host once.
    pub fn new(frame: Frame<'a>, draft: &Draft<'a>) -> Self {
        let open = frame.open(draft);
        let places = frame.fleet.hosts.places();
        let mut search = Self {
            frame,
            apart: frame.apart(),
            counts: Counts::new(&frame, draft, &open),
            points: vec![NEVER; places],
            cell_of: vec![0; places],
            cells: Vec::new(),
            fitting: 0,
            seen: draft.changed(),
            open,
        };
        search.divide();
        search.fill(draft);
        search
    }

    /// The best host for a copy.
    pub fn pick(&mut self, draft: &Draft<'a>, wanted: Wanted<'_>) -> Option<Found> {
        self.catch_up(draft);
        let counted = wanted.replaces.filter(|slot| self.counts.release(&self.frame, draft, *slot));
        let stops: Vec<Slot> = wanted.replaces.filter(|_| wanted.stops).into_iter().collect();
        let found = match wanted.host {
            Some(host) => self.look(draft, host, &stops),
            None => {
                // Where it leaves there is room for what comes in its place.
                let old = stops.first().map(|slot| self.frame.fleet.placements.get(*slot).host);
                let avoid: Vec<_> = wanted.avoid.iter().copied().chain(old).collect();
                let old = old.filter(|old| !wanted.avoid.contains(old));
                let old = old.and_then(|old| self.look(draft, old, &stops));
                self.best(&avoid).into_iter().chain(old).max_by_key(|found| self.order(found))
            }
        };
        if let Some(slot) = counted {
            self.counts.restore(&self.frame, slot);
        }
        found
    }

    /// One host, if some copies there were gone.
    pub fn try_host(
        &mut self,
        draft: &Draft<'a>,
        host: HostIx,
        wanted: Wanted<'_>,
        victims: &[Slot],
    ) -> Option<Found> {
        let counted = wanted.replaces.filter(|slot| self.counts.release(&self.frame, draft, *slot));
        let mut without = victims.to_vec();
        without.extend(wanted.replaces.filter(|_| wanted.stops));
        let found = self.look(draft, host, &without);
        if let Some(slot) = counted {
            self.counts.restore(&self.frame, slot);
        }
        found
    }

    /// One host, looked at by itself, if some copies there were gone.
    pub fn look(&self, draft: &Draft<'a>, host: HostIx, without: &[Slot]) -> Option<Found> {
        if !self.open.has(host) || !self.frame.takes(draft, host, &self.apart, without) {
            return None;
        }
        let cell = &self.cells[self.cell_of[host.at()] as usize];
        let spread = self.counts.points(&self.frame, &cell.values)?;
        let points = self.frame.points(draft, host, without) + spread;
        let new = u32::from(self.points[host.at()] == NEVER);
        Some(Found { host, points, fitting: self.fitting + new })
    }

    fn best(&mut self, avoid: &[HostIx]) -> Option<Found> {
        let mut best: Option<Found> = None;
        for at in 0..self.cells.len() {
            let Some(spread) = self.counts.points(&self.frame, &self.cells[at].values) else {
                continue;
            };
            let Some(top) = self.top(at, avoid) else { continue };
            let found =
                Found { host: top.host, points: top.points + spread, fitting: self.fitting };
            if best.as_ref().is_none_or(|best| self.order(best) < self.order(&found)) {
                best = Some(found);
            }
        }
        best
    }

    /// The best of a heap that is not to be avoided.
    fn top(&mut self, cell: usize, avoid: &[HostIx]) -> Option<Entry> {
        let heap = &mut self.cells[cell].heap;
        let mut passed = Vec::new();
        let mut found = None;
        while let Some(top) = heap.peek() {
            if self.points[top.host.at()] != top.points {
                heap.pop();
            } else if avoid.contains(&top.host) {
                passed.extend(heap.pop());
            } else {
                found = Some(*top);
                break;
            }
        }
        heap.extend(passed);
        found
    }

    /// Hosts in order, the better the later.
    pub fn order(&self, found: &Found) -> (i32, u64) {
        (found.points, self.frame.fleet.hosts.get(found.host).rank)
    }

    /// The points that a copy has where it is. In thousandths.
    pub fn stays(&mut self, draft: &Draft<'a>, slot: Slot) -> i32 {
        let host = self.frame.fleet.placements.get(slot).host;
        let counted = self.counts.release(&self.frame, draft, slot);
        let cell = &self.cells[self.cell_of[host.at()] as usize];
        let spread = self.counts.points(&self.frame, &cell.values).unwrap_or_default();
        if counted {
            self.counts.restore(&self.frame, slot);
        }
        self.frame.points(draft, host, &[slot]) + spread
    }

    /// A copy was made at a host: its value has one more.
    pub fn placed(&mut self, host: HostIx) {
        self.counts.add(&self.frame, host);
    }

    /// A copy shall not run any more.
    pub fn parted(&mut self, draft: &Draft<'a>, slot: Slot) {
        self.counts.release(&self.frame, draft, slot);
    }

    /// Weighs anew what changed.
    fn catch_up(&mut self, draft: &Draft<'a>) {
        let from = std::mem::replace(&mut self.seen, draft.changed());
        for host in draft.changes(from) {
            self.weigh(draft, *host);
        }
    }

    fn weigh(&mut self, draft: &Draft<'a>, host: HostIx) {
        if !self.open.has(host) {
            return;
        }
        let fits = self.frame.takes(draft, host, &self.apart, &[]);
        let points = if fits { self.frame.points(draft, host, &[]) } else { NEVER };
        let before = std::mem::replace(&mut self.points[host.at()], points);
        self.fitting = self.fitting + u32::from(fits) - u32::from(before != NEVER);
        if fits && before != points {
            let rank = self.frame.fleet.hosts.get(host).rank;
            self.cells[self.cell_of[host.at()] as usize].heap.push(Entry { points, rank, host });
        }
    }

    /// Divides the hosts by their values.
    fn divide(&mut self) {
        self.cells.push(Cell { values: Vec::new(), heap: BinaryHeap::new() });
        let columns = &self.frame.fleet.columns;
        for spread in &self.frame.terms.spread {
            let mut next = Next::new(self.cells.len(), columns.values(spread.column));
            let mut cells: Vec<Cell> = Vec::new();
            for host in self.open.iter() {
                let (before, value) = (self.cell_of[host.at()], columns.value(spread.column, host));
                let cell = next.of(before, value);
                if *cell == UNKNOWN {
                    *cell = cells.len() as u32;
                    let mut values = self.cells[before as usize].values.clone();
                    values.push(value);
                    cells.push(Cell { values, heap: BinaryHeap::new() });
                }
                self.cell_of[host.at()] = *cell;
            }
            // Where no host would do there is one cell, which nobody is in.
            if !cells.is_empty() {
                self.cells = cells;
            }
        }
    }

    /// Weighs every host, with what others have where worked out for all hosts at once.
    fn fill(&mut self, draft: &Draft<'a>) {
        let frame = self.frame;
        let mut open = self.open.clone();
        for other in &frame.terms.with {
            open.keep(&draft.hosts_with(*other, Has::Wanted));
        }
        let mut away: Vec<Bits> =
            self.apart.iter().map(|other| draft.hosts_with(*other, Has::There)).collect();
        if frame.runs_everywhere() {
            away.push(draft.hosts_with(frame.ix, Has::Wanted));
        }
        for host in away.iter().flat_map(Bits::iter) {
            open.set(host, false);
        }
        let likes = frame.likes(draft);
        let mut heaps: Vec<Vec<Entry>> = self.cells.iter().map(|_| Vec::new()).collect();
        for host in open.iter() {
            if !frame.room(draft, host, &[]) {
                continue;
            }
            let points = frame.points_among(draft, host, &likes);
            let rank = frame.fleet.hosts.get(host).rank;
            self.points[host.at()] = points;
            heaps[self.cell_of[host.at()] as usize].push(Entry { points, rank, host });
            self.fitting += 1;
        }
        for (cell, entries) in self.cells.iter_mut().zip(heaps) {
            cell.heap = BinaryHeap::from(entries);
        }
    }
}

/// No cell yet.
const UNKNOWN: u32 = u32::MAX;
/// Up to so many combinations have a table; more are hashed.
const TABLE: usize = 1 << 16;

/// The cells of combinations with one value more.
enum Next {
    Table { values: usize, cells: Vec<u32> },
    Hashed(HashMap<(u32, u32), u32>),
}

impl Next {
    fn new(before: usize, values: usize) -> Self {
        match before.saturating_mul(values) {
            size @ 0..=TABLE => Self::Table { values, cells: vec![UNKNOWN; size] },
            _ => Self::Hashed(HashMap::new()),
        }
    }

    fn of(&mut self, before: u32, value: u32) -> &mut u32 {
        match self {
            Self::Table { values, cells } => &mut cells[before as usize * *values + value as usize],
            Self::Hashed(cells) => cells.entry((before, value)).or_insert(UNKNOWN),
        }
    }
}
