//! The hosts that a copy could go to, in order, and what their points are made of.

use tamer_model::{AffinityTo, Timestamp};

use super::draft::{Draft, Has};
use super::frame::Frame;
use super::score::POINT;
use super::search::{Found, Search};
use crate::scheduler::Fleet;
use crate::state::{Likes, WorkloadIx};
use crate::{Candidate, Part};

/// The best so many hosts for one more copy of the newest version.
pub fn rank(fleet: &Fleet, ix: WorkloadIx, most: usize, now: Timestamp) -> Option<Vec<Candidate>> {
    let template = fleet.workloads.get(ix).workload.as_ref()?.template;
    let frame = Frame::new(fleet, ix, template)?;
    let draft = Draft::new(fleet, now);
    let search = Search::new(frame, &draft);
    let mut found: Vec<_> =
        search.open.iter().filter_map(|host| search.look(&draft, host, &[])).collect();
    found.sort_unstable_by_key(|found| std::cmp::Reverse(search.order(found)));
    found.truncate(most);
    Some(found.into_iter().map(|found| candidate(&search, &draft, found)).collect())
}

fn candidate(search: &Search<'_>, draft: &Draft<'_>, found: Found) -> Candidate {
    let frame = &search.frame;
    let spec = &frame.workload.spec;
    let points = found.points / POINT;
    let mut parts = Vec::new();
    for (affinity, (likes, weight)) in spec.affinity.iter().zip(&frame.terms.affinity) {
        let (what, matched) = match (&affinity.to, likes) {
            (AffinityTo::Hosts(selector), Likes::Hosts(mask)) => {
                let hosts = frame.fleet.masks.hosts(*mask);
                (selector.to_string(), hosts.has(found.host))
            }
            (AffinityTo::Hosts(_) | AffinityTo::Workload(_), Likes::Workload(other)) => {
                let there = draft.has(*other, found.host, Has::Wanted, &[]);
                (format!("to {}", frame.fleet.workloads.get(*other).name), there)
            }
            (AffinityTo::Workload(name), Likes::Hosts(_)) => (format!("to {name}"), false),
        };
        let points = frame.scale.liking(*weight, matched) / POINT;
        parts.push(Part { what: format!("affinity {what}"), points });
    }
    for (at, spread) in spec.spread.iter().enumerate() {
        let points = search.counts.part(frame, at, found.host) / POINT;
        parts.push(Part { what: format!("spread over {}", spread.over), points });
    }
    // What is lost to rounding counts as room, so that the parts are the whole.
    let others: i32 = parts.iter().map(|part| part.points).sum();
    parts.insert(0, Part { what: "room".to_owned(), points: points - others });
    Candidate { host: frame.fleet.hosts.get(found.host).id, points, parts }
}
