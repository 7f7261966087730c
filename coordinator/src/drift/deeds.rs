//! What we did ourselves on hosts in a time: tasks of batches, placements of workloads, and commands
//! that people ran in instances. Read from the records that say so; nothing is kept for it.

use std::collections::{BTreeMap, BTreeSet};

use tamer_drift::finding::{Deed, Doing, Touch, Touched, Window};
use tamer_drift::{Kind, Source};
use tamer_model::{
    AuditOutcome, AuditRecord, Batch, BatchId, HostId, InstanceId, InstanceRef, Problem, Spot,
    TaskRecord, TaskState, Timestamp, UserName, Wish,
};
use tamer_store::{Range, Store};

use super::{Drift, Past};
use crate::batch::targets;
use crate::fleet::Fleet;
use crate::state::{Unstorable, decode, keys};
use crate::workloads::Workloads;

/// Batches that are looked at, the newest first. What an older one did is told as nobody's.
const BATCHES: usize = 500;
/// Records of the audit that are looked at, the newest first.
const AUDIT: usize = 20_000;
/// Deeds of one report.
const DEEDS: usize = 100_000;

/// Where deeds are read from.
pub struct Books<'a> {
    pub store: &'a Store,
    pub fleet: &'a Fleet,
    pub workloads: &'a Workloads,
}

impl Books<'_> {
    /// What we did on these hosts since `from`.
    ///
    /// # Errors
    /// `StoreFailed` when a record cannot be read.
    pub async fn since(
        &self,
        hosts: &BTreeSet<HostId>,
        from: Timestamp,
    ) -> Result<Vec<Deed>, Problem> {
        let mut deeds = Vec::new();
        if hosts.is_empty() {
            return Ok(deeds);
        }
        self.tasks(hosts, from, &mut deeds).await?;
        self.placements(hosts, from, &mut deeds);
        self.commands(hosts, from, &mut deeds).await?;
        deeds.truncate(DEEDS);
        Ok(deeds)
    }

    async fn tasks(
        &self,
        hosts: &BTreeSet<HostId>,
        from: Timestamp,
        deeds: &mut Vec<Deed>,
    ) -> Result<(), Problem> {
        let newest = Range::prefix(&keys::recents()).limit(BATCHES as u32);
        let page = self.store.range(newest).await.map_err(Unstorable::problem)?;
        for entry in page.entries {
            let Ok(id) = keys::tail(&entry.key).parse::<BatchId>() else { continue };
            let key = keys::batch(id);
            let Some(entry) = self.store.get(&key).await.map_err(Unstorable::problem)? else {
                continue;
            };
            let batch: Batch = decode(&key, &entry.value)?;
            // One that has ended before the time did nothing in it.
            if batch.ended_at.is_none_or(|at| at >= from) && deeds.len() < DEEDS {
                self.tasks_of(&batch, hosts, from, deeds).await?;
            }
        }
        Ok(())
    }

    async fn tasks_of(
        &self,
        batch: &Batch,
        hosts: &BTreeSet<HostId>,
        from: Timestamp,
        deeds: &mut Vec<Deed>,
    ) -> Result<(), Problem> {
        let references = self.references(batch).await?;
        let mut next = Some(Range::prefix(&keys::tasks(batch.id)));
        while let Some(range) = next {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in &page.entries {
                let Some(spot) = keys::spot(&entry.key) else { continue };
                if hosts.contains(&spot.host) {
                    let record: TaskRecord = decode(&entry.key, &entry.value)?;
                    deeds.extend(deeds_of(batch, spot, references.get(&spot), &record, from));
                }
            }
            next = page.next.filter(|_| deeds.len() < DEEDS);
        }
        Ok(())
    }

    /// The instances that a batch's targets are; empty when they are hosts.
    async fn references(&self, batch: &Batch) -> Result<BTreeMap<Spot, InstanceRef>, Problem> {
        if batch.action.on() == tamer_model::TargetKind::Host {
            return Ok(BTreeMap::new());
        }
        let targets = targets::read(self.store, batch.id).await?.into_iter();
        let pair = |target: crate::state::Target| {
            let spot = target.spot();
            target.instance.map(|instance| (spot, instance.reference))
        };
        Ok(targets.filter_map(pair).collect())
    }

    fn placements(&self, hosts: &BTreeSet<HostId>, from: Timestamp, deeds: &mut Vec<Deed>) {
        let board = self.workloads.read();
        for copy in board.copies().filter(|copy| hosts.contains(&copy.placement.host)) {
            let placement = &copy.placement;
            let Some(applied) = board.workload(&placement.workload) else { continue };
            let since = copy.status.as_ref().map(|status| status.since);
            let began = match placement.wish {
                Wish::Run => placement.made_at,
                Wish::Stop { at, .. } => at,
            };
            // A copy that was restarted since did something, however old it is.
            let last = since.map_or(began, |since| since.max(began));
            if last < from {
                continue;
            }
            let workload = &applied.workload;
            let doing =
                Doing::Workload { name: placement.workload.clone(), placement: placement.id };
            deeds.push(Deed {
                doing,
                host: placement.host,
                from: began,
                to: None,
                by: Some(workload.owner.clone()),
                words: format!("keeps copy {} of {}", placement.index, placement.workload),
                touched: Touched::of_placement(&workload.spec.provider, &placement.workload),
            });
        }
    }

    /// Commands in instances that people ran by hand.
    async fn commands(
        &self,
        hosts: &BTreeSet<HostId>,
        from: Timestamp,
        deeds: &mut Vec<Deed>,
    ) -> Result<(), Problem> {
        let mut next = Some(Range::prefix(&keys::audits()));
        let mut read = 0;
        while let Some(range) = next.filter(|_| read < AUDIT) {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            read += page.entries.len();
            for entry in &page.entries {
                let record: AuditRecord = decode(&entry.key, &entry.value)?;
                if record.at < from {
                    return Ok(());
                }
                deeds.extend(self.command(&record).filter(|deed| hosts.contains(&deed.host)));
            }
            next = page.next;
        }
        Ok(())
    }

    fn command(&self, record: &AuditRecord) -> Option<Deed> {
        if record.what != "instance.exec" || record.outcome != AuditOutcome::Done {
            return None;
        }
        let id: InstanceId = record.on.parse().ok()?;
        let view = self.fleet.view();
        let instance = &view.instance(id)?.instance;
        let like = instance.instance.native.as_str().parse().ok();
        let source = Some(Source::from(&instance.provider));
        Some(Deed {
            doing: Doing::Operation(id),
            host: instance.host,
            from: record.at,
            to: None,
            by: record.who.strip_prefix("user/").and_then(|name| name.parse::<UserName>().ok()),
            words: format!("ran a command in {}", instance.instance.name),
            touched: Touched::Only(vec![Touch { kind: Kind::Instance, source, like }]),
        })
    }
}

