//! Who asks for a host: a workload's terms, and what one copy takes. Filter and score of one host.

use std::borrow::Cow;

use tamer_model::{HostState, Run, Workload};

use super::draft::{Draft, Has};
use super::score::Scale;
use crate::scheduler::Fleet;
use crate::state::{Bits, HostIx, Lack, Likes, Need, NeedIx, Slot, Terms, WorkloadIx};
use crate::{HostView, Removed};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The tables.
    pub fleet: &'a Fleet,
    /// The workload.
    pub ix: WorkloadIx,
    /// What was told of it.
    pub workload: &'a Workload,
    /// Its terms.
    pub terms: &'a Terms,
    /// What one copy takes.
    pub need_ix: NeedIx,
    /// The same, spelled out.
    pub need: &'a Need,
    /// How its points are weighed.
    pub scale: Scale,
}

impl<'a> Frame<'a> {
    /// Of a workload that is there, for copies of a version.
    pub fn new(fleet: &'a Fleet, ix: WorkloadIx, template: u32) -> Option<Self> {
        let record = fleet.workloads.get(ix);
        let workload = record.workload.as_deref()?;
        let need_ix = record.need(template)?;
        let need = fleet.needs.get(need_ix);
        let scale = Scale::of(&workload.spec);
        Some(Self { fleet, ix, workload, terms: &record.terms, need_ix, need, scale })
    }

    /// Hosts that would do if they were empty: ready, open, not set aside, with the provider, and
    /// as the constraints say. A few words of bits for each constraint.
    pub fn open(&self, draft: &Draft<'_>) -> Bits {
        let hosts = &self.fleet.hosts;
        let mut open = hosts.open().clone();
        open.keep(hosts.with_provider(&self.workload.spec.provider));
        for mask in &self.terms.constraints {
            open.keep(self.fleet.masks.hosts(*mask));
        }
        for host in hosts.aside() {
            let view = hosts.get(*host).view.as_ref();
            if view.is_some_and(|view| self.is_aside(view, draft)) {
                open.set(*host, false);
            }
        }
        open
    }

    fn is_aside(&self, view: &HostView, draft: &Draft<'_>) -> bool {
        let mine = view.set_aside_for.get(&self.workload.spec.name);
        view.set_aside.iter().chain(mine).any(|until| *until > draft.now)
    }

    /// The workloads that this one keeps away from, or that keep away from it.
    pub fn apart(&self) -> Vec<WorkloadIx> {
        let record = self.fleet.workloads.get(self.ix);
        let names_me = |other: &&WorkloadIx| {
            self.fleet.workloads.get(**other).terms.apart_from.contains(&self.ix)
        };
        let mut apart = self.terms.apart_from.clone();
        apart.extend(record.named_by.iter().filter(names_me));
        // By name: places in the tables hang on who was told of first.
        apart.sort_unstable_by_key(|other| &self.fleet.workloads.get(*other).name);
        apart.dedup();
        apart
    }

    /// Whether one host, that would do if it were empty, takes a copy when those `without` are
    /// gone.
    pub fn takes(
        &self,
        draft: &Draft<'_>,
        host: HostIx,
        apart: &[WorkloadIx],
        without: &[Slot],
    ) -> bool {
        let has = |other: &WorkloadIx, how| draft.has(*other, host, how, without);
        self.terms.with.iter().all(|other| has(other, Has::Wanted))
            && !apart.iter().any(|other| has(other, Has::There))
            && !(self.runs_everywhere() && has(&self.ix, Has::Wanted))
            && self.room(draft, host, without)
    }

    /// Whether there is room on one host, when those `without` are gone.
    pub fn room(&self, draft: &Draft<'_>, host: HostIx, without: &[Slot]) -> bool {
        if self.is_taken(host) {
            return false;
        }
        match without {
            [] => draft.usage(host).has_room(self.need),
            without => draft.without(host, without).has_room(self.need),
        }
    }

