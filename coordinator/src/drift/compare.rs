//! A baseline and what is known now, put together for `tamer_drift`.
//!
//! What was not seen is told as such and never as "no drift": a host without a picture, with one that
//! is on its way, refused or damaged, without a session, with a source that was not seen whole, or
//! that is not in the baseline. A gap of the history is told of a host that differs: there it says
//! between which looks that happened. A host whose picture is that of the baseline again is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tamer_drift::Digest;
use tamer_drift::diff::Change;
use tamer_drift::finding::{
    Comparison, Finding, Gap, HELD, HostDrift, Incomplete, Moment, Report, Window,
};
use tamer_drift::fleet::HostState;
use tamer_model::{
    BaselineName, FindingId, HostId, HostName, Labels, Problem, Selector, Subject, Timestamp,
};

use super::deeds::Books;
use super::history::Past;
use super::record::{DeltaRecord, HostRecord, SnapshotRecord};
use super::trees;
use super::{Board, Drift, Known};
use crate::clock;
use crate::fleet::Member;

/// Changes of one report. With more of them there is another baseline to be set, not drift to be
/// read; what is left out is told.
const CHANGES: usize = 200_000;
/// Resources of one host that are looked at though they did not change.
const HELD_RESOURCES: usize = 5_000;
/// How long a report is good for while nothing that it is made of changes.
const FRESH: Duration = Duration::from_secs(10);
/// Reports that are kept: one a baseline and selector that somebody watches.
const REPORTS: usize = 16;
/// How long before a look a change may have happened that it shows: agents look at everything every
/// ten minutes, and where there is no event only then.
const LOOK: Duration = Duration::from_secs(15 * 60);
/// How far a time by an agent's clock may be off once it is one of ours.
const CLOCKS: Duration = Duration::from_secs(2);
/// The facts of a host that rules and selectors name.
const FACTS: &[&str] =
    &["os", "distro", "distro_version", "kernel", "arch", "virtualization", "state"];

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
}

/// Reports that are good for a while. Bounded by [`REPORTS`].
#[derive(Default)]
pub struct Reports(Mutex<Vec<Kept>>);

struct Kept {
    asked: Asked,
    /// The change of the board that it was made at.
    at: u64,
    made: u64,
    drifted: Arc<Drifted>,
}

/// The base of a comparison.
struct Base {
    name: String,
    snapshot: SnapshotRecord,
    version: Option<u32>,
    meant: Selector,
    hosts: BTreeMap<HostId, HostState>,
    names: BTreeMap<HostId, HostName>,
}

