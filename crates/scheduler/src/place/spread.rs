//! How many copies of a workload each value of its labels has.

use std::collections::HashSet;

use tamer_model::PlacementId;

use super::draft::Draft;
use super::frame::{Barrier, Frame};
use crate::state::{Bits, HostIx, List, Seat, Slot};

/// The counts, one table for each spread.
#[derive(Debug)]
pub struct Counts {
    tables: Vec<Table>,
    /// Copies in whose place others come: only the others count.
    replaced: HashSet<PlacementId>,
}

#[derive(Debug)]
struct Table {
    /// By value.
    copies: Vec<u32>,
    /// The values of hosts that would do if they were empty: the fewest copies are among these.
    values: Vec<u32>,
    fewest: u32,
}

impl Counts {
    /// Of a workload's copies that shall run, with what the draft makes.
    pub fn new(frame: &Frame<'_>, draft: &Draft<'_>, open: &Bits) -> Self {
        let spread = &frame.terms.spread;
        let columns = &frame.fleet.columns;
        let tables = spread.iter().map(|spread| {
            let mut there = vec![false; columns.values(spread.column)];
            for host in open.iter() {
                there[columns.value(spread.column, host) as usize] = true;
            }
            let values = (0..).zip(there).filter(|(_, there)| *there).map(|(value, _)| value);
            let values = values.collect();
            Table { copies: Vec::new(), values, fewest: 0 }
        });
        let mut counts = Self { tables: tables.collect(), replaced: HashSet::new() };
        if spread.is_empty() {
            return counts;
        }
        let seats = || {
            let head = frame.fleet.workloads.get(frame.ix).head;
            frame.fleet.placements.of(List::Workload, head)
        };
        let wanted = seats().filter(|(_, seat)| seat.wanted());
        counts.replaced = wanted.filter_map(|(_, seat)| seat.replaces).collect();
        for (slot, seat) in seats() {
            if counts.counted(draft, slot, seat) {
                counts.change(frame, seat.host, 1);
            }
        }
        for host in draft.made(frame.ix) {
            counts.change(frame, *host, 1);
        }
        counts.tables.iter_mut().for_each(Table::settle);
        counts
    }

    /// What the spreads give to a combination of values; none when it would have too many copies.
    pub fn points(&self, frame: &Frame<'_>, values: &[u32]) -> Option<i32> {
        let mut points = 0;
        let spreads = frame.terms.spread.iter().zip(&self.tables).zip(values);
        for ((spread, table), value) in spreads {
            let more = table.more(*value);
            if spread.max_skew.is_some_and(|most| more >= most) {
                return None;
            }
            points += frame.scale.spread(spread.weight, more);
        }
        Some(points)
    }

    /// The spreads for which a host's value has too many copies already.
    pub fn skewed(&self, frame: &Frame<'_>, host: HostIx) -> impl Iterator<Item = Barrier> {
        let columns = &frame.fleet.columns;
        let spreads = frame.terms.spread.iter().zip(&self.tables).enumerate();
        spreads.filter_map(move |(at, (spread, table))| {
            let more = table.more(columns.value(spread.column, host));
            spread.max_skew.is_some_and(|most| more >= most).then_some(Barrier::Skew(at))
        })
    }

    /// What one spread gives to a host.
    pub fn part(&self, frame: &Frame<'_>, at: usize, host: HostIx) -> i32 {
        let spread = &frame.terms.spread[at];
        let value = frame.fleet.columns.value(spread.column, host);
        frame.scale.spread(spread.weight, self.tables[at].more(value))
    }

    /// A copy comes to be at a host.
    pub fn add(&mut self, frame: &Frame<'_>, host: HostIx) {
        self.change(frame, host, 1);
        self.tables.iter_mut().for_each(Table::settle);
    }

    /// A copy goes, if it counts. Says whether it does.
    pub fn release(&mut self, frame: &Frame<'_>, draft: &Draft<'_>, slot: Slot) -> bool {
        let seat = frame.fleet.placements.get(slot);
        let counted = !self.tables.is_empty() && self.counted(draft, slot, seat);
        if counted {
            self.change(frame, seat.host, -1);
            self.tables.iter_mut().for_each(Table::settle);
        }
        counted
    }

    /// A copy that went is there again.
    pub fn restore(&mut self, frame: &Frame<'_>, slot: Slot) {
        self.add(frame, frame.fleet.placements.get(slot).host);
    }

    fn counted(&self, draft: &Draft<'_>, slot: Slot, seat: &Seat) -> bool {
        draft.is_wanted(slot, seat) && !self.replaced.contains(&seat.id)
    }

    fn change(&mut self, frame: &Frame<'_>, host: HostIx, by: i32) {
        for (spread, table) in frame.terms.spread.iter().zip(&mut self.tables) {
            let value = frame.fleet.columns.value(spread.column, host) as usize;
            if table.copies.len() <= value {
                table.copies.resize(value + 1, 0);
            }
            table.copies[value] = table.copies[value].saturating_add_signed(by);
        }
    }
}

impl Table {
    fn count(&self, value: u32) -> u32 {
        self.copies.get(value as usize).copied().unwrap_or_default()
    }

    fn more(&self, value: u32) -> u32 {
        self.count(value).saturating_sub(self.fewest)
    }

    fn settle(&mut self) {
        let fewest = self.values.iter().map(|value| self.count(*value)).min();
        self.fewest = fewest.unwrap_or_default();
    }
}
