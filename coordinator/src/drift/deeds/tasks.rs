//! Tasks of batches. What people do to instances by `tamerctl instance` are batches too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tamer_drift::finding::{Deed, Doing, Touched};
use tamer_model::{
    Batch, BatchId, HostId, InstanceRef, Problem, Spot, TargetKind, TaskEnd, TaskRecord, TaskState,
    Timestamp,
};
use tamer_store::Range;

use super::{Books, DEEDS};
use crate::batch::targets;
use crate::state::{Target, Unstorable, decode, keys};

/// Batches that are looked at, the newest first. What an older one did is told as nobody's.
const BATCHES: usize = 500;
/// For how long after its end what a task began may go on: a service that it started opens its port.
const AFTER: Duration = Duration::from_secs(60);

impl Books<'_> {
    pub(super) async fn tasks(
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
        if batch.action.on() == TargetKind::Host {
            return Ok(BTreeMap::new());
        }
        let targets = targets::read(self.store, batch.id).await?.into_iter();
        let pair = |target: Target| {
            let spot = target.spot();
            target.instance.map(|instance| (spot, instance.reference))
        };
        Ok(targets.filter_map(pair).collect())
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
        TaskState::Ended(end) => span(end, record.ended_at),
    };
    let before = record.before.iter().filter_map(|past| span(&past.end, Some(past.ended_at)));
    let under_way = |(_, to): &(Timestamp, Option<Timestamp>)| to.is_none_or(|to| to >= from);
    before.chain(now).filter(under_way).map(|(began, to)| deed(began, to)).collect()
}

/// From when to when an attempt ran; one that never started did nothing. Its end is written down when
/// the agent tells it, which may be days later; how long it ran the agent knows.
fn span(end: &TaskEnd, told_at: Option<Timestamp>) -> Option<(Timestamp, Option<Timestamp>)> {
    let began = end.started_at?;
    let ran = |ms: u64| began.plus(Duration::from_millis(ms)).plus(AFTER);
    let ended = match (end.duration_ms.map(ran), told_at) {
        (Some(ran), Some(told)) => Some(ran.min(told)),
        (ran, told) => ran.or(told),
    };
    Some((began, ended.map(|ended| ended.max(began))))
}