/// A host that is looked at.
struct Look {
    host: HostId,
    name: HostName,
    labels: Labels,
    facts: BTreeMap<String, String>,
    before: Option<HostState>,
    known: Known,
    is_open: bool,
    is_member: bool,
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
        let mut hosts = Vec::new();
        let mut left = CHANGES;
        let mut strangers = BTreeMap::new();
        for look in self.looks(&base, &asked.selector) {
            if look.before.is_none()
                && let Some((record, _)) = &look.known.record
            {
                strangers.insert(look.host, HostRecord::clone(record));
            }
            let drift = self.look(look, &base, now, left).await?;
            left = left.saturating_sub(drift.changes.len());
            hosts.push(drift);
        }
        let moment = Moment { name: base.name, at: base.snapshot.at };
        let comparison = Comparison { baseline: moment, now, hosts };
        let differing = comparison.hosts.iter().filter(|host| !host.changes.is_empty());
        let from = differing.clone().map(|host| host.window.from).min().unwrap_or(now);
        let differing: BTreeSet<HostId> = differing.map(|host| host.host).collect();
        let workloads = &self.inner.workloads;
        let books = Books { store: self.store(), fleet: self.fleet(), workloads };
        let deeds = books.since(&differing, from).await?;
        let report = self.judge(&comparison, &deeds).await?;
        let (snapshot, version) = (base.snapshot, base.version);
        Ok(Drifted { report, comparison, snapshot, version, strangers })
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
        let hosts = self.hosts_of(snapshot.root).await?;
        let names = self.names_of(snapshot.id).await?;
        let names = names.into_iter().map(|named| (named.id, named.name)).collect();
        Ok(Base { name, snapshot, version, meant, hosts, names })
    }

    /// Every host that is meant: of the base, and of the fleet where the base's selector names it.
    fn looks(&self, base: &Base, selector: &Selector) -> Vec<Look> {
        let view = self.fleet().view();
        let mut board = self.board().all();
        let mut looks = Vec::new();
        let fits = |member: &Member| {
            let subject = (&member.host, member.status.state);
            selector.matches(&subject) && base.meant.matches(&subject)
        };
        let all = view.hosts().map(|member| member.host.id).chain(base.hosts.keys().copied());
        for host in all.collect::<BTreeSet<_>>() {
            let before = base.hosts.get(&host).cloned();
            let member = view.host(host);
            // A snapshot that named hosts by a selector says nothing of others.
            let meant = match member {
                Some(member) => {
                    let named = before.is_some()
                        || base.snapshot.selector.matches(&(&member.host, member.status.state));
                    named && fits(member)
                }
                None => selector.is_all() && base.meant.is_all(),
            };
            if !meant {
                continue;
            }
            let name = member.map(|member| member.host.name.clone());
            let Some(name) = name.or_else(|| base.names.get(&host).cloned()) else { continue };
            looks.push(Look {
                host,
                name,
                labels: member.map(|member| member.host.labels.clone()).unwrap_or_default(),
                facts: member.map(facts).unwrap_or_default(),
                before,
                known: board.remove(&host).unwrap_or_default(),
                is_open: self.sessions().is_open(host),
                is_member: member.is_some(),
            });
        }
        looks
    }

    async fn look(
        &self,
        look: Look,
        base: &Base,
        now: Timestamp,
        most: usize,
    ) -> Result<HostDrift, Problem> {
        let mut incomplete = look.unseen();
        let before = look.before.as_ref().map(|before| before.root);
        let after = look.known.root();
        let (mut changes, mut held) = (Vec::new(), Vec::new());
        if let (Some(before), Some(after)) = (before, after) {
            let shelf = self.nodes().clone();
            let read = self.turn(move || read(&shelf, before, after, most)).await;
            match read {
                Ok((found, more, resources)) => {
                    (changes, held) = (found, resources);
                    if more > 0 {
                        incomplete.push(missing(format!("{more} more changes are not told")));
                    }
                }
                // Named, told, asked for again; and the other hosts are told all the same.
                Err(problem) => {
                    self.board().damage(look.host);
                    incomplete.push(missing(problem.message));
                }
            }
        }
        let began = look.before.as_ref().map_or(base.snapshot.at, |before| before.at);
        let window = Window { from: began.min(now), to: now };
        let (mut windows, mut gaps) = (BTreeMap::new(), Vec::new());
        if !changes.is_empty() {
            for past in self.past(look.host, began).await? {
                let Past { record, changes, .. } = past;
                let from = happened_after(&record).unwrap_or(window.from);
                let seen = Window { from: from.max(window.from).min(record.at), to: record.at };
                for change in &changes {
                    windows.entry(change.key.clone()).or_insert(seen);
                }
                gaps.extend(record.gap.map(|gap| Gap {
                    window: Window { from: gap.from, to: gap.to },
                    why: gap.why,
                    changed: Some(gap.changed),
                }));
            }
        }
        let Look { host, name, labels, facts, .. } = look;
        Ok(HostDrift {
            host,
            name,
            labels,
            facts,
            changes,
            windows,
            held,
            gaps,
            incomplete,
            window,
        })
    }

    async fn judge(
        &self,
        comparison: &Comparison,
        deeds: &[tamer_drift::finding::Deed],
    ) -> Result<Report, Problem> {
        let settings = self.settings().await?;
        Ok(Report::of(comparison, deeds, &settings))
    }
}

type Found = (Vec<Change>, u64, Vec<tamer_drift::Resource>);

fn read(
    nodes: &super::Nodes,
    before: Digest,
    after: Digest,
    most: usize,
) -> Result<Found, Problem> {
    let (changes, more) = trees::changes(nodes, Some(before), Some(after), most)?;
    let held = trees::of_kinds(nodes, after, HELD, HELD_RESOURCES)?;
    Ok((changes, more, held))
}

impl Look {
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

/// After when a change of the history happened, as far as that is known.
fn happened_after(record: &DeltaRecord) -> Option<Timestamp> {
    let earlier = |at: Timestamp, by: Duration| {
        Timestamp::from_millis(at.as_millis().saturating_sub(by.as_millis() as u64))
    };
    let still = record.still.map(|at| earlier(at, CLOCKS));
    still.or_else(|| record.since.map(|at| earlier(at, LOOK)))
}

/// Something about a host as a whole.
fn missing(problem: String) -> Incomplete {
    Incomplete { source: "tamer".to_owned(), kinds: BTreeSet::new(), problem }
}

fn facts(member: &Member) -> BTreeMap<String, String> {
    let subject = (&member.host, member.status.state);
    let fact = |key: &&str| Some(((*key).to_owned(), subject.value(key)?.into_owned()));
    FACTS.iter().filter_map(fact).collect()
}

impl Reports {
    fn get(&self, asked: &Asked, at: u64) -> Option<Arc<Drifted>> {
        let now = clock::steady();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |kept: &&Kept| {
            kept.asked == *asked
                && kept.at == at
                && now.saturating_sub(kept.made) < FRESH.as_millis() as u64
        };
        kept.iter().find(fresh).map(|kept| kept.drifted.clone())
    }

    fn put(&self, asked: Asked, at: u64, drifted: Arc<Drifted>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.asked != asked);
        if kept.len() >= REPORTS {
            kept.remove(0);
        }
        kept.push(Kept { asked, at, made: clock::steady(), drifted });
    }
}

/// Waits until something that reports depend on changed.
pub async fn changed(board: &Board, since: u64) {
    let mut changes = board.changes();
    // The sender lives in the board, so the only way out is the condition.
    let _ = changes.wait_for(|count| *count != since).await;
}
