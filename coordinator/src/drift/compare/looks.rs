//! Which hosts are looked at, and what of them was not seen.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use tamer_drift::finding::{HostDrift, Incomplete, Window};
use tamer_model::{HostId, HostName, Labels, Selector, Subject, Timestamp};

use super::Base;
use super::bases::{Held, Hosts};
use super::differ::Pair;
use crate::drift::record::HostRecord;
use crate::drift::{Drift, Known};
use crate::fleet::Member;

/// The facts of a host that rules and selectors name.
const FACTS: &[&str] =
    &["os", "distro", "distro_version", "kernel", "arch", "virtualization", "state"];

/// Which hosts are looked at.
#[derive(Default)]
pub(super) struct Looks {
    /// In their order, with what is known of each without reading anything.
    pub(super) hosts: Vec<HostDrift>,
    /// The places in `hosts` of those of which something has to be read, and what.
    pub(super) pairs: Vec<(usize, Pair)>,
    /// Those that are not in the base, with what is known of them.
    pub(super) strangers: BTreeMap<HostId, HostRecord>,
    /// Those of the base that were removed from the fleet.
    pub(super) gone: BTreeSet<HostId>,
}

/// What is known of a host that is looked at.
struct Look<'a> {
    before: Option<Held>,
    known: &'a Known,
    is_open: bool,
    is_member: bool,
}

impl Drift {
    /// Every host that is meant: of the base, and of the fleet where the base's selector names it.
    pub(super) fn looks(&self, base: &Base, selector: &Selector, now: Timestamp) -> Looks {
        let view = self.fleet().view();
        let Hosts { held, names } = &*base.hosts;
        let members = view.hosts().map(|member| member.host.id);
        let mut all: Vec<_> = members.chain(held.keys().copied()).collect();
        all.sort_unstable();
        all.dedup();
        let mut looks = Looks { hosts: Vec::with_capacity(all.len()), ..Looks::default() };
        let unknown = Known::default();
        self.board().with(|board| {
            let mut members = Along::of(view.hosts().map(|member| (member.host.id, member)));
            let mut board = Along::of(board.iter().map(|(host, known)| (*host, known)));
            let mut held = Along::of(held.iter().map(|(host, held)| (*host, *held)));
            for host in all {
                let (before, member) = (held.at(host), members.at(host));
                let known = board.at(host).unwrap_or(&unknown);
                let name = member.map(|member| &member.host.name).or_else(|| names.get(&host));
                let is_meant = match member {
                    Some(member) => base.means(selector, member, before.is_some()),
                    None => base.means_gone(selector, &Gone { host, name }),
                };
                let Some(name) = name.filter(|_| is_meant) else { continue };
                let (is_member, is_open) = (member.is_some(), self.sessions().is_open(host));
                let look = Look { before, known, is_open, is_member };
                looks.add(host, name.clone(), &look, base.snapshot.at, now);
            }
        });
        looks
    }

    /// Says what rules and selectors ask of hosts. Of thousands of them that is most of the work where
    /// nothing was found, and then nobody asks.
    pub(super) fn describe(&self, hosts: &mut [HostDrift]) {
        if hosts.iter().all(|host| host.changes.is_empty() && host.held.is_empty()) {
            return;
        }
        let view = self.fleet().view();
        for host in hosts {
            if let Some(member) = view.host(host.host) {
                (host.labels, host.facts) = (member.host.labels.clone(), facts(member));
            }
        }
    }
}

impl Base {
    /// Whether a host of the fleet is looked at. A snapshot that named hosts by a selector says nothing
    /// of others.
    fn means(&self, asked: &Selector, member: &Member, is_held: bool) -> bool {
        let subject = (&member.host, member.status.state);
        (is_held || self.snapshot.selector.matches(&subject))
            && asked.matches(&subject)
            && self.meant.matches(&subject)
    }

    /// Whether a host is looked at that was removed: it is told that nobody sees it any more, until
    /// people say that it is right.
    fn means_gone(&self, asked: &Selector, gone: &Gone<'_>) -> bool {
        let of_all = self.meant.is_all() || self.meant == self.snapshot.selector;
        (of_all || self.meant.matches(gone)) && (asked.is_all() || asked.matches(gone))
    }
}

