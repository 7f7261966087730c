//! What the scheduler is asked between steps. None of it changes anything.

use tamer_model::{HostId, PlacementId, Run, Timestamp, WorkloadName};

use super::{Fleet, Scheduler};
use crate::desire::{CopyView, Desire, Draining, HostStanding, desire};
use crate::state::{HostIx, List, Seat, WorkloadIx};
use crate::{Candidate, Counts, Plan, Unplaced};

impl Scheduler {
    /// Why copies of a workload have no host; none when each has one, as far as was seen in the
    /// last step.
    pub fn unplaced(&self, name: &WorkloadName) -> Option<Unplaced> {
        let ix = self.fleet.workloads.find(name)?;
        let copies = self.fleet.workloads.get(ix).starved;
        (copies > 0).then(|| Unplaced {
            workload: name.clone(),
            copies,
            hosts: 0,
            removed: Vec::new(),
            remedies: Vec::new(),
        })
    }

    /// The hosts that one more copy could go to, the best first, at most so many.
    pub fn candidates(&self, _name: &WorkloadName, _most: usize) -> Vec<Candidate> {
        Vec::new()
    }

    /// What balancing would move now: of one workload, or of all that may be balanced.
    pub fn rebalance(&self, _name: Option<&WorkloadName>, _now: Timestamp) -> Plan {
        Plan::default()
    }

    /// How a workload's copies stand.
    pub fn counts(&self, name: &WorkloadName) -> Counts {
        let Some(ix) = self.fleet.workloads.find(name) else { return Counts::default() };
        let desire = self.fleet.desire(ix, Timestamp::default());
        let counts = desire.map(|desire| desire.counts).unwrap_or_default();
        Counts { unplaced: self.fleet.workloads.get(ix).starved, ..counts }
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
        let eligible = matches!(workload.spec.run, Run::EveryHost).then(Vec::new);
        Some(desire(workload, &copies, eligible.as_deref(), now))
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
            fits: true,
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
