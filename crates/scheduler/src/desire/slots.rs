//! Copies put together by their place: by index, or by host for what runs on every host.

use tamer_model::{HostId, PlacementId, StopCause};

use super::judge::{Judged, State, Terms};
use super::pair::{Hold, Verdict, pair, worth};

/// What a copy is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Index(u32),
    Host(HostId),
}

/// A place that is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'a> {
    pub index: u32,
    pub hold: Hold<'a>,
}

/// All places of a workload's copies.
#[derive(Debug, Default)]
pub(super) struct Slots<'a> {
    /// Those that are held, in order.
    pub held: Vec<Slot<'a>>,
    /// The last copies of those that are not.
    pub dead: Vec<Judged<'a>>,
    /// Indices that are done.
    pub done: Vec<u32>,
    /// Copies that are to stop, whatever else happens.
    pub stops: Vec<(PlacementId, StopCause)>,
}

impl Terms<'_> {
    pub(super) fn place(&self, copy: &Judged<'_>) -> Place {
        if self.every_host() { Place::Host(copy.view.host) } else { Place::Index(copy.view.index) }
    }

    /// The copies of each place.
    pub(super) fn groups<'b, 'a>(
        &self,
        judged: &'b [Judged<'a>],
    ) -> impl Iterator<Item = &'b [Judged<'a>]> {
        judged.chunk_by(|a, b| self.place(a) == self.place(b))
    }
}

impl<'a> Slots<'a> {
    /// `judged`: in the order of their places.
    pub(super) fn new(terms: &Terms<'_>, judged: &[Judged<'a>]) -> Self {
        let mut slots = Self::default();
        for group in terms.groups(judged) {
            slots.take(terms, group);
        }
        slots
    }

    fn take(&mut self, terms: &Terms<'_>, group: &[Judged<'a>]) {
        let mut dead = None;
        for copy in group {
            if let State::Dead(death) = copy.state {
                self.stops.push((copy.view.id, death.stop()));
                dead = Some(*copy);
            }
        }
        if let Some(done) = group.iter().find(|copy| copy.state == State::Done) {
            self.finish(done, group);
        } else if let Some(hold) = self.hold(terms, group) {
            self.held.push(Slot { index: hold.serving().view.index, hold });
        } else {
            self.dead.extend(dead);
        }
    }

    /// An index is done: nothing else of it is of use.
    fn finish(&mut self, done: &Judged<'_>, group: &[Judged<'_>]) {
        self.done.push(done.view.index);
        for copy in group.iter().filter(|copy| copy.view.id != done.view.id) {
            match copy.state {
                State::Done => self.stops.push((copy.view.id, StopCause::Duplicate)),
                State::Unknown | State::Lost | State::Here => {
                    self.stops.push((copy.view.id, StopCause::Completed));
                }
                State::Stopping(_) | State::Dead(_) => {}
            }
        }
    }

    fn hold(&mut self, terms: &Terms<'_>, group: &[Judged<'a>]) -> Option<Hold<'a>> {
        if let [copy] = group {
            return copy.lives().then_some(Hold::One(*copy));
        }
        let mut living: Vec<Judged<'a>> = group.iter().filter(|c| c.lives()).copied().collect();
        if living.len() > 2 {
            // No rule makes three of one index: the best two are looked at.
            living.sort_by_key(|copy| std::cmp::Reverse(worth(copy)));
            let rest = living.drain(2..).map(|copy| (copy.view.id, StopCause::Surplus));
            self.stops.extend(rest);
        }
        match living[..] {
            [] => None,
            [one] => Some(Hold::One(one)),
            [a, b, ..] => Some(match pair(terms, a, b) {
                Verdict::Both(hold) => hold,
                Verdict::One { stays, stops, cause } => {
                    self.stops.push((stops.view.id, cause));
                    Hold::One(stays)
                }
            }),
        }
    }

    /// Stops all of a place.
    pub(super) fn stop(&mut self, slot: &Slot<'_>, cause: StopCause) {
        self.stops.push((slot.hold.serving().view.id, cause));
        self.stops.extend(slot.hold.other().map(|other| (other.view.id, cause)));
    }
}
