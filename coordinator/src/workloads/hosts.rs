//! Hosts as the scheduler sees them, made of the fleet's cache, the sessions and what fails there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tamer_model::{
    Availability, HostId, HostState, Instance, PlacementId, Protocol, ProviderName, Timestamp,
};
use tamer_scheduler::HostView;
use tamer_store::Revision;

use super::board::Board;
use super::orders::SPOKEN_SINCE;
use crate::fleet::{Member, View};
use crate::session::Sessions;

/// What the scheduler was told of hosts.
#[derive(Default)]
pub struct Hosts {
    shown: HashMap<HostId, Shown>,
    /// The sessions in which agents have told of all their copies.
    told: HashMap<HostId, u64>,
    /// Hosts that are no part of the fleet, since somebody last asked.
    gone: BTreeSet<HostId>,
}

/// What the scheduler was told of a host.
struct Shown {
    view: HostView,
    /// The revision of the record that it was made of, for preconditions.
    at: Revision,
}

impl Hosts {
    /// The revision of the record that the scheduler's view of a host was made of.
    pub fn at(&self, host: HostId) -> Option<Revision> {
        self.shown.get(&host).map(|shown| shown.at)
    }

    /// Whether a host is part of the fleet, as far as the scheduler was told.
    pub fn knows(&self, host: HostId) -> bool {
        self.shown.contains_key(&host)
    }

    /// Every host of the fleet, and those that are gone and left something behind.
    pub fn all(&self, view: &View, board: &Board) -> BTreeSet<HostId> {
        let there = view.hosts().map(|member| member.host.id);
        let behind = board.hosts().chain(board.troubles().map(|(host, _)| host));
        let known = self.shown.keys().chain(self.told.keys()).copied();
        there.chain(behind).chain(known).collect()
    }

    /// The scheduler is another one, which was told nothing. What agents told in sessions that go on
    /// they do not tell again.
    pub fn begin_anew(&mut self) {
        let told = std::mem::take(&mut self.told);
        *self = Self { told, ..Self::default() };
    }

    /// An agent has told of all its copies in this session.
    pub fn has_told(&mut self, host: HostId, session: u64) {
        self.told.insert(host, session);
    }

    /// The hosts that were found to be no part of the fleet since this was asked last.
    pub fn take_gone(&mut self) -> BTreeSet<HostId> {
        std::mem::take(&mut self.gone)
    }

    /// Tells the scheduler how these hosts are now, where that changed. Returns those.
    pub fn refresh(
        &mut self,
        hosts: &BTreeSet<HostId>,
        view: &View,
        sessions: &Sessions,
        board: &mut Board,
        now: Timestamp,
    ) -> Vec<HostId> {
        let mut changed = Vec::new();
        for id in hosts {
            let Some(member) = view.host(*id) else {
                self.forget(*id, board);
                changed.push(*id);
                continue;
            };
            let shown = self.view_of(member, view, sessions, board, now);
            if self.shown.get(id).is_none_or(|known| !same(&known.view, &shown)) {
                board.put_host(shown.clone());
                changed.push(*id);
            }
            self.shown.insert(*id, Shown { view: shown, at: member.host_at });
        }
        changed
    }

    fn forget(&mut self, host: HostId, board: &mut Board) {
        self.shown.remove(&host);
        self.told.remove(&host);
        // One that the scheduler was never told of may have copies, too.
        board.remove_host(host);
        self.gone.insert(host);
    }

    fn view_of(
        &self,
        member: &Member,
        view: &View,
        sessions: &Sessions,
        board: &Board,
        now: Timestamp,
    ) -> HostView {
        let id = member.host.id;
        let known = self.shown.get(&id);
        let unchanged = known.filter(|known| known.at == member.host_at);
        let host = unchanged.map(|known| known.view.host.clone());
        let (state, since) = self.standing(member, sessions, board);
        let trouble = board.trouble(id);
        HostView {
            host: host.unwrap_or_else(|| Arc::new(member.host.clone())),
            state,
            since,
            providers: providers(view, id),
            taken: taken(view, id, board),
            set_aside: trouble.and_then(|trouble| trouble.set_aside(now)),
            set_aside_for: trouble.map_or_else(BTreeMap::new, |trouble| trouble.set_aside_for(now)),
        }
    }

    /// The state of a host for placing, and since when. One whose agent knows nothing of placements
    /// is not ready for them. One that comes back stays lost until its agent has told how its copies
    /// stand: what it told before it was lost may no longer be so.
    fn standing(
        &self,
        member: &Member,
        sessions: &Sessions,
        board: &Board,
    ) -> (HostState, Timestamp) {
        let (id, status) = (member.host.id, &member.status);
        let live = sessions.get(id);
        let lost = self.shown.get(&id).filter(|known| known.view.state == HostState::Lost);
        match (status.state, lost, live) {
            (HostState::Ready, _, Some(live)) if live.wire_minor < SPOKEN_SINCE => {
                (HostState::Pending, status.since)
            }
            (HostState::Ready, Some(lost), live)
                if board.copies_on(id).next().is_some()
                    && live
                        .as_ref()
                        .is_none_or(|live| self.told.get(&id) != Some(&live.number)) =>
            {
                (HostState::Lost, lost.view.since)
            }
            (state, ..) => (state, status.since),
        }
    }
}

fn providers(view: &View, host: HostId) -> BTreeSet<ProviderName> {
    let there = view.providers(host).iter().filter(|status| match &status.availability {
        Availability::Available { .. } => true,
        Availability::Unavailable(_) => false,
    });
    there.map(|status| status.name.clone()).collect()
}

/// Ports of the host that instances publish which are no copies of workloads.
fn taken(view: &View, host: HostId, board: &Board) -> BTreeSet<(u16, Protocol)> {
    let publishing: Vec<_> = view
        .instances_of(host)
        .map(|placed| &placed.instance.instance)
        .filter(|instance| instance.ports.iter().any(|port| port.host.is_some()))
        .collect();
    if publishing.is_empty() {
        return BTreeSet::new();
    }
    let copies: HashSet<_> =
        board.copies_on(host).map(|copy| copy.placement.instance_name()).collect();
    let foreign = publishing.into_iter().filter(|instance| {
        // The agent's label says it too, also of a copy whose records went a moment ago.
        !copies.contains(instance.name.as_str()) && !is_labelled(instance)
    });
    let ports = foreign.flat_map(|instance| &instance.ports);
    ports.filter_map(|port| Some((port.host?, port.protocol))).collect()
}

fn is_labelled(instance: &Instance) -> bool {
    instance.managed && instance.labels.values().any(|label| label.parse::<PlacementId>().is_ok())
}

fn same(one: &HostView, other: &HostView) -> bool {
    let HostView { host, state, since, providers, taken, set_aside, set_aside_for } = one;
    (Arc::ptr_eq(host, &other.host) || *host == other.host)
        && *state == other.state
        && *since == other.since
        && *providers == other.providers
        && *taken == other.taken
        && *set_aside == other.set_aside
        && *set_aside_for == other.set_aside_for
}
