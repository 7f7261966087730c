//! Why copies have no host: what removed how many hosts, and what would have to change.

use super::draft::Draft;
use super::frame::{Barrier, Frame};
use super::remedies::remedies;
use super::spread::Counts;
use crate::state::{HostIx, WorkloadIx};
use crate::{Removal, Unplaced};

/// Looks at every host and all that keeps a copy from it: `O(H)`, and no search.
pub fn explain(draft: &Draft<'_>, ix: WorkloadIx, copies: u32) -> Option<Unplaced> {
    let fleet = draft.fleet;
    let template = fleet.workloads.get(ix).workload.as_ref()?.template;
    let frame = Frame::new(fleet, ix, template)?;
    let barred = Barred::new(&frame, draft);
    // There are few kinds: a list is faster than a map.
    let mut removed: Vec<(Barrier, u32)> = Vec::new();
    for first in barred.iter().filter_map(|(_, barriers)| barriers.first()) {
        match removed.iter_mut().find(|(barrier, _)| barrier == first) {
            Some((_, hosts)) => *hosts += 1,
            None => removed.push((*first, 1)),
        }
    }
    removed.sort_by_cached_key(|(barrier, _)| frame.order(*barrier));
    Some(Unplaced {
        workload: fleet.workloads.get(ix).name.clone(),
        copies,
        hosts: barred.hosts.len() as u32,
        removed: removed
            .into_iter()
            .map(|(barrier, hosts)| Removal { by: frame.told(barrier), hosts })
            .collect(),
        remedies: remedies(&frame, draft, &barred),
    })
}

/// The hosts, and all that keeps a copy from each, in the order in which it is told.
pub struct Barred {
    hosts: Vec<(HostIx, usize)>,
    /// Those of one host after those of another; each host knows where its own end.
    barriers: Vec<Barrier>,
}

impl Barred {
    fn new(frame: &Frame<'_>, draft: &Draft<'_>) -> Self {
        let apart = frame.apart();
        let open = frame.open(draft);
        let counts = Counts::new(frame, draft, &open);
        let mut barred = Self { hosts: Vec::new(), barriers: Vec::new() };
        for (host, _) in frame.fleet.hosts.told() {
            let first = barred.barriers.len();
            if !open.has(host) {
                frame.closed(draft, host, &mut barred.barriers);
            }
            frame.taken(draft, host, &apart, &mut barred.barriers);
            // Whether there is room is told last.
            let mine = &barred.barriers[first..];
            let room = mine.iter().position(|barrier| matches!(barrier, Barrier::Lack(_)));
            let at = first + room.unwrap_or(mine.len());
            barred.barriers.splice(at..at, counts.skewed(frame, host));
            barred.hosts.push((host, barred.barriers.len()));
        }
        barred
    }

    /// Whether there are no hosts at all.
    pub const fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Each host with what keeps a copy from it.
    pub fn iter(&self) -> impl Iterator<Item = (HostIx, &[Barrier])> {
        let mut first = 0;
        self.hosts.iter().map(move |(host, end)| {
            let mine = &self.barriers[first..*end];
            first = *end;
            (*host, mine)
        })
    }
}
