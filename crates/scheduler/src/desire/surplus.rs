//! Which copies go when there are more than are wanted.

use std::cmp::Reverse;

use tamer_model::StopCause;

use super::judge::Leaving;
use super::slots::{Slot, Slots};

/// Stops what is more than `want`: first what is unwell, then what is outdated, on its way out or on
/// a lost host; of equals the newest, and the highest index.
pub(super) fn cut(slots: &mut Slots<'_>, want: u32) {
    let want = want as usize;
    if slots.held.len() <= want {
        return;
    }
    let mut held = std::mem::take(&mut slots.held);
    held.sort_by_key(|slot| Reverse(keep(slot)));
    for slot in held.drain(want..) {
        slots.stop(&slot, StopCause::Surplus);
    }
    held.sort_by_key(|slot| slot.index);
    slots.held = held;
}

/// The greater is kept.
fn keep(slot: &Slot<'_>) -> impl Ord + use<> {
    let copy = slot.hold.serving();
    let well = slot.hold.any(|copy| copy.well && copy.leaving != Some(Leaving::Overdue));
    (
        well,
        !copy.outdated(),
        copy.leaving.is_none(),
        copy.here(),
        Reverse((copy.view.made_at, slot.index)),
    )
}
