//! Moving copies only because another host is better.

use std::cmp::Reverse;

use tamer_model::{Cause, PlacementId, Rebalance, StopCause, Timestamp, UpdateOrder};

use super::draft::Draft;
use super::frame::Frame;
use super::level::take;
use super::score::POINT;
use super::search::{Found, Search, Wanted};
use crate::desire::Demand;
use crate::state::{List, Seat, Slot, WorkloadIx};
use crate::{Make, Stop};

/// A copy that was moved stays for so many times as long as one that was placed: workloads that
/// like different things could chase each other without end.
const LONGER: u64 = 10;

/// What may be moved.
#[derive(Debug, Clone, Copy)]
pub struct Balance {
    /// At most so many.
    pub moves: usize,
    /// Another host must have so many more points, in thousandths.
    gain: i32,
    /// Only copies that were placed before this.
    before: Timestamp,
    /// The same, for copies that were moved.
    moved_before: Timestamp,
}

impl Balance {
    /// As a policy says, of what may be taken away now.
    pub fn of(policy: Rebalance, spare: u32, asked: Option<Timestamp>, now: Timestamp) -> Self {
        let cooldown = policy.cooldown.as_millis();
        let cooled = |times: u64| {
            let millis = now.as_millis().checked_sub(cooldown.saturating_mul(times));
            Timestamp::from_millis(millis.unwrap_or_default())
        };
        Self {
            moves: policy.moves.min(spare) as usize,
            gain: i32::from(policy.gain) * 10 * POINT,
            // Who asks does not wait for copies to cool, but what was moved since stays.
            before: asked.unwrap_or_else(|| cooled(1)),
            moved_before: asked.unwrap_or_else(|| cooled(LONGER)),
        }
    }

    fn may_move(&self, seat: &Seat) -> bool {
        let before = match seat.why.cause == Cause::Rebalanced {
            true => self.moved_before,
            false => self.before,
        };
        seat.made_at <= before
    }

    /// No more moves than this.
    pub fn at_most(self, moves: usize) -> Self {
        Self { moves: self.moves.min(moves), ..self }
    }
}

/// The moves of one workload whose copies are all well, the one that gains most first. Every copy is
/// weighed once, and those that gain once more when it is their turn: O(copies (V + log H)).
pub fn moves<'a>(
    draft: &mut Draft<'a>,
    ix: WorkloadIx,
    balance: Balance,
    hosts: u32,
) -> Vec<(Make, Option<Stop>)> {
    let fleet = draft.fleet;
    let record = fleet.workloads.get(ix);
    let Some(workload) = record.workload.as_deref() else { return Vec::new() };
    let Some(frame) = Frame::new(fleet, ix, workload.template) else { return Vec::new() };
    let mut search = Search::new(frame, draft);
    let seats = fleet.placements.of(List::Workload, record.head);
    let movable = seats.filter(|(slot, seat)| {
        draft.is_wanted(*slot, seat)
            && seat.template == workload.template
            && balance.may_move(seat)
            && search.open.has(seat.host)
    });
    let movable: Vec<(PlacementId, Slot)> = movable.map(|(slot, seat)| (seat.id, slot)).collect();
    let mut gains: Vec<_> = movable
        .into_iter()
        .filter_map(|(id, slot)| Some((Reverse(gain(&mut search, draft, slot)?.0), id, slot)))
        .filter(|(gain, ..)| gain.0 >= balance.gain)
        .collect();
    gains.sort_unstable();
    let mut moves = Vec::new();
    for (_, id, slot) in gains {
        if moves.len() == balance.moves {
            break;
        }
        let Some((gain, found)) = gain(&mut search, draft, slot) else { continue };
        if gain < balance.gain {
            continue;
        }
        let stop_first = workload.spec.update.order == UpdateOrder::StopFirst;
        let seat = fleet.placements.get(slot);
        let demand = Demand {
            index: seat.index,
            template: seat.template,
            cause: Cause::Rebalanced,
            replaces: Some(id),
            host: None,
            avoid: Vec::new(),
            stops: stop_first.then_some((id, StopCause::Rebalanced)),
        };
        let make = take(&mut search, draft, &demand, found, hosts);
        let workload = make.workload.clone();
        let stop = demand.stops.map(|(placement, cause)| Stop { placement, workload, cause });
        moves.push((make, stop));
    }
    moves
}

/// How many points a copy would gain, and where.
fn gain<'a>(search: &mut Search<'a>, draft: &Draft<'a>, slot: Slot) -> Option<(i32, Found)> {
    let host = draft.fleet.placements.get(slot).host;
    let wanted = Wanted { host: None, avoid: &[host], replaces: Some(slot), stops: true };
    let found = search.pick(draft, wanted)?;
    Some((found.points - search.stays(draft, slot), found))
}