/// Every attempt of a task that was under way since `from`.
fn deeds_of(
    batch: &Batch,
    spot: Spot,
    instance: Option<&InstanceRef>,
    record: &TaskRecord,
    from: Timestamp,
) -> Vec<Deed> {
    let Some(work) = batch.action.work(instance) else { return Vec::new() };
    let deed = |began: Timestamp, to: Option<Timestamp>| Deed {
        doing: Doing::Batch(batch.id),
        host: spot.host,
        from: began,
        to,
        by: Some(batch.created_by.clone()),
        words: batch.action.summary(),
        touched: Touched::of(&work),
    };
    let now = match &record.state {
        TaskState::Pending => None,
        TaskState::Dispatched { at, .. } => Some((*at, None)),
        TaskState::Running { started_at, .. } => Some((*started_at, None)),
        // One that never started did nothing.
        TaskState::Ended(end) => end.started_at.map(|at| (at, record.ended_at)),
    };
    let before = record.before.iter().map(|past| (past.sent_at, Some(past.ended_at)));
    let under_way = |(_, to): &(Timestamp, Option<Timestamp>)| to.is_none_or(|to| to >= from);
    before.chain(now).filter(under_way).map(|(began, to)| deed(began, to)).collect()
}

impl Drift {
    /// What of ours ran on a host in each of these steps, in words, by the step's number.
    ///
    /// # Errors
    /// `StoreFailed` when a record cannot be read.
    pub async fn deeds_of(
        &self,
        host: HostId,
        past: &[Past],
    ) -> Result<BTreeMap<usize, String>, Problem> {
        let window = |step: &Past| Window {
            from: step.record.since.unwrap_or(step.record.at).min(step.record.at),
            to: step.record.at,
        };
        let Some(from) = past.iter().map(|step| window(step).from).min() else {
            return Ok(BTreeMap::new());
        };
        let books =
            Books { store: self.store(), fleet: self.fleet(), workloads: &self.inner.workloads };
        let deeds = books.since(&[host].into(), from).await?;
        let words = |step: &Past| {
            let mut meeting = deeds.iter().filter(|deed| window(step).meets(deed.from, deed.to));
            meeting.next().map(said)
        };
        let numbered = past.iter().enumerate();
        Ok(numbered.filter_map(|(number, step)| Some((number, words(step)?))).collect())
    }
}

/// A deed in words, with what it is a part of.
fn said(deed: &Deed) -> String {
    match &deed.doing {
        Doing::Batch(id) => format!("batch {id}: {}", deed.words),
        Doing::Workload { name, placement } => {
            format!("workload {name}, placement {placement}: {}", deed.words)
        }
        Doing::Operation(id) => format!("instance {id}: {}", deed.words),
    }
}
