//! What the scheduler is asked between steps. None of it changes anything.

use tamer_model::{HostId, PlacementId, Run, Timestamp, WorkloadName};

use super::{Fleet, Scheduler};
use crate::desire::{CopyView, Desire, Draining, HostStanding, desire};
use crate::place::{Draft, Frame, Has, rank};
use crate::state::{HostIx, List, Seat, WorkloadIx};
use crate::{Candidate, Counts, Plan, Unplaced};

impl Scheduler {
    /// Why copies of a workload have no host; none when each has one, as far as was seen in the
    /// last step.
    pub fn unplaced(&self, name: &WorkloadName) -> Option<Unplaced> {
        let ix = self.fleet.workloads.find(name)?;
        self.fleet.workloads.get(ix).unplaced.clone()
    }

    /// The hosts that one more copy could go to, the best first, at most so many.
    pub fn candidates(&self, name: &WorkloadName, most: usize) -> Vec<Candidate> {
        let ix = self.fleet.workloads.find(name);
        ix.and_then(|ix| rank(&self.fleet, ix, most, Timestamp::default())).unwrap_or_default()
    }

    /// What balancing would move now: of one workload, or of all that may be balanced.
    pub fn rebalance(&self, name: Option<&WorkloadName>, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        let mut all: Vec<_> = self.fleet.workloads.told().collect();
        all.retain(|(_, record, workload)| match name {
            Some(name) => record.name == *name,
            None => workload.spec.rebalance.is_some(),
        });
        all.sort_unstable_by_key(|(_, record, _)| &record.name);
        for (ix, ..) in all {
            self.fleet.rebalance(ix, now, &mut plan);
        }
        plan
    }

    /// How a workload's copies stand.
    pub fn counts(&self, name: &WorkloadName) -> Counts {
        let Some(ix) = self.fleet.workloads.find(name) else { return Counts::default() };
        let desire = self.fleet.desire(ix, Timestamp::default());
        let counts = desire.map(|desire| desire.counts).unwrap_or_default();
        let unplaced = self.fleet.workloads.get(ix).unplaced.as_ref();
        Counts { unplaced: unplaced.map_or(0, |unplaced| unplaced.copies), ..counts }
    }

    /// The placements that have to leave a host before its drain is done.
    pub fn left_to_drain(&self, host: HostId) -> Vec<PlacementId> {
        let Some(ix) = self.fleet.hosts.find(host) else { return Vec::new() };
        let drain = self.fleet.hosts.get(ix).view.as_ref().and_then(|view| view.host.drain.clone());
        let keeps = drain.is_some_and(|drain| drain.keep_every_host);
        let stays = |seat: &Seat| {
            let workload = self.fleet.workloads.get(seat.workload).workload.as_ref();
            keeps
                && seat.wanted()
                && workload.is_some_and(|workload| matches!(workload.spec.run, Run::EveryHost))
        };
        let seats = self.fleet.placements.of(List::Host, self.fleet.hosts.get(ix).head);
        let mut left: Vec<_> = seats
            .filter(|(_, seat)| seat.takes() && !stays(seat))
            .map(|(_, seat)| seat.id)
            .collect();
        left.sort_unstable();
        left
    }
}

impl Fleet {
    /// What a workload needs now; none for one that is not there.
    pub(crate) fn desire(&self, ix: WorkloadIx, now: Timestamp) -> Option<Desire> {
        let record = self.workloads.get(ix);
        let workload = record.workload.as_ref()?;
        let seats = self.placements.of(List::Workload, record.head);
        let mut copies: Vec<_> = seats.map(|(_, seat)| self.copy(seat)).collect();
        copies.sort_unstable_by_key(|copy| (copy.index, copy.made_at, copy.id));
        let everywhere = matches!(workload.spec.run, Run::EveryHost);
        let eligible = everywhere.then(|| self.eligible(ix, now));
        Some(desire(workload, &copies, eligible.as_deref(), now))
    }

    /// The hosts that a workload which runs on every host is to run on: those that would do if they
    /// were empty, as far as other workloads let it.
    fn eligible(&self, ix: WorkloadIx, now: Timestamp) -> Vec<HostId> {
        let record = self.workloads.get(ix);
        let template = record.workload.as_ref().map_or(0, |workload| workload.template);
        let Some(frame) = Frame::new(self, ix, template) else { return Vec::new() };
        let draft = Draft::new(self, now);
        let mut open = frame.open(&draft);
        for other in &record.terms.with {
            open.keep(&draft.hosts_with(*other, Has::Wanted));
        }
        for other in frame.apart().into_iter().filter(|other| *other != ix) {
            for host in draft.hosts_with(other, Has::There).iter() {
                open.set(host, false);
            }
        }
        let mut eligible: Vec<_> = open.iter().map(|host| self.hosts.get(host).id).collect();
        eligible.sort_unstable();
        eligible
    }

    /// Whether a copy's host still is as its workload's terms say. Room is no part of it.
    fn fits(&self, seat: &Seat) -> bool {
        let terms = &self.workloads.get(seat.workload).terms;
        let others = || {
            let on_host = self.placements.of(List::Host, self.hosts.get(seat.host).head);
            on_host
                .map(|(_, other)| other)
                .filter(|other| other.id != seat.id && other.wanted() && other.takes())
        };
        let has = |ix: WorkloadIx| others().any(|other| other.workload == ix);
        // Of two copies that keep apart from each other the earlier one stays.
        let earlier = |ix: WorkloadIx| {
            let before = (seat.made_at, seat.id);
            others().any(|other| {
                let both = self.workloads.get(ix).terms.apart_from.contains(&seat.workload);
                other.workload == ix && (!both || (other.made_at, other.id) < before)
            })
        };
        terms.constraints.iter().all(|mask| self.masks.hosts(*mask).has(seat.host))
            && terms.with.iter().all(|other| has(*other))
            && !terms.apart_from.iter().any(|other| earlier(*other))
    }

    fn copy(&self, seat: &Seat) -> CopyView {
        CopyView {
            id: seat.id,
            index: seat.index,
            template: seat.template,
            host: self.hosts.get(seat.host).id,
            made_at: seat.made_at,
            cause: seat.why.cause,
            replaces: seat.replaces,
            wish: seat.wish,
            told: seat.told,
            standing: self.standing(seat.host),
            fits: self.fits(seat),
        }
    }

    fn standing(&self, host: HostIx) -> HostStanding {
        let Some(view) = &self.hosts.get(host).view else { return HostStanding::Gone };
        let lost = (view.state == tamer_model::HostState::Lost).then_some(view.since);
        let drain = view.host.drain.as_ref().map(|drain| Draining {
            deadline: drain.deadline,
            keep_every_host: drain.keep_every_host,
        });
        HostStanding::Here { lost, drain }
    }
}
