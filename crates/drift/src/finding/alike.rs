//! Exceptions: hosts like those of a finding on which it does not differ so.
//!
//! Hosts are alike that share the labels which all hosts of the finding share. Exceptions are told
//! of a finding on three hosts or more, where they are the fewer: "openssl went to 3.0.14 on 212
//! hosts, and not on these two" is worth a line, "not on these 9,788" is not.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::Draft;
use super::input::HostDrift;
use super::report::{Exceptions, MAX_EXCEPTIONS};

/// Findings on fewer hosts have no exceptions.
const FEWEST: usize = 3;

type Label<'a> = (&'a str, &'a str);

/// Who has which label, and on whom something about a subject differs at all.
pub(super) struct Alike<'a> {
    hosts: &'a [&'a HostDrift],
    with: BTreeMap<Label<'a>, BTreeSet<usize>>,
    differ: BTreeMap<String, BTreeSet<usize>>,
}

impl<'a> Alike<'a> {
    pub(super) fn new(hosts: &'a [&'a HostDrift], drafts: &[Draft<'_>]) -> Self {
        let mut with: BTreeMap<Label<'a>, BTreeSet<usize>> = BTreeMap::new();
        for (at, host) in hosts.iter().enumerate() {
            for (key, value) in &host.labels {
                with.entry((key.as_str(), value.as_str())).or_default().insert(at);
            }
        }
        let mut differ: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for draft in drafts {
            differ.entry(subject(draft)).or_default().extend(draft.parts.iter().map(|part| part.0));
        }
        Self { hosts, with, differ }
    }

    /// Work in proportion to the hosts of the finding: who is alike is counted before it is listed.
    pub(super) fn exceptions(&self, draft: &Draft<'_>) -> Exceptions {
        let members: BTreeSet<usize> = draft.parts.iter().map(|part| part.0).collect();
        if members.len() < FEWEST {
            return Exceptions::default();
        }
        let common = self.common(&members);
        let fewest = common.iter().map(|label| &self.with[label]).min_by_key(|with| with.len());
        let seen = fewest.map_or(self.hosts.len(), BTreeSet::len);
        if seen > members.len().saturating_mul(4) {
            return Exceptions::default();
        }
        let changed = self.differ.get(&subject(draft));
        let candidates: Vec<usize> = match fewest {
            Some(with) => with.iter().copied().collect(),
            None => (0..self.hosts.len()).collect(),
        };
        let without = candidates.into_iter().filter(|at| {
            !changed.is_some_and(|changed| changed.contains(at))
                && common.iter().all(|label| self.with[label].contains(at))
                && is_seen(self.hosts[*at])
        });
        let without: Vec<_> = without.collect();
        if without.is_empty() || without.len() >= members.len() {
            return Exceptions::default();
        }
        let names = without.iter().take(MAX_EXCEPTIONS).map(|at| self.hosts[*at].name.clone());
        Exceptions {
            count: u64::try_from(without.len()).unwrap_or(u64::MAX),
            hosts: names.collect(),
            alike: said(&common),
        }
    }

    fn common(&self, members: &BTreeSet<usize>) -> Vec<Label<'a>> {
        let mut members = members.iter().map(|at| &self.hosts[*at].labels);
        let Some(first) = members.next() else { return Vec::new() };
        let mut common: Vec<_> = first.iter().collect();
        for labels in members {
            common.retain(|(key, value)| labels.get(*key) == Some(*value));
        }
        common.into_iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }
}

fn subject(draft: &Draft<'_>) -> String {
    let (kind, source, id, name) = draft.mark.subject();
    format!("{kind}\0{source}\0{id}\0{name}")
}

/// Of a host that was not seen whole nobody knows whether it is an exception.
fn is_seen(host: &HostDrift) -> bool {
    host.incomplete.is_empty() && host.gaps.is_empty()
}

fn said(common: &[Label<'_>]) -> String {
    if common.is_empty() {
        return "all hosts that were compared".to_owned();
    }
    common.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
