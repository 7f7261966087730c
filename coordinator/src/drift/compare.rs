//! A baseline and what is known now, put together for `tamer_drift`.
//!
//! What was not seen is told as such and never as "no drift": a host without a picture, with one that
//! is on its way, refused or damaged, without a session, with a source that was not seen whole, or
//! that is not in the baseline. A gap of the history is told of a host that differs: there it says
//! between which looks that happened. A host whose picture is that of the baseline again is seen.

mod bases;
mod differ;
mod looks;
mod reports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tamer_drift::diff::Change;
use tamer_drift::finding::{Comparison, Deed, Finding, HostDrift, Moment, Report};
use tamer_model::{BaselineName, FindingId, HostId, Problem, Selector};

use super::record::{HostRecord, SnapshotRecord};
use super::{Drift, WALKS};
use crate::clock;

use bases::Hosts;
use differ::Pair;
use looks::Looks;

pub use bases::Bases;
pub use reports::{Reports, changed};

/// Changes of one report. With more of them there is another baseline to be set, not drift to be
/// read; what is left out is told.
const CHANGES: usize = 200_000;

/// With what is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    Baseline(BaselineName),
    /// A snapshot, as a person named it.
    Snapshot(String),
}

/// What a person asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub against: Against,
    /// The hosts that are meant.
    pub selector: Selector,
}

/// A report and what it was made of.
pub struct Drifted {
    pub report: Report,
    pub comparison: Comparison,
    /// The snapshot, and the version of the baseline that it is.
    pub snapshot: SnapshotRecord,
    pub version: Option<u32>,
    /// Hosts that are meant and not in the baseline, with what is known of them.
    pub strangers: BTreeMap<HostId, HostRecord>,
    /// Hosts of the baseline that were removed from the fleet.
    pub gone: BTreeSet<HostId>,
}

/// The base of a comparison.
struct Base {
    name: String,
    snapshot: SnapshotRecord,
    version: Option<u32>,
    meant: Selector,
    hosts: Arc<Hosts>,
}

impl Drifted {
    /// Whether everything that is meant was seen.
    pub fn observed(&self) -> bool {
        self.report.unobserved.is_empty()
    }

    /// The set of findings that nobody set aside, in one digest.
    pub fn set(&self) -> BTreeSet<FindingId> {
        self.report.open().map(|finding| finding.id).collect()
    }

    /// The changes that a finding is made of, by host.
    pub fn changes_of(&self, finding: &Finding) -> Vec<(HostId, &Change)> {
        let mut keys = BTreeSet::new();
        for member in &finding.hosts {
            keys.insert((member.host, member.id.as_str()));
            if let Some(before) = &member.before_id {
                keys.insert((member.before_host.unwrap_or(member.host), before.as_str()));
            }
        }
        let hosts = self.comparison.hosts.iter();
        let is_of = |host: HostId, change: &Change| {
            change.key.kind() == finding.kind
                && *change.key.source() == finding.source
                && keys.contains(&(host, change.key.id()))
        };
        hosts
            .flat_map(|host| host.changes.iter().map(|change| (host.host, change)))
            .filter(|(host, change)| is_of(*host, change))
            .collect()
    }
}

impl Drift {
    /// What is different now. The same answer for who asks again while nothing changed.
    ///
    /// # Errors
    /// `NotFound` when there is no such baseline or snapshot, or a node of it is damaged.
    pub async fn drifted(&self, asked: &Asked) -> Result<Arc<Drifted>, Problem> {
        let at = *self.board().changes().borrow();
        if let Some(kept) = self.inner.reports.get(asked, at) {
            return Ok(kept);
        }
        let drifted = Arc::new(self.compare(asked).await?);
        self.inner.reports.put(asked.clone(), at, drifted.clone());
        Ok(drifted)
    }

    async fn compare(&self, asked: &Asked) -> Result<Drifted, Problem> {
        let now = clock::now();
        let base = self.base(&asked.against).await?;
        let Looks { mut hosts, pairs, strangers, gone } = self.looks(&base, &asked.selector, now);
        self.differing(&mut hosts, pairs).await?;
        self.describe(&mut hosts);
        let moment = Moment { name: base.name, at: base.snapshot.at };
        let comparison = Comparison { baseline: moment, now, hosts };
        let hosts: Vec<_> = comparison.hosts.iter().collect();
        let deeds = self.books().behind(&hosts).await?;
        let (report, comparison) = self.judge(comparison, deeds).await?;
        let (snapshot, version) = (base.snapshot, base.version);
        Ok(Drifted { report, comparison, snapshot, version, strangers, gone })
    }

    /// Reads what differs on hosts, in their order. Of all of them at most [`CHANGES`].
    async fn differing(
        &self,
        hosts: &mut [HostDrift],
        pairs: Vec<(usize, Pair)>,
    ) -> Result<(), Problem> {
        let mut left = CHANGES;
        let told = |(at, pair): (usize, Pair)| (at, pair, hosts[at].clone());
        let told: Vec<_> = pairs.into_iter().map(told).collect();
        let read = |(at, pair, mut told): (usize, Pair, HostDrift)| async move {
            self.read(pair, &mut told).await.map(|()| (at, told))
        };
        let mut found = stream::iter(told).map(read).buffered(WALKS);
        while let Some((at, mut told)) = found.try_next().await? {
            differ::cut(&mut told, left);
            left -= told.changes.len();
            hosts[at] = told;
        }
        Ok(())
    }

    async fn base(&self, against: &Against) -> Result<Base, Problem> {
        let (name, snapshot, version, meant) = match against {
            Against::Baseline(name) => {
                let baseline = self.baseline(name).await?;
                let id = baseline.record.snapshot;
                let snapshot = self.find_snapshot(&id.to_string()).await?;
                let record = baseline.record;
                (name.to_string(), snapshot, Some(record.version), record.selector)
            }
            Against::Snapshot(text) => {
                let snapshot = self.find_snapshot(text).await?;
                (text.clone(), snapshot, None, Selector::default())
            }
        };
        let hosts = self.base_hosts(&snapshot).await?;
        Ok(Base { name, snapshot, version, meant, hosts })
    }

    /// What a comparison means. With many changes that takes a while, so nobody who serves does it.
    async fn judge(
        &self,
        comparison: Comparison,
        deeds: Vec<Deed>,
    ) -> Result<(Report, Comparison), Problem> {
        let settings = self.settings().await?;
        self.turn(move || Ok((Report::of(&comparison, &deeds, &settings), comparison))).await
    }
}
