//! A batch that has not ended, in memory.

use std::collections::BTreeMap;

use tamer_model::{
    Batch, BatchCounts, BatchId, BatchState, HostId, InstanceRef, Spot, TaskId, TaskRecord,
    TaskState, Timestamp,
};
use tamer_store::{Range, Revision, Store};

use super::decide::Told;
use crate::state::{Target, Unstorable, decode, keys};

/// A batch that has not ended.
pub struct Open {
    pub batch: Batch,
    pub batch_at: Revision,
    pub tasks: BTreeMap<Spot, Slot>,
    counts: BatchCounts,
}

/// One of its tasks.
pub struct Slot {
    /// The instance that is its target, if it is not the host.
    pub instance: Option<InstanceRef>,
    pub state: TaskState,
    /// The record's revision; none while the task is pending.
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
        let key = keys::targets(id);
        let Some(targets) = store.get(&key).await.map_err(Unstorable::problem)? else {
            return Ok(None);
        };
        let targets: Vec<Target> = decode(&key, &targets.value)?;
        let slot = |instance| Slot {
            instance,
            state: TaskState::Pending,
            at: None,
            told: Told::Nothing,
            sent_in: None,
            cancel_sent: false,
        };
        let mut tasks: BTreeMap<_, _> = targets
            .into_iter()
            .map(|target| (target.spot(), slot(target.instance.map(|instance| instance.reference))))
            .collect();
        let mut next = Some(Range::prefix(&keys::tasks(id)));
        while let Some(range) = next {
            let page = store.range(range).await.map_err(Unstorable::problem)?;
            for entry in page.entries {
                let record: TaskRecord = decode(&entry.key, &entry.value)?;
                if let Some(slot) = keys::spot(&entry.key).and_then(|spot| tasks.get_mut(&spot)) {
                    slot.state = record.state;
                    slot.at = Some(entry.modified);
                }
            }
            next = page.next;
        }
        let counts = BatchCounts::count(tasks.values().map(|slot| &slot.state));
        Ok(Some(Self { batch, batch_at: entry.modified, tasks, counts }))
    }

    /// Notes the new state of a task, after it was committed.
    pub fn set(&mut self, spot: Spot, state: TaskState, at: Revision) {
        if let Some(slot) = self.tasks.get_mut(&spot) {
            *self.counts.of(&slot.state) -= 1;
            *self.counts.of(&state) += 1;
            if matches!(state, TaskState::Dispatched { .. }) {
                slot.told = Told::Nothing;
                slot.cancel_sent = false;
            }
            slot.state = state;
            slot.at = Some(at);
        }
    }

    /// The tasks without an end.
    pub fn open_tasks(&self) -> impl Iterator<Item = TaskId> {
        let open = self.tasks.iter().filter(|(_, slot)| slot.state.end().is_none());
        open.map(|(spot, _)| TaskId::at(self.batch.id, *spot))
    }

    /// The instance that a task is about.
    pub fn instance(&self, spot: Spot) -> Option<&InstanceRef> {
        self.tasks.get(&spot)?.instance.as_ref()
    }

    /// How many of a host's tasks were sent and not started.
    pub fn under_way(&self, host: HostId) -> usize {
        let sent = |slot: &&Slot| matches!(slot.state, TaskState::Dispatched { .. });
        self.tasks.range(Spot::all_of(host)).map(|(_, slot)| slot).filter(sent).count()
    }

    /// The next tasks of a host that were not sent, at most `most`.
    pub fn waiting(&self, host: HostId, most: usize) -> impl Iterator<Item = TaskId> {
        let batch = self.batch.id;
        self.tasks
            .range(Spot::all_of(host))
            .filter(|(_, slot)| slot.state == TaskState::Pending)
            .take(most)
            .map(move |(spot, _)| TaskId::at(batch, *spot))
    }

    /// The batch as it is when every task has ended.
    pub fn ended(&self, now: Timestamp) -> Option<Batch> {
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
        Some(Batch { state, ended_at: Some(now), counts, ..self.batch.clone() })
    }
}
