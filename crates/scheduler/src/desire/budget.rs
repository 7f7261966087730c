//! How many copies may be taken away on purpose.
//!
//! A place is *down* while no copy of it is well for long enough, whatever the reason; it is *in the
//! making* while its copy is missing, new, or being changed. Taking a settled copy needs fewer than
//! `max_in_flight` places that are either. Taking one that is not well costs nothing, and needs fewer
//! than that in the making: otherwise nobody could repair a workload none of whose copies is well.

use super::judge::{Judged, State};
use super::pair::Hold;

/// What is taken away already, and how much may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    most: u32,
    making: u32,
    /// Down or in the making.
    flight: u32,
}

impl Budget {
    pub(super) const fn new(most: u32) -> Self {
        Self { most, making: 0, flight: 0 }
    }

    /// So many places have no copy.
    pub(super) const fn missing(&mut self, places: u32) {
        self.making += places;
        self.flight += places;
    }

    /// A place that is held so.
    pub(super) fn count(&mut self, hold: &Hold<'_>) {
        let making = match hold {
            // A canary is one more, for as long as it is one.
            Hold::Changing { leaver, .. } => !leaver.held,
            Hold::Contest { .. } => false,
            Hold::One(copy) | Hold::Away { serving: copy, .. } => match copy.state {
                State::Here => copy.leaving.is_none() && !copy.held && !copy.settled,
                State::Lost => true,
                State::Unknown | State::Stopping(_) | State::Dead(_) | State::Done => false,
            },
        };
        self.making += u32::from(making);
        self.flight += u32::from(making || !hold.settled());
    }

    /// Takes this copy's place into the making, if that is allowed.
    pub(super) const fn take(&mut self, copy: &Judged<'_>) -> bool {
        if copy.settled {
            if self.flight >= self.most {
                return false;
            }
            self.flight += 1;
        } else if copy.well || self.making >= self.most {
            // One that is well is down only in name: it is waited for.
            return false;
        }
        self.making += 1;
        true
    }

    /// How many more settled copies may be taken.
    pub(super) const fn left(&self) -> u32 {
        self.most.saturating_sub(self.flight)
    }
}