    /// Whether something that is no placement has one of the ports.
    fn is_taken(&self, host: HostIx) -> bool {
        let view = self.fleet.hosts.get(host).view.as_ref();
        !self.need.ports.is_empty()
            && view.is_some_and(|view| self.need.ports.iter().any(|port| view.taken.contains(port)))
    }

    /// Whether it runs once on every host.
    pub const fn runs_everywhere(&self) -> bool {
        matches!(self.workload.spec.run, Run::EveryHost)
    }

    /// The points of one host, without the spread. In thousandths.
    pub fn points(&self, draft: &Draft<'_>, host: HostIx, without: &[Slot]) -> i32 {
        let mut likes = 0;
        for (what, weight) in &self.terms.affinity {
            let matched = match what {
                Likes::Hosts(mask) => self.fleet.masks.hosts(*mask).has(host),
                Likes::Workload(other) => draft.has(*other, host, Has::Wanted, without),
            };
            likes += self.scale.liking(*weight, matched);
        }
        let room = match without {
            [] => self.scale.room(draft.usage(host), self.need),
            without => self.scale.room(&draft.without(host, without), self.need),
        };
        likes + room
    }

    /// Where the affinities hold, for all hosts at once.
    pub fn likes(&self, draft: &Draft<'_>) -> Vec<(Cow<'a, Bits>, i8)> {
        let likes = self.terms.affinity.iter().map(|(what, weight)| {
            let hosts = match what {
                Likes::Hosts(mask) => Cow::Borrowed(self.fleet.masks.hosts(*mask)),
                Likes::Workload(other) => Cow::Owned(draft.hosts_with(*other, Has::Wanted)),
            };
            (hosts, *weight)
        });
        likes.collect()
    }

