//! Copies for places that have none.

use std::collections::BTreeSet;

use tamer_model::HostId;

use super::decide::{Decision, length};
use super::needs::Needs;

impl Decision<'_, '_> {
    /// Demands a copy for each index that has none; how many those are.
    pub(super) fn fill_indices(&mut self, needs: &mut Needs<'_, '_>) -> u32 {
        let held = length(self.slots.held.len());
        let missing = self.fill.saturating_sub(held);
        let dead = &self.slots.dead[..self.slots.dead.len().min(missing as usize)];
        dead.iter().for_each(|dead| needs.revive(dead, None));
        let mut taken: Vec<u32> = self.slots.held.iter().map(|slot| slot.index).collect();
        taken.extend(dead.iter().map(|dead| dead.view.index));
        taken.extend(&self.slots.done);
        let fresh = missing as usize - dead.len();
        free(taken).take(fresh).for_each(|index| needs.vacant(index, None));
        missing
    }

    /// The same for each host that has none.
    pub(super) fn fill_hosts(&mut self, needs: &mut Needs<'_, '_>) -> u32 {
        let holds: BTreeSet<HostId> =
            self.slots.held.iter().map(|slot| slot.hold.serving().view.host).collect();
        let wanted = self.judged.iter().filter(|copy| copy.view.wanted());
        let mut indices = free(wanted.map(|copy| copy.view.index).collect());
        let mut missing = 0;
        for host in self.eligible.difference(&holds) {
            missing += 1;
            // The dead are in the order of their hosts.
            match self.slots.dead.binary_search_by_key(host, |dead| dead.view.host) {
                Ok(at) => needs.revive(&self.slots.dead[at], Some(*host)),
                Err(_) => needs.vacant(indices.next().unwrap_or(u32::MAX), Some(*host)),
            }
        }
        missing
    }
}

/// The lowest indices that are not taken.
fn free(mut taken: Vec<u32>) -> impl Iterator<Item = u32> {
    taken.sort_unstable();
    taken.dedup();
    let mut taken = taken.into_iter().peekable();
    (0..=u32::MAX).filter(move |index| taken.next_if_eq(index).is_none())
}
