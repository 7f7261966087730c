//! Why copies have no host: what removed how many hosts, and what would have to change.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::frame::{Barrier, Frame};
use super::remedies::remedies;
use super::search::Search;
use crate::state::{HostIx, WorkloadIx};
use crate::{Removal, Unplaced};

/// Looks at every host and all that keeps a copy from it.
pub fn explain(draft: &Draft<'_>, ix: WorkloadIx, copies: u32) -> Option<Unplaced> {
    let fleet = draft.fleet;
    let template = fleet.workloads.get(ix).workload.as_ref()?.template;
    let frame = Frame::new(fleet, ix, template)?;
    let search = Search::new(frame, draft);
    let hosts: Vec<_> =
        fleet.hosts.told().map(|(host, _)| (host, all(&search, draft, host))).collect();
    let mut removed: BTreeMap<Barrier, u32> = BTreeMap::new();
    for first in hosts.iter().filter_map(|(_, barriers)| barriers.first()) {
        *removed.entry(*first).or_default() += 1;
    }
    let mut removed: Vec<_> = removed.into_iter().collect();
    removed.sort_by_cached_key(|(barrier, _)| frame.order(*barrier));
    Some(Unplaced {
        workload: fleet.workloads.get(ix).name.clone(),
        copies,
        hosts: hosts.len() as u32,
        removed: removed
            .into_iter()
            .map(|(barrier, hosts)| Removal { by: frame.told(barrier), hosts })
            .collect(),
        remedies: remedies(&frame, draft, &hosts),
    })
}

/// All that keeps a copy from a host, in the order in which it is told.
pub fn all(search: &Search<'_>, draft: &Draft<'_>, host: HostIx) -> Vec<Barrier> {
    let mut barriers = search.frame.barriers(draft, host, &search.apart);
    // Whether there is room is told last.
    let room = barriers.iter().position(|barrier| matches!(barrier, Barrier::Lack(_)));
    let at = room.unwrap_or(barriers.len());
    barriers.splice(at..at, search.counts.skewed(&search.frame, host));
    barriers
}
