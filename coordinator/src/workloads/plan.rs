//! Turning what the scheduler plans into records.

use std::collections::BTreeSet;
use std::sync::Arc;

use tamer_model::{
    HostId, Phase, Placement, PlacementId, StopCause, Timestamp, Wish, WorkloadName,
};
use tamer_scheduler::{Make, Stop};

use super::board::{Board, Copy};
use super::deed::{Deed, Given};
use super::hosts::Hosts;
use crate::clock;
use crate::state::keys;

/// What a plan is turned into records with.
pub struct Drawing<'a> {
    pub board: &'a Board,
    pub hosts: &'a Hosts,
    pub now: Timestamp,
    /// Workloads whose records changed since they were planned: they are planned anew.
    pub skip: &'a BTreeSet<WorkloadName>,
}

impl Drawing<'_> {
    /// The records of placements to make and to stop. Those that stop come first: they give room.
    pub fn deeds(&self, make: Vec<Make>, stop: Vec<Stop>) -> Vec<Deed> {
        let mut drawn = BTreeSet::new();
        let stops = stop.into_iter().filter(|stop| !self.skip.contains(&stop.workload));
        let mut deeds: Vec<_> = stops.filter_map(|stop| self.stop(stop)).collect();
        let makes = make.into_iter().filter(|make| !self.skip.contains(&make.workload));
        deeds.extend(makes.filter_map(|make| self.make(make, &mut drawn)));
        deeds
    }

    /// Made only while the workload and the host are what they were planned for.
    fn make(&self, make: Make, drawn: &mut BTreeSet<PlacementId>) -> Option<Deed> {
        let Make { workload, index, template, host, why, replaces } = make;
        let given = vec![self.workload(&workload)?, (keys::host(host), self.hosts.at(host)?)];
        let (id, made_at, wish) = (self.id(drawn), self.now, Wish::Run);
        let placement =
            Placement { id, workload, index, template, host, made_at, why, replaces, wish };
        Some(Deed::Make { placement, given })
    }

    /// Stopped only while the workload is what it was planned for. What nobody will ever tell of is
    /// removed at once: its host is no part of the fleet, or told already that it is gone.
    fn stop(&self, stop: Stop) -> Option<Deed> {
        let copy = self.board.copy(stop.placement)?;
        let wish = Wish::Stop { at: self.now, cause: stop.cause };
        if !copy.placement.wanted() {
            return None;
        }
        if self.is_gone(copy) {
            return Some(Deed::Remove { host: copy.placement.host, id: stop.placement });
        }
        let placement = Placement { wish, ..Placement::clone(&copy.placement) };
        let key = keys::placement(placement.host, placement.id);
        let mut given = vec![(key, copy.at)];
        // Nobody's, when its workload has no record: it stops all the same.
        given.extend(self.workload(&stop.workload));
        Some(Deed::Stop { placement, given })
    }

    /// Copies that are to stop and of which nobody will tell that they are gone.
    pub fn forsaken(&self, host: HostId) -> impl Iterator<Item = Deed> {
        let copies = self.board.copies_on(host).filter(|copy| !copy.placement.wanted());
        let gone = copies.filter(|copy| self.is_gone(copy));
        gone.map(move |copy| Deed::Remove { host, id: copy.placement.id })
    }

    /// Copies of workloads that are not there: nobody plans for them.
    pub fn orphans(&self) -> Vec<Deed> {
        let orphans = self.board.copies().map(|copy| &copy.placement);
        let orphans = orphans.filter(|one| self.board.workload(&one.workload).is_none());
        let stop = |one: &Arc<Placement>| Stop {
            placement: one.id,
            workload: one.workload.clone(),
            cause: StopCause::WorkloadRemoved,
        };
        let mut stops: Vec<_> = orphans.map(stop).collect();
        stops.sort_unstable_by_key(|stop| stop.placement);
        stops.into_iter().filter_map(|stop| self.stop(stop)).collect()
    }

    fn is_gone(&self, copy: &Copy) -> bool {
        !self.hosts.knows(copy.placement.host)
            || copy.status.as_ref().is_some_and(|status| status.phase == Phase::Gone)
    }

    fn workload(&self, name: &WorkloadName) -> Option<Given> {
        Some((keys::workload(name), self.board.workload(name)?.at))
    }

    /// An id that no placement has: thousands are made within a millisecond.
    fn id(&self, drawn: &mut BTreeSet<PlacementId>) -> PlacementId {
        loop {
            let id = PlacementId::at(self.now.as_millis(), clock::random());
            if self.board.copy(id).is_none() && drawn.insert(id) {
                return id;
            }
        }
    }
}
