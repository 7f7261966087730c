//! What matchers ask: which findings are on the same hosts, speak of the same thing, or need each
//! other.

use std::collections::{BTreeMap, BTreeSet};

use super::super::gather::Draft;
use super::super::words::How;
use super::subject;
use crate::resource::{Kind, ResourceKey};

pub(super) struct Context<'a> {
    pub(super) drafts: &'a [Draft<'a>],
    /// For each finding the number of the set of hosts it is on.
    same_hosts: Vec<usize>,
    /// Findings on the same hosts that share a word.
    pub(super) words: BTreeMap<(usize, String), Vec<usize>>,
    /// For each finding those that its resources need, or are a part of.
    needs: Vec<BTreeSet<usize>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(drafts: &'a [Draft<'a>]) -> Self {
        let mut sets: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let mut same_hosts = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let mut hosts: Vec<_> = draft.parts.iter().map(|part| part.0).collect();
            hosts.sort_unstable();
            hosts.dedup();
            let next = sets.len();
            same_hosts.push(*sets.entry(hosts).or_insert(next));
        }
        let mut words: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
        for (at, draft) in drafts.iter().enumerate() {
            for word in subject::words(draft) {
                words.entry((same_hosts[at], word)).or_default().push(at);
            }
        }
        Self { drafts, same_hosts, words, needs: needs(drafts) }
    }

    pub(super) fn kind(&self, at: usize) -> Kind {
        self.drafts[at].mark.kind
    }

    pub(super) fn how(&self, at: usize) -> How {
        self.drafts[at].mark.how
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.drafts[at].mark.name
    }

    /// The findings on the same hosts that pass, host set by host set.
    pub(super) fn together(&self, pass: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in (0..self.drafts.len()).filter(|at| pass(*at)) {
            sets.entry(self.same_hosts[at]).or_default().push(at);
        }
        sets.into_values().collect()
    }

    /// The findings that share a word on the same hosts, and pass.
    pub(super) fn by_word(&self, pass: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let words = self.words.values();
        words.map(|all| all.iter().copied().filter(|at| pass(*at)).collect()).collect()
    }

    /// A word that all of these share.
    pub(super) fn shared_word(&self, members: &[usize]) -> Option<String> {
        let mut words = members.iter().map(|at| subject::words(&self.drafts[*at]));
        let first = words.next()?;
        words.fold(first, |common, next| &common & &next).into_iter().next()
    }

    /// Each finding that others need, with these.
    pub(super) fn needed(&self, pass: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let mut by_needed: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, needs) in self.needs.iter().enumerate().filter(|(at, _)| pass(*at)) {
            for needed in needs.iter().filter(|needed| pass(**needed)) {
                by_needed.entry(*needed).or_insert_with(|| vec![*needed]).push(at);
            }
        }
        by_needed.into_values().collect()
    }

    /// How many of these need another of these.
    pub(super) fn linked(&self, members: &[usize]) -> usize {
        let all: BTreeSet<_> = members.iter().copied().collect();
        members.iter().filter(|at| !self.needs[**at].is_disjoint(&all)).count()
    }

    /// The kinds of these, each once.
    pub(super) fn kinds(&self, members: &[usize]) -> BTreeSet<Kind> {
        members.iter().map(|at| self.kind(*at)).collect()
    }

    /// How many of these are of one of the kinds.
    pub(super) fn count(&self, members: &[usize], kinds: &[Kind]) -> usize {
        members.iter().filter(|at| kinds.contains(&self.kind(**at))).count()
    }

    /// On how many hosts these are together.
    pub(super) fn hosts(&self, members: &[usize]) -> BTreeSet<usize> {
        members.iter().flat_map(|at| self.drafts[*at].parts.iter().map(|part| part.0)).collect()
    }
}

/// Dependencies between findings, by what their resources need on their own host.
fn needs(drafts: &[Draft<'_>]) -> Vec<BTreeSet<usize>> {
    let mut of: BTreeMap<(usize, &ResourceKey), usize> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        for (host, before, after) in &draft.parts {
            for side in before.iter().chain(after) {
                of.insert((*host, &side.key), at);
            }
        }
    }
    let mut needs = vec![BTreeSet::new(); drafts.len()];
    for (at, draft) in drafts.iter().enumerate() {
        for (host, before, after) in &draft.parts {
            for side in before.iter().chain(after) {
                let keys = side.depends_on.iter().chain(&side.parent);
                let found = keys.filter_map(|key| of.get(&(*host, key)).copied());
                needs[at].extend(found.filter(|other| *other != at));
            }
        }
    }
    needs
}
