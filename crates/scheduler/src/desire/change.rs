//! Copies that are lost or leave, and whose turn it is.

use super::decide::Decision;
use super::judge::{Judged, Leaving, State};
use super::needs::Needs;
use super::pair::Hold;
use super::slots::Slot;
use super::update::Gate;

type Leaver<'a> = (Slot<'a>, Judged<'a>, Leaving);

/// What waits for its turn.
#[derive(Default)]
struct Turns<'a> {
    leaving: Vec<Leaver<'a>>,
    /// Copies that a canary may follow.
    followed: Vec<(Slot<'a>, Judged<'a>)>,
    /// How many places have a canary.
    canaries: u32,
}

impl<'a> Decision<'_, 'a> {
    /// What becomes of copies that are lost or leave. Whether something waits for its turn.
    pub(super) fn change(&mut self, needs: &mut Needs<'_, '_>) -> bool {
        let mut turns = Turns::default();
        let mut waits = self.terms.workload.spec.rebalance.is_some();
        for slot in std::mem::take(&mut self.slots.held) {
            if self.look(needs, &slot, &mut turns) && self.counts(&slot) {
                waits |= slot.hold.other().is_some();
                self.budget.count(&slot.hold);
            }
        }
        waits |= !turns.leaving.is_empty();
        self.replace(needs, turns.leaving);
        let canaries = self.terms.workload.spec.update.canary.saturating_sub(turns.canaries);
        turns.followed.sort_by_key(|(slot, copy)| (copy.well, slot.index));
        for (slot, copy) in turns.followed.iter().take(canaries as usize) {
            needs.canary(slot, copy, &mut self.budget);
        }
        waits
    }

    /// Looks at one place: what presses is done at once, the rest gets its turn. Whether the place is
    /// still held.
    fn look(&mut self, needs: &mut Needs<'_, '_>, slot: &Slot<'a>, turns: &mut Turns<'a>) -> bool {
        turns.canaries += u32::from(slot.hold.any(|copy| self.terms.current(copy)));
        let Some(copy) = slot.hold.replaceable() else { return true };
        match (copy.state, copy.leaving) {
            (State::Lost, _) => needs.relieve(slot),
            (State::Here, Some(leaving @ (Leaving::Overdue | Leaving::Unfitting)))
                if self.terms.every_host() =>
            {
                needs.stops.push((copy.view.id, leaving.stop()));
                return false;
            }
            (State::Here, Some(leaving @ Leaving::Overdue)) => {
                needs.evict(slot, &copy, leaving);
                self.budget.missing(1);
                return false;
            }
            (State::Here, Some(leaving)) if self.counts(slot) => {
                turns.leaving.push((*slot, copy, leaving));
            }
            (State::Here, None) if self.followed(slot, &copy) => turns.followed.push((*slot, copy)),
            (State::Here | State::Unknown, _) => {}
            (State::Stopping(_) | State::Dead(_) | State::Done, _) => {}
        }
        true
    }

    /// Whether a canary may follow this copy.
    fn followed(&self, slot: &Slot<'_>, copy: &Judged<'_>) -> bool {
        self.progress.gate == Gate::Canary
            && copy.held
            && matches!(slot.hold, Hold::One(_))
            && self.counts(slot)
    }

    /// Lets those go whose turn it is: what is not well first, then what presses most.
    fn replace(&mut self, needs: &mut Needs<'_, '_>, mut leaving: Vec<Leaver<'a>>) {
        leaving.sort_by_key(|(slot, copy, leaving)| (copy.well, *leaving, slot.index));
        for (slot, copy, leaving) in leaving {
            if self.budget.take(&copy) {
                needs.replace(&slot, &copy, leaving);
            }
        }
    }
}
