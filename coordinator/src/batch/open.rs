//! A batch that has not ended, in memory.

use std::collections::BTreeMap;

use tamer_model::{
    Batch, BatchCounts, BatchId, BatchState, HostId, InstanceRef, LeaseName, PastAttempt, Spot,
    TaskEnd, TaskId, TaskRecord, TaskState, Timestamp,
};
use tamer_rollout::{Attempt, End, is_final};
use tamer_store::{Range, Revision, Store};

use super::decide::Told;
use super::targets;
use crate::state::{Unstorable, decode, keys};

/// A batch that has not ended.
pub struct Open {
    pub batch: Batch,
    pub batch_at: Revision,
    pub tasks: BTreeMap<Spot, Slot>,
    /// The spots in the order in which they come: a place is an index of this.
    pub order: Vec<Spot>,
    /// What the rollout knows of each, by place.
    pub known: Vec<tamer_rollout::Target>,
    counts: BatchCounts,
    /// Whether something happened since it was last planned.
    pub touched: bool,
    /// When to plan it though nothing happens.
    pub wake: Option<Timestamp>,
    /// Whether what is in flight is to be ended.
    pub ending: bool,
    /// Set when every target has its end: why it went no further, and what is to be undone.
    pub over: Option<Over>,
}

/// What is left to say of a batch whose targets have all ended.
#[derive(Debug, Clone, Default)]
pub struct Over {
    pub reason: Option<String>,
    pub undo: Vec<Spot>,
}

/// One of its targets.
pub struct Slot {
    pub place: usize,
    /// The instance that is meant, if it is not the host.
    pub instance: Option<InstanceRef>,
    pub record: TaskRecord,
    /// The record's revision; none while there is no record.
    pub at: Option<Revision>,
    pub told: Told,
    /// The session in which the task was last sent. What an earlier session's hello said, or this
    /// one's, which came before the sending, says nothing about it.
    pub sent_in: Option<u64>,
    /// Whether the open session was asked to cancel it.
    pub cancel_sent: bool,
}

impl Open {
    /// Reads a batch and its tasks. None when there is no such batch or it has ended.
    pub async fn load(store: &Store, id: BatchId) -> Result<Option<Self>, tamer_model::Problem> {
        let key = keys::batch(id);
        let Some(entry) = store.get(&key).await.map_err(Unstorable::problem)? else {
            return Ok(None);
        };
        let batch: Batch = decode(&key, &entry.value)?;
        if batch.state != BatchState::Running {
            return Ok(None);
        }
        let (mut tasks, mut order) = (BTreeMap::new(), Vec::new());
        for (place, target) in targets::read(store, id).await?.into_iter().enumerate() {
            order.push(target.spot());
            let instance = target.instance.as_ref().map(|instance| instance.reference.clone());
            tasks.insert(target.spot(), Slot::new(place, instance));
        }
        let mut next = Some(Range::prefix(&keys::tasks(id)));
        while let Some(range) = next {
            let page = store.range(range).await.map_err(Unstorable::problem)?;
            for entry in page.entries {
                let record: TaskRecord = decode(&entry.key, &entry.value)?;
                if let Some(slot) = keys::spot(&entry.key).and_then(|spot| tasks.get_mut(&spot)) {
                    slot.record = record;
                    slot.at = Some(entry.modified);
                }
            }
            next = page.next;
        }
        let counts = BatchCounts::count(tasks.values().map(|slot| &slot.record.state));
        let known = order.iter().map(|spot| as_planned(&tasks[spot].record)).collect();
        Ok(Some(Self {
            batch,
            batch_at: entry.modified,
            tasks,
            order,
            known,
            counts,
            touched: true,
            wake: None,
            ending: false,
            over: None,
        }))
    }

    /// The batch's record was written anew.
    pub fn changed(&mut self, batch: Batch, at: Revision) {
        (self.batch, self.batch_at) = (batch, at);
        self.touched = true;
    }

    /// Notes the new record of a target, after it was committed.
    pub fn set(&mut self, spot: Spot, record: TaskRecord, at: Revision) {
        let Some(slot) = self.tasks.get_mut(&spot) else { return };
        self.counts.remove(&slot.record.state);
        self.counts.add(&record.state);
        if matches!(record.state, TaskState::Dispatched { .. }) {
            slot.told = Told::Nothing;
            slot.cancel_sent = false;
        }
        self.known[slot.place] = as_planned(&record);
        slot.record = record;
        slot.at = Some(at);
        self.touched = true;
    }

    /// The task at a spot as its agent knows it: the attempt that its record is about.
    pub fn task(&self, spot: Spot) -> Option<TaskId> {
        let attempt = self.tasks.get(&spot)?.record.attempt;
        Some(TaskId::at(self.batch.id, spot).attempt(attempt))
    }

