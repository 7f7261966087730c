//! Which hosts are looked at, and what of them was not seen.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use tamer_drift::finding::{HostDrift, Incomplete};
use tamer_model::{HostId, HostName, Selector, Subject};

use super::Base;
use super::bases::Held;
use crate::drift::{Drift, Known};
use crate::fleet::Member;

/// The facts of a host that rules and selectors name.
const FACTS: &[&str] =
    &["os", "distro", "distro_version", "kernel", "arch", "virtualization", "state"];

/// A host that is looked at.
pub(super) struct Look {
    pub(super) host: HostId,
    pub(super) name: HostName,
    pub(super) before: Option<Held>,
    pub(super) known: Known,
    pub(super) is_open: bool,
    pub(super) is_member: bool,
}

impl Drift {
    /// Every host that is meant: of the base, and of the fleet where the base's selector names it.
    pub(super) fn looks(&self, base: &Base, selector: &Selector) -> Vec<Look> {
        let view = self.fleet().view();
        let mut board = self.board().all();
        let mut looks = Vec::new();
        let fits = |member: &Member| {
            let subject = (&member.host, member.status.state);
            selector.matches(&subject) && base.meant.matches(&subject)
        };
        let all = view.hosts().map(|member| member.host.id).chain(base.hosts.held.keys().copied());
        for host in all.collect::<BTreeSet<_>>() {
            let before = base.hosts.held.get(&host).copied();
            let member = view.host(host);
            // A snapshot that named hosts by a selector says nothing of others.
            let meant = match member {
                Some(member) => {
                    let named = before.is_some()
                        || base.snapshot.selector.matches(&(&member.host, member.status.state));
                    named && fits(member)
                }
                // It is told that nobody sees it any more, until people say that it is right.
                None => {
                    let gone = Gone { host, name: base.hosts.names.get(&host) };
                    let of_all = base.meant.is_all() || base.meant == base.snapshot.selector;
                    (of_all || base.meant.matches(&gone))
                        && (selector.is_all() || selector.matches(&gone))
                }
            };
            if !meant {
                continue;
            }
            let name = member.map(|member| member.host.name.clone());
            let Some(name) = name.or_else(|| base.hosts.names.get(&host).cloned()) else {
                continue;
            };
            looks.push(Look {
                host,
                name,
                before,
                known: board.remove(&host).unwrap_or_default(),
                is_open: self.sessions().is_open(host),
                is_member: member.is_some(),
            });
        }
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

impl Look {
    /// What of it was not seen.
    pub(super) fn unseen(&self) -> Vec<Incomplete> {
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

fn facts(member: &Member) -> BTreeMap<String, String> {
    let subject = (&member.host, member.status.state);
    let fact = |key: &&str| Some(((*key).to_owned(), subject.value(key)?.into_owned()));
    FACTS.iter().filter_map(fact).collect()
}
