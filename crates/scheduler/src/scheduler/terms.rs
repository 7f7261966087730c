//! A workload's terms, in places of the tables instead of names and selectors.

use std::collections::BTreeSet;
use std::sync::Arc;

use tamer_model::{AffinityTo, Workload, WorkloadSpec};

use super::Fleet;
use crate::state::{Likes, Spreading, Terms, WorkloadIx};

impl Fleet {
    /// Takes over what is told of a workload.
    pub(crate) fn tell_workload(&mut self, ix: WorkloadIx, workload: Option<Arc<Workload>>) {
        // The new terms are claimed before the old ones are released, so that what both use stays.
        let terms = workload.as_ref().map(|workload| self.terms(&workload.spec));
        let before = std::mem::take(&mut self.workloads.get_mut(ix).terms);
        let named = terms.as_ref().map(names).unwrap_or_default();
        for name in &named {
            self.workloads.get_mut(*name).named_by.insert(ix);
        }
        for name in names(&before).difference(&named) {
            self.workloads.get_mut(*name).named_by.remove(&ix);
            self.workloads.tidy(*name);
        }
        self.release(&before);
        let record = self.workloads.get_mut(ix);
        match (&workload, terms) {
            (Some(workload), Some(terms)) => {
                record.templates.extend(terms.need.map(|need| (workload.template, need)));
                record.terms = terms;
            }
            (None, _) | (_, None) => record.templates.clear(),
        }
        record.workload = workload;
    }

    fn terms(&mut self, spec: &WorkloadSpec) -> Terms {
        let Self { hosts, workloads, needs, masks, columns, .. } = self;
        let told = || hosts.told().map(|(ix, view)| (ix, &*view.host));
        Terms {
            need: Some(needs.of(spec)),
            constraints: spec.constraints.iter().map(|s| masks.claim(s, told())).collect(),
            affinity: spec
                .affinity
                .iter()
                .map(|affinity| {
                    let likes = match &affinity.to {
                        AffinityTo::Hosts(selector) => Likes::Hosts(masks.claim(selector, told())),
                        AffinityTo::Workload(name) => Likes::Workload(workloads.place(name)),
                    };
                    (likes, affinity.weight)
                })
                .collect(),
            spread: spec
                .spread
                .iter()
                .map(|spread| Spreading {
                    column: columns.claim(&spread.over, told()),
                    weight: spread.weight,
                    max_skew: spread.max_skew,
                })
                .collect(),
            with: spec.with.iter().map(|name| workloads.place(name)).collect(),
            apart_from: spec.apart_from.iter().map(|name| workloads.place(name)).collect(),
        }
    }

    fn release(&mut self, terms: &Terms) {
        let liked = terms.affinity.iter().filter_map(|(likes, _)| match likes {
            Likes::Hosts(mask) => Some(*mask),
            Likes::Workload(_) => None,
        });
        for mask in terms.constraints.iter().copied().chain(liked) {
            self.masks.release(mask);
        }
        for spread in &terms.spread {
            self.columns.release(spread.column);
        }
    }
}

/// The workloads that terms name.
fn names(terms: &Terms) -> BTreeSet<WorkloadIx> {
    let liked = terms.affinity.iter().filter_map(|(likes, _)| match likes {
        Likes::Workload(ix) => Some(*ix),
        Likes::Hosts(_) => None,
    });
    terms.with.iter().chain(&terms.apart_from).copied().chain(liked).collect()
}