/// A host that was removed: nothing but what it was called is known of it.
struct Gone<'a> {
    host: HostId,
    name: Option<&'a HostName>,
}

impl Subject for Gone<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        match key {
            "id" => Some(self.host.to_string().into()),
            "name" => self.name.map(|name| name.as_str().into()),
            _fact_or_label => None,
        }
    }
}

impl Looks {
    fn add(
        &mut self,
        host: HostId,
        name: HostName,
        look: &Look<'_>,
        baseline: Timestamp,
        now: Timestamp,
    ) {
        if let Some(pair) = look.pair(baseline, now) {
            self.pairs.push((self.hosts.len(), pair));
        }
        if look.before.is_none()
            && let Some((record, _)) = &look.known.record
        {
            self.strangers.insert(host, HostRecord::clone(record));
        }
        if !look.is_member {
            self.gone.insert(host);
        }
        let from = look.before.map_or(baseline, |before| before.at).min(now);
        self.hosts.push(HostDrift {
            host,
            name,
            labels: Labels::default(),
            facts: BTreeMap::new(),
            changes: Vec::new(),
            windows: BTreeMap::new(),
            held: Vec::new(),
            gaps: Vec::new(),
            incomplete: look.unseen(),
            window: Window { from, to: now },
        });
    }
}

impl Look<'_> {
    /// What has to be read: nothing where there are no two pictures, and where it is known what would
    /// be found. Of a host that is as it was only the end of a certificate is ever told.
    fn pair(&self, baseline: Timestamp, now: Timestamp) -> Option<Pair> {
        let (before, after) = (self.before?, self.known.root()?);
        let pair = Pair { before: before.root, after, began: before.at, at: (baseline, now) };
        let known = self.known.ends().filter(|_| before.root == after);
        match known {
            Some(ends) if !ends.iter().any(|end| pair.is_due(*end)) => None,
            Some(_) | None => Some(pair),
        }
    }

    /// What of it was not seen.
    fn unseen(&self) -> Vec<Incomplete> {
        let mut unseen = Vec::new();
        if !self.is_member {
            unseen.push(missing("the host was removed from the fleet".to_owned()));
            return unseen;
        }
        if self.before.is_none() {
            unseen.push(missing("the host is not in the baseline".to_owned()));
        }
        if let Some(doubt) = self.known.doubt() {
            unseen.push(missing(doubt));
        }
        if self.known.is_whole() && self.is_open {
            return unseen;
        }
        match &self.known.record {
            None if self.known.spoken.is_none() => {
                unseen.push(missing("its agent told of no inventory".to_owned()));
            }
            None => {}
            Some((record, _)) => {
                if !self.is_open {
                    unseen.push(missing("its agent is not connected".to_owned()));
                }
                unseen.extend(record.sources.iter().filter(|one| !one.complete).map(|one| {
                    let kinds = one.kinds.iter().filter_map(|kind| kind.parse().ok()).collect();
                    Incomplete { source: one.name.clone(), kinds, problem: one.problem.clone() }
                }));
            }
        }
        unseen
    }
}

/// Something about a host as a whole.
pub(super) fn missing(problem: String) -> Incomplete {
    Incomplete { source: "tamer".to_owned(), kinds: BTreeSet::new(), problem }
}

/// Goes along what is in the order of hosts, beside somebody who asks for hosts in their order: a
/// comparison each, where a lookup goes down a whole tree.
struct Along<I: Iterator>(Peekable<I>);

impl<T, I: Iterator<Item = (HostId, T)>> Along<I> {
    fn of(all: I) -> Self {
        Self(all.peekable())
    }

    fn at(&mut self, host: HostId) -> Option<T> {
        while self.0.next_if(|(at, _)| *at < host).is_some() {}
        self.0.next_if(|(at, _)| *at == host).map(|(_, found)| found)
    }
}

fn facts(member: &Member) -> BTreeMap<String, String> {
    let subject = (&member.host, member.status.state);
    let fact = |key: &&str| Some(((*key).to_owned(), subject.value(key)?.into_owned()));
    FACTS.iter().filter_map(fact).collect()
}
