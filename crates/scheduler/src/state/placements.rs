//! Placements: one compact record each, in a list of their host's and a list of their workload's.

use std::collections::HashMap;

use tamer_model::{Phase, Placement, PlacementId, Timestamp, Why, Wish};

use super::{HostIx, NeedIx, Slot, WorkloadIx};
use crate::desire::Told;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// One placement.
#[derive(Debug, Clone)]
pub struct Seat {
    /// When it was decided.
    pub made_at: Timestamp,
    /// What shall become of it.
    pub wish: Wish,
    /// Why there.
    pub why: Why,
    /// Which workload.
    pub workload: WorkloadIx,
    /// Where.
    pub host: HostIx,
    /// What it takes.
    pub need: NeedIx,
    /// Which copy.
    pub index: u32,
    /// The version that it is made of.
    pub template: u32,
    /// What its host tells of it.
    pub told: Option<Told>,
    on_host: Links,
    of_workload: Links,
    /// Its id.
    pub id: PlacementId,
    /// The copy whose place it takes.
    pub replaces: Option<PlacementId>,
}

/// Its neighbours in a list.
#[derive(Debug, Clone, Copy)]
struct Links {
    before: u32,
    after: u32,
}

/// The first of a list.
#[derive(Debug, Clone, Copy)]
pub struct Head(u32);

impl Default for Head {
    fn default() -> Self {
        Self(NONE)
    }
}

/// All placements.
#[derive(Debug, Clone, Default)]
pub struct Placements {
    all: Vec<Option<Seat>>,
    free: Vec<Slot>,
    by_id: HashMap<PlacementId, Slot>,
}

/// Which of the two lists that a placement is in.
#[derive(Debug, Clone, Copy)]
pub enum List {
    /// Its host's.
    Host,
    /// Its workload's.
    Workload,
}

impl Placements {
    /// Where a placement is.
    pub fn find(&self, id: PlacementId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// One that is there.
    pub fn get(&self, slot: Slot) -> &Seat {
        self.all[slot.at()].as_ref().expect("a slot is named only while its placement is there")
    }

    fn get_mut(&mut self, slot: Slot) -> &mut Seat {
        self.all[slot.at()].as_mut().expect("a slot is named only while its placement is there")
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Puts one in that is not there yet, into both lists.
    pub fn add(&mut self, seat: Seat, heads: [&mut Head; 2]) -> Slot {
        let id = seat.id;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                // By an eighth, not by doubling: the table is most of the scheduler's memory.
                if self.all.len() == self.all.capacity() {
                    self.all.reserve_exact((self.all.len() / 8).max(64));
                }
                self.all.push(None);
                Slot(self.all.len() as u32 - 1)
            }
        };
        self.all[slot.at()] = Some(seat);
        self.by_id.insert(id, slot);
        let [host, workload] = heads;
        self.link(List::Host, host, slot);
        self.link(List::Workload, workload, slot);
        slot
    }

    /// Takes one out of both lists.
    pub fn take(&mut self, slot: Slot, heads: [&mut Head; 2]) -> Seat {
        let [host, workload] = heads;
        self.unlink(List::Host, host, slot);
        self.unlink(List::Workload, workload, slot);
        let seat = self.all[slot.at()].take().expect("it was in two lists");
        self.by_id.remove(&seat.id);
        self.free.push(slot);
        seat
    }

    /// What changes of one in place.
    pub fn change(&mut self, slot: Slot, wish: Wish, told: Option<Told>) {
        let seat = self.get_mut(slot);
        (seat.wish, seat.told) = (wish, told);
    }

    /// The placements of a list, newest first: in no order that a decision may hang on.
    pub fn of(&self, list: List, head: Head) -> impl Iterator<Item = (Slot, &Seat)> {
        let mut at = head.0;
        std::iter::from_fn(move || {
            let slot = (at != NONE).then_some(Slot(at))?;
            let seat = self.get(slot);
            at = seat.links(list).after;
            Some((slot, seat))
        })
    }

    fn link(&mut self, list: List, head: &mut Head, slot: Slot) {
        *self.get_mut(slot).links_mut(list) = Links { before: NONE, after: head.0 };
        if head.0 != NONE {
            self.get_mut(Slot(head.0)).links_mut(list).before = slot.0;
        }
        head.0 = slot.0;
    }

    fn unlink(&mut self, list: List, head: &mut Head, slot: Slot) {
        let Links { before, after } = *self.get(slot).links(list);
        match before {
            NONE => head.0 = after,
            before => self.get_mut(Slot(before)).links_mut(list).after = after,
        }
        if after != NONE {
            self.get_mut(Slot(after)).links_mut(list).before = before;
        }
    }
}

impl Head {
    /// Whether the list is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == NONE
    }
}

impl Seat {
    /// One that is in no list yet.
    pub fn new(
        placement: &Placement,
        told: Option<Told>,
        (host, workload, need): (HostIx, WorkloadIx, NeedIx),
    ) -> Self {
        // Its workload and its host are given as places in the tables.
        let &Placement { id, workload: _, index, template, host: _, made_at, why, replaces, wish } =
            placement;
        let alone = Links { before: NONE, after: NONE };
        Self {
            made_at,
            wish,
            why,
            workload,
            host,
            need,
            index,
            template,
            told,
            on_host: alone,
            of_workload: alone,
            id,
            replaces,
        }
    }

    /// Whether it shall run.
    pub const fn wanted(&self) -> bool {
        matches!(self.wish, Wish::Run)
    }

    /// Whether it takes what it needs: a copy that ran to its end, or whose instance is gone, does
    /// not.
    pub fn takes(&self) -> bool {
        !self.told.is_some_and(|told| matches!(told.phase, Phase::Completed | Phase::Gone))
    }

    const fn links(&self, list: List) -> &Links {
        match list {
            List::Host => &self.on_host,
            List::Workload => &self.of_workload,
        }
    }

    const fn links_mut(&mut self, list: List) -> &mut Links {
        match list {
            List::Host => &mut self.on_host,
            List::Workload => &mut self.of_workload,
        }
    }
}
