//! How a workload's copies stand, in numbers.

use tamer_model::Phase;

use super::Counts;
use super::judge::{Death, Judged, State, Terms};

/// Counts copies. `unplaced`: how many have no record.
pub(super) fn count(
    terms: &Terms<'_>,
    judged: &[Judged<'_>],
    wanted: u32,
    unplaced: u32,
) -> Counts {
    let mut counts = Counts { wanted, unplaced, ..Counts::default() };
    for copy in judged {
        match copy.state {
            State::Stopping(_) => counts.stopping += 1,
            State::Dead(Death::Failed) => counts.failed += 1,
            State::Dead(Death::Gone | Death::HostGone | Death::Ended | Death::Former) => {}
            State::Done => counts.completed += 1,
            State::Unknown | State::Lost => counts.unknown += 1,
            State::Here if copy.view.phase() == Some(Phase::Running) => {
                counts.running += 1;
                match terms.current(copy) {
                    true => counts.well += u32::from(copy.well),
                    false => counts.former += u32::from(copy.well),
                }
            }
            State::Here => counts.starting += 1,
        }
    }
    counts
}