    /// The record of the task, if it is the attempt under way and has no end.
    pub fn slot_of(&self, task: TaskId) -> Option<&Slot> {
        let slot = self.tasks.get(&task.spot())?;
        (slot.record.attempt == task.attempt && slot.is_in_flight()).then_some(slot)
    }

    /// What is in flight.
    pub fn in_flight(&self) -> impl Iterator<Item = TaskId> {
        let sent = self.tasks.iter().filter(|(_, slot)| slot.is_in_flight());
        sent.map(|(spot, slot)| TaskId::at(self.batch.id, *spot).attempt(slot.record.attempt))
    }

    /// How many places of a lease it holds.
    pub fn holds(&self, lease: &LeaseName) -> usize {
        let shares = self.batch.leases.iter().any(|one| one.name == *lease);
        if shares { (self.counts.dispatched + self.counts.running) as usize } else { 0 }
    }

    /// The instance that a task is about.
    pub fn instance(&self, spot: Spot) -> Option<&InstanceRef> {
        self.tasks.get(&spot)?.instance.as_ref()
    }

    /// Whether it has a target on a host.
    pub fn concerns(&self, host: HostId) -> bool {
        self.tasks.range(Spot::all_of(host)).next().is_some()
    }

    /// How many of a host's tasks were sent and not started.
    pub fn under_way(&self, host: HostId) -> usize {
        let sent = |slot: &&Slot| matches!(slot.record.state, TaskState::Dispatched { .. });
        self.tasks.range(Spot::all_of(host)).map(|(_, slot)| slot).filter(sent).count()
    }

    /// The record of a target whose attempt ended so: its end, or the next attempt's beginning.
    pub fn ended_record(&self, slot: &Slot, end: TaskEnd, now: Timestamp) -> TaskRecord {
        let old = &slot.record;
        let tried = u32::from(old.attempt) + 1;
        if is_final(&self.batch.rollout.retry, End::from(&end), tried) {
            let state = TaskState::Ended(end);
            return TaskRecord { state, ended_at: Some(now), ..old.clone() };
        }
        let mut before = old.before.clone();
        before.push(PastAttempt { sent_at: old.sent_at.unwrap_or(now), ended_at: now, end });
        TaskRecord { attempt: old.attempt + 1, before, ..TaskRecord::PENDING }
    }

    /// The batch as it is when every task has ended.
    pub fn ended(&self, now: Timestamp) -> Option<Batch> {
        let over = self.over.as_ref()?;
        let counts = self.counts;
        if counts.open() > 0 {
            return None;
        }
        let state = if counts.succeeded == self.batch.targets {
            BatchState::Succeeded
        } else if self.batch.cancel.is_some() {
            BatchState::Cancelled
        } else {
            BatchState::Failed
        };
        let reason = over.reason.clone();
        let (stand, stand_since) = (tamer_model::Stand::Done, now);
        let batch = self.batch.clone();
        Some(Batch { state, ended_at: Some(now), counts, reason, stand, stand_since, ..batch })
    }
}

impl Slot {
    fn new(place: usize, instance: Option<InstanceRef>) -> Self {
        Self {
            place,
            instance,
            record: TaskRecord::PENDING,
            at: None,
            told: Told::Nothing,
            sent_in: None,
            cancel_sent: false,
        }
    }

    /// Whether an attempt was sent whose end is not known.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.record.state, TaskState::Dispatched { .. } | TaskState::Running { .. })
    }
}

/// A record as the rollout sees it.
fn as_planned(record: &TaskRecord) -> tamer_rollout::Target {
    let TaskRecord { state, attempt: _, sent_at, ended_at, before } = record;
    let past = |past: &PastAttempt| Attempt {
        sent_at: past.sent_at,
        end: Some((End::from(&past.end), past.ended_at)),
    };
    let mut attempts: Vec<_> = before.iter().map(past).collect();
    let at = ended_at.or(*sent_at).unwrap_or_default();
    let end = match state {
        TaskState::Pending => None,
        TaskState::Dispatched { at, .. } => {
            attempts.push(Attempt { sent_at: sent_at.unwrap_or(*at), end: None });
            None
        }
        TaskState::Running { started_at, .. } => {
            attempts.push(Attempt { sent_at: sent_at.unwrap_or(*started_at), end: None });
            None
        }
        TaskState::Ended(end) => {
            let end = (End::from(end), at);
            attempts.extend(sent_at.map(|sent_at| Attempt { sent_at, end: Some(end) }));
            Some(end)
        }
    };
    tamer_rollout::Target { attempts, end }
}
