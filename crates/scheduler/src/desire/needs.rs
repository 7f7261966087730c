//! What is demanded: for places without a copy, and for copies that leave.

use tamer_model::{Cause, HostId, PlacementId, StopCause, UpdateOrder};

use super::Demand;
use super::budget::Budget;
use super::judge::{Death, Judged, Leaving, State, Terms};
use super::pair::Hold;
use super::slots::{Place, Slot};
use super::update::Gate;

/// Makes demands of one workload.
pub(super) struct Needs<'b, 'a> {
    pub terms: Terms<'b>,
    pub gate: Gate,
    /// All copies, in the order of their places.
    pub judged: &'b [Judged<'a>],
    pub demands: Vec<Demand>,
    pub stops: Vec<(PlacementId, StopCause)>,
}

impl Needs<'_, '_> {
    /// A copy for a place that has none. What is still stopping there says why it is missing.
    pub(super) fn vacant(&mut self, index: u32, host: Option<HostId>) {
        let place = host.map_or(Place::Index(index), Place::Host);
        let last = self.of(place).iter().filter_map(|copy| match copy.state {
            State::Stopping(cause) => because(cause).map(|cause| (cause, copy)),
            State::Dead(_) | State::Done | State::Unknown | State::Lost | State::Here => None,
        });
        let last = last.max_by_key(|(_, copy)| (copy.view.made_at, copy.view.id));
        let (cause, replaces) = match last {
            Some((cause, copy)) => (cause, Some(copy.view.id)),
            None => (Cause::Missing, None),
        };
        let avoid = self.avoid(index, host);
        let template = self.template(None);
        self.demands.push(Demand { index, template, cause, replaces, host, avoid, stops: None });
    }

    /// A copy for one that died; its record stops anyhow.
    pub(super) fn revive(&mut self, dead: &Judged<'_>, host: Option<HostId>) {
        let State::Dead(death) = dead.state else { return };
        let index = dead.view.index;
        let fault = matches!(death, Death::Failed | Death::Former);
        self.demands.push(Demand {
            index,
            template: self.template(Some(dead).filter(|_| !fault)),
            cause: death.cause(),
            replaces: Some(dead.view.id),
            host,
            avoid: self.avoid(index, host),
            stops: None,
        });
    }

    /// A copy for one whose host is lost for too long. A lost original stays, so that its return can
    /// be judged; a second one that is lost stops when the third is made.
    pub(super) fn relieve(&mut self, slot: &Slot<'_>) {
        let lost = slot.hold.serving();
        let stops = match slot.hold {
            Hold::Away { .. } => Some((lost.view.id, StopCause::Replaced)),
            Hold::One(_) | Hold::Changing { .. } | Hold::Contest { .. } => None,
        };
        self.demand(slot, &lost, Cause::HostLost, stops, None);
    }

    /// A copy for one that goes now, place or no place.
    pub(super) fn evict(&mut self, slot: &Slot<'_>, copy: &Judged<'_>, leaving: Leaving) {
        self.stops.push((copy.view.id, leaving.stop()));
        self.demand(slot, copy, leaving.cause(), None, None);
    }

    /// A copy that takes another's place as the update's order says.
    pub(super) fn replace(&mut self, slot: &Slot<'_>, copy: &Judged<'_>, leaving: Leaving) {
        let start_first = self.terms.workload.spec.update.order == UpdateOrder::StartFirst
            && !self.terms.completes()
            && matches!(slot.hold, Hold::One(_));
        let stops = (!start_first).then_some((copy.view.id, leaving.stop()));
        let host = self.terms.every_host().then_some(copy.view.host);
        self.demand(slot, copy, leaving.cause(), stops, host);
    }

    /// A first copy of a new template: beside the old one, or, where its place is one host, in its
    /// place.
    pub(super) fn canary(&mut self, slot: &Slot<'_>, copy: &Judged<'_>, budget: &mut Budget) {
        let every_host = self.terms.every_host();
        if every_host && !budget.take(copy) {
            return;
        }
        self.demands.push(Demand {
            index: slot.index,
            template: self.terms.workload.template,
            cause: Cause::Canary,
            replaces: Some(copy.view.id),
            host: every_host.then_some(copy.view.host),
            avoid: self.avoid(slot.index, None),
            stops: every_host.then_some((copy.view.id, StopCause::Updated)),
        });
    }

    fn demand(
        &mut self,
        slot: &Slot<'_>,
        copy: &Judged<'_>,
        cause: Cause,
        stops: Option<(PlacementId, StopCause)>,
        host: Option<HostId>,
    ) {
        // Beside a lost original, what is made is its stand-in, whatever became of the one before.
        let (cause, replaces) = match &slot.hold {
            Hold::Away { original, .. } => (Cause::HostLost, original.view.id),
            Hold::One(_) | Hold::Changing { .. } | Hold::Contest { .. } => (cause, copy.view.id),
        };
        let template = self.template(Some(copy));
        let avoid = self.avoid(slot.index, host);
        let (index, replaces) = (slot.index, Some(replaces));
        self.demands.push(Demand { index, template, cause, replaces, host, avoid, stops });
    }

    /// The template of what is made now. Unless an update is rolling, a copy's successor is as it
    /// was, and a missing one as it was when all was well.
    fn template(&self, before: Option<&Judged<'_>>) -> u32 {
        let workload = self.terms.workload;
        match (self.gate, before) {
            (Gate::Open, _) => workload.template,
            (Gate::Canary | Gate::Shut, Some(copy)) => copy.view.template,
            (Gate::Canary | Gate::Shut, None) => workload.stable.unwrap_or(workload.template),
        }
    }

    /// Hosts where a copy of this index failed, as long as its record is there.
    fn avoid(&self, index: u32, host: Option<HostId>) -> Vec<HostId> {
        if host.is_some() || self.terms.every_host() {
            return Vec::new();
        }
        let failed = |copy: &&Judged<'_>| {
            matches!(copy.state, State::Dead(Death::Failed) | State::Stopping(StopCause::Failed))
        };
        let group = self.of(Place::Index(index)).iter();
        let mut hosts: Vec<_> = group.filter(failed).map(|copy| copy.view.host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    fn of(&self, place: Place) -> &[Judged<'_>] {
        let from = self.judged.partition_point(|copy| self.terms.place(copy) < place);
        let length = self.judged[from..].partition_point(|copy| self.terms.place(copy) == place);
        &self.judged[from..from + length]
    }
}

/// Why a copy is made whose predecessor was stopped for this.
const fn because(stopped: StopCause) -> Option<Cause> {
    match stopped {
        StopCause::Failed => Some(Cause::Failed),
        StopCause::Preempted => Some(Cause::Preempted),
        StopCause::Drained => Some(Cause::Drained),
        StopCause::Unfitting => Some(Cause::Unfitting),
        StopCause::Updated | StopCause::Reverted => Some(Cause::Updated),
        StopCause::Rebalanced => Some(Cause::Rebalanced),
        StopCause::Surplus
        | StopCause::Replaced
        | StopCause::Duplicate
        | StopCause::Completed
        | StopCause::WorkloadStopped
        | StopCause::WorkloadRemoved => None,
    }
}
