//! What becomes of what agents tell of their copies.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tamer_model::{HostId, Phase, PlacementId, PlacementStatus, Timestamp, WorkloadSpec};

use super::board::{Board, Copy};
use super::deed::Deed;
use super::trouble::Trouble;

/// How differently two sessions may tell of the same moment.
const CLOCKS_APART: Duration = Duration::from_secs(2);

/// How a copy stands, as a host told it.
#[derive(Debug)]
pub struct Report {
    pub host: HostId,
    pub id: PlacementId,
    pub status: PlacementStatus,
}

/// What is to be done about reports.
#[derive(Debug, Default)]
pub struct Heard {
    pub deeds: Vec<Deed>,
    /// Copies that hosts keep and nobody knows here: they are told to go.
    pub unknown: Vec<(HostId, PlacementId)>,
}

/// Works out what becomes of reports, the last of each copy.
pub fn hear(board: &Board, reports: Vec<Report>, now: Timestamp) -> Heard {
    let last: BTreeMap<_, _> =
        reports.into_iter().map(|report| ((report.host, report.id), report.status)).collect();
    let mut heard = Heard::default();
    let mut troubles = BTreeMap::new();
    for ((host, id), status) in last {
        // A host speaks of its own copies only; of others it knows nothing.
        let Some(copy) = board.copy(id).filter(|copy| copy.placement.host == host) else {
            if status.phase != Phase::Gone {
                heard.unknown.push((host, id));
            }
            continue;
        };
        if has_failed(copy, &status) {
            let known = || board.trouble(host).cloned().unwrap_or_default();
            let trouble: &mut Trouble = troubles.entry(host).or_insert_with(known);
            trouble.failed(&copy.placement.workload, now);
        }
        heard.deeds.extend(deed(copy, host, id, status));
    }
    let troubles = troubles.into_iter().map(|(host, trouble)| Deed::Trouble { host, trouble });
    heard.deeds.extend(troubles);
    heard
}

/// Troubles that end, because a copy was well for long enough or because it is long ago.
pub fn overcome(board: &Board, now: Timestamp) -> Vec<Deed> {
    let changed = board.troubles().filter_map(|(host, known)| {
        let mut trouble = known.clone();
        trouble.forget(now);
        let proven: BTreeSet<_> = board
            .copies_on(host)
            .filter(|copy| {
                let failing = known.failing.get(&copy.placement.workload);
                failing.is_some_and(|failing| is_proven(board, copy, failing.at, now))
            })
            .map(|copy| &copy.placement.workload)
            .collect();
        proven.into_iter().for_each(|workload| trouble.succeeded(workload));
        (trouble != *known).then_some(Deed::Trouble { host, trouble })
    });
    changed.collect()
}

/// Whether a copy has begun to do well after the failure, and has for as long as its workload asks
/// for. One that was well all the while shows nothing.
fn is_proven(board: &Board, copy: &Copy, failed: Timestamp, now: Timestamp) -> bool {
    let applied = board.workload(&copy.placement.workload);
    let spec = applied.and_then(|applied| applied.templates.get(&copy.placement.template));
    let (Some(spec), Some(status)) = (spec, &copy.status) else { return false };
    let spec: &WorkloadSpec = spec;
    let long_enough = now.since(status.since) >= spec.update.healthy_for.duration();
    let well = status.is_well(spec.health.is_some()) && long_enough;
    status.since >= failed && (well || status.phase == Phase::Completed)
}

/// A copy that shall run has just failed where it is.
fn has_failed(copy: &Copy, status: &PlacementStatus) -> bool {
    let before = copy.status.as_ref().map(|status| status.phase);
    copy.placement.wanted() && status.phase == Phase::Failed && before != Some(Phase::Failed)
}

fn deed(copy: &Copy, host: HostId, id: PlacementId, status: PlacementStatus) -> Option<Deed> {
    let known = copy.status.as_deref();
    if !copy.placement.wanted() && status.phase == Phase::Gone {
        return Some(Deed::Remove { host, id });
    }
    // That it succeeded stays true when its instance is cleaned away.
    let done = known.is_some_and(|known| known.phase == Phase::Completed);
    let cleaned = matches!(status.phase, Phase::Stopping | Phase::Gone);
    let news = known.is_none_or(|known| !says_the_same(known, &status));
    let wanted = copy.placement.wanted();
    (news && !(done && cleaned && wanted)).then_some(Deed::Told { host, id, status })
}

/// Whether nothing changed since. Each session measures anew how far the agent's clock is ahead, so
/// the same moment comes a little differently; thousands of agents that come back write nothing.
fn says_the_same(known: &PlacementStatus, status: &PlacementStatus) -> bool {
    let since = known.since;
    let apart = since.since(status.since).max(status.since.since(since));
    apart <= CLOCKS_APART && *known == PlacementStatus { since, ..status.clone() }
}
