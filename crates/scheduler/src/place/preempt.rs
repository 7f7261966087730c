//! Pushing others aside: copies of a lower priority give way to one that finds no host otherwise.
//!
//! The host with the fewest victims, then with the least important, then with the smallest ones.
//! On one host: the one victim that does, else those that help most until it is enough. Each pass
//! looks at the copies of every host that would do: O(copies there), no more than once for each
//! copy that finds nothing.

use super::draft::{Draft, Has};
use super::search::{Found, Search, Wanted};
use crate::state::{HostIx, List, Need, Slot, Usage, WorkloadIx};

/// The most victims of one copy: more are not worth it.
const MAX_VICTIMS: usize = 16;
/// So far is it followed who is there because of whom.
const MAX_CHAIN: u8 = 4;
/// The most hosts that are looked at for victims in one decision.
const MAX_HOSTS: usize = 2_048;

/// Where a copy can go if others give way, and who.
pub fn best<'a>(
    search: &mut Search<'a>,
    draft: &Draft<'a>,
    wanted: Wanted<'_>,
) -> Option<(Found, Vec<Slot>)> {
    let mut hosts: Vec<HostIx> = match wanted.host {
        Some(host) => vec![host],
        None => search.open.iter().filter(|host| !wanted.avoid.contains(host)).collect(),
    };
    let rank = |host: &HostIx| draft.fleet.hosts.get(*host).rank;
    if hosts.len() > MAX_HOSTS {
        // The same ones each time, wherever they stand in the tables.
        hosts.sort_unstable_by_key(rank);
        hosts.truncate(MAX_HOSTS);
    }
    let bids = hosts.into_iter().filter_map(|host| Some((bid(search, draft, host)?, host)));
    let (bid, host) = bids.min_by(|(left, one), (right, other)| {
        left.cost.cmp(&right.cost).then_with(|| rank(one).cmp(&rank(other)))
    })?;
    let found = search.try_host(draft, host, wanted, &bid.victims)?;
    Some((found, bid.victims))
}

struct Bid {
    victims: Vec<Slot>,
    /// How many, the most important, all priorities, all sizes.
    cost: (usize, u8, u32, u64),
}

/// A copy that may have to give way.
#[derive(Clone, Copy)]
struct Victim<'a> {
    slot: Slot,
    priority: u8,
    need: &'a Need,
    size: u64,
}

fn bid(search: &Search<'_>, draft: &Draft<'_>, host: HostIx) -> Option<Bid> {
    let frame = &search.frame;
    if search.counts.skewed(frame, host).next().is_some() {
        return None;
    }
    let priority = frame.workload.spec.priority;
    let fleet = draft.fleet;
    let seats = fleet.placements.of(List::Host, fleet.hosts.get(host).head);
    let lower =
        seats.filter(|(slot, seat)| draft.is_wanted(*slot, seat)).filter_map(|(slot, seat)| {
            let need = fleet.needs.get(seat.need);
            let size = size(draft.usage(host), need);
            let theirs = worth(draft, seat.workload, host, MAX_CHAIN);
            (theirs < priority).then_some((Victim { slot, priority: theirs, need, size }, seat.id))
        });
    let mut lower: Vec<_> = lower.collect();
    if lower.is_empty() {
        return None;
    }
    lower.sort_unstable_by_key(|(victim, id)| (victim.priority, victim.size, *id));
    let lower: Vec<_> = lower.into_iter().map(|(victim, _)| victim).collect();
    let fits = |victims: &[Victim<'_>]| {
        let slots: Vec<_> = victims.iter().map(|victim| victim.slot).collect();
        frame.takes(draft, host, &search.apart, &slots)
    };
    // Only if it is the room that is missing: nobody is pushed aside in vain.
    let victims = match lower.iter().find(|victim| fits(&[**victim])) {
        Some(one) => vec![*one],
        None => several(draft.usage(host), frame.need, lower, &fits)?,
    };
    let cost = (
        victims.len(),
        victims.iter().map(|victim| victim.priority).max().unwrap_or_default(),
        victims.iter().map(|victim| u32::from(victim.priority)).sum(),
        victims.iter().map(|victim| victim.size).sum(),
    );
    Some(Bid { victims: victims.into_iter().map(|victim| victim.slot).collect(), cost })
}

/// Those that help most, until it is enough; then whoever is not needed stays.
fn several<'a>(
    usage: &Usage,
    need: &Need,
    mut lower: Vec<Victim<'a>>,
    fits: &impl Fn(&[Victim<'a>]) -> bool,
) -> Option<Vec<Victim<'a>>> {
    let mut usage = usage.clone();
    let mut chosen: Vec<Victim<'a>> = Vec::new();
    while !fits(&chosen) {
        if chosen.len() == MAX_VICTIMS {
            return None;
        }
        let helps =
            lower.iter().enumerate().map(|(at, victim)| (usage.relief(need, victim.need), at));
        // Of those that help as much, the first: the least important.
        let (help, at) = helps.max_by_key(|(help, at)| (*help, std::cmp::Reverse(*at)))?;
        if help == 0 {
            return None;
        }
        let victim = lower.remove(at);
        usage.give(victim.need);
        chosen.push(victim);
    }
    chosen.sort_by_key(|victim| std::cmp::Reverse((victim.priority, victim.size)));
    let mut at = 0;
    while at < chosen.len() {
        let mut fewer = chosen.clone();
        fewer.remove(at);
        match fits(&fewer) {
            true => chosen = fewer,
            false => at += 1,
        }
    }
    Some(chosen)
}

/// The priority of a workload's copies on a host: at least that of whatever is there because they
/// are. It would leave with them, and push its way back.
fn worth(draft: &Draft<'_>, ix: WorkloadIx, host: HostIx, depth: u8) -> u8 {
    let record = draft.fleet.workloads.get(ix);
    let own = record.workload.as_ref().map_or(0, |workload| workload.spec.priority);
    let follows = |other: &&WorkloadIx| {
        draft.fleet.workloads.get(**other).terms.with.contains(&ix)
            && draft.has(**other, host, Has::Wanted, &[])
    };
    let followers = record.named_by.iter().filter(|_| depth > 0).filter(follows);
    followers.map(|other| worth(draft, *other, host, depth - 1)).max().unwrap_or(0).max(own)
}

/// How large a copy is on its host, in parts of 2^20.
fn size(usage: &Usage, need: &Need) -> u64 {
    let part = |taken: i64, total: i64| ((taken.max(0) as u128) << 20) / total.max(1) as u128;
    (part(need.cpu, usage.total.0) + part(need.memory, usage.total.1)) as u64
}