    /// The points of one host, where it is known where the affinities hold.
    pub fn points_among(
        &self,
        draft: &Draft<'_>,
        host: HostIx,
        likes: &[(Cow<'_, Bits>, i8)],
    ) -> i32 {
        let liked: i32 =
            likes.iter().map(|(hosts, weight)| self.scale.liking(*weight, hosts.has(host))).sum();
        liked + self.scale.room(draft.usage(host), self.need)
    }

    /// Adds all that keeps a copy from a host though it be empty, in the order in which it is told:
    /// nothing for a host that is open.
    pub fn closed(&self, draft: &Draft<'_>, host: HostIx, barriers: &mut Vec<Barrier>) {
        let Some(view) = &self.fleet.hosts.get(host).view else {
            barriers.push(Barrier::NotReady);
            return;
        };
        let mut add = |stands: bool, barrier| {
            if stands {
                barriers.push(barrier);
            }
        };
        add(view.state != HostState::Ready, Barrier::NotReady);
        add(view.host.cordon.is_some() || view.host.drain.is_some(), Barrier::Cordoned);
        add(self.is_aside(view, draft), Barrier::SetAside);
        add(!view.providers.contains(&self.workload.spec.provider), Barrier::Provider);
        for (at, mask) in self.terms.constraints.iter().enumerate() {
            add(!self.fleet.masks.hosts(*mask).has(host), Barrier::Constraint(at));
        }
    }

    /// Adds all that others have, or have left, that keeps a copy from a host, in the order in which
    /// it is told. The skew is not for this to say: it depends on where the other copies are.
    pub fn taken(
        &self,
        draft: &Draft<'_>,
        host: HostIx,
        apart: &[WorkloadIx],
        barriers: &mut Vec<Barrier>,
    ) {
        let has = |other: WorkloadIx, how| draft.has(other, host, how, &[]);
        let first = barriers.len();
        let mut add = |stands: bool, barrier| {
            if stands {
                barriers.push(barrier);
            }
        };
        for other in &self.terms.with {
            add(!has(*other, Has::Wanted), Barrier::With(*other));
        }
        for other in apart {
            add(has(*other, Has::There), Barrier::ApartFrom(*other));
        }
        add(self.runs_everywhere() && has(self.ix, Has::Wanted), Barrier::HasOne);
        barriers.extend(draft.usage(host).lacks(self.need).map(Barrier::Lack));
        if !self.is_taken(host) {
            return;
        }
        let view = self.fleet.hosts.get(host).view.as_ref();
        let taken = |port: &&_| view.is_some_and(|view| view.taken.contains(*port));
        for (port, protocol) in self.need.ports.iter().filter(taken) {
            let lack = Barrier::Lack(Lack::Port(*port, *protocol));
            if !barriers[first..].contains(&lack) {
                barriers.push(lack);
            }
        }
    }

    /// Barriers in the order in which they are told, the same wherever names are in the tables.
    pub fn order(&self, barrier: Barrier) -> (u8, usize, String) {
        let name = |ix: WorkloadIx| self.fleet.workloads.get(ix).name.to_string();
        match barrier {
            Barrier::NotReady => (0, 0, String::new()),
            Barrier::Cordoned => (1, 0, String::new()),
            Barrier::SetAside => (2, 0, String::new()),
            Barrier::Provider => (3, 0, String::new()),
            Barrier::Constraint(at) => (4, at, String::new()),
            Barrier::With(ix) => (5, 0, name(ix)),
            Barrier::ApartFrom(ix) => (6, 0, name(ix)),
            Barrier::HasOne => (7, 0, String::new()),
            Barrier::Skew(at) => (8, at, String::new()),
            Barrier::Lack(Lack::Cpu) => (9, 0, String::new()),
            Barrier::Lack(Lack::Memory) => (10, 0, String::new()),
            Barrier::Lack(Lack::Disk) => (11, 0, String::new()),
            Barrier::Lack(Lack::Device(kind)) => {
                (12, 0, self.fleet.needs.device_name(kind).to_string())
            }
            Barrier::Lack(Lack::Port(port, protocol)) => {
                (13, usize::from(port), protocol.as_str().to_owned())
            }
        }
    }

    /// What is told of a barrier.
    pub fn told(&self, barrier: Barrier) -> Removed {
        let name = |ix: WorkloadIx| self.fleet.workloads.get(ix).name.clone();
        match barrier {
            Barrier::NotReady => Removed::NotReady,
            Barrier::Cordoned => Removed::Cordoned,
            Barrier::SetAside => Removed::SetAside,
            Barrier::Provider => Removed::Provider(self.workload.spec.provider.clone()),
            Barrier::Constraint(at) => {
                Removed::Constraint(self.workload.spec.constraints[at].to_string())
            }
            Barrier::With(ix) => Removed::With(name(ix)),
            Barrier::ApartFrom(ix) => Removed::ApartFrom(name(ix)),
            Barrier::HasOne => Removed::HasOne,
            Barrier::Skew(at) => Removed::Skew(self.workload.spec.spread[at].over.clone()),
            Barrier::Lack(Lack::Cpu) => Removed::Cpu,
            Barrier::Lack(Lack::Memory) => Removed::Memory,
            Barrier::Lack(Lack::Disk) => Removed::Disk,
            Barrier::Lack(Lack::Device(kind)) => {
                Removed::Device(self.fleet.needs.device_name(kind).to_string())
            }
            Barrier::Lack(Lack::Port(port, protocol)) => Removed::Port(port, protocol),
        }
    }
}

/// What keeps a copy from a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Barrier {
    /// It is lost or pending.
    NotReady,
    /// It is cordoned or drained.
    Cordoned,
    /// What is placed there keeps failing.
    SetAside,
    /// The provider is not there.
    Provider,
    /// A constraint, by its place in the spec.
    Constraint(usize),
    /// A copy of this workload is not there.
    With(WorkloadIx),
    /// A copy of this workload is there.
    ApartFrom(WorkloadIx),
    /// It has a copy already.
    HasOne,
    /// A value would have too many copies; the spread, by its place in the spec.
    Skew(usize),
    /// There is too little of something.
    Lack(Lack),
}
