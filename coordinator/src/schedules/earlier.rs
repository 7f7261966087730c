//! The batch before.

use tamer_model::{Batch, BatchId, BatchState, CancelRequest, Problem};
use tamer_store::{Commit, CommitError, Revision, Store};

use super::Schedule;
use crate::state::{Unstorable, decode, encode, keys};
use crate::{audit, clock};

/// The batch that a schedule made last, as far as it has not ended.
pub struct Earlier {
    batch: Batch,
    at: Revision,
}

impl Earlier {
    /// Finds it; none when there is nothing that a further batch would overlap.
    pub async fn of(store: &Store, schedule: &Schedule) -> Result<Option<Self>, Problem> {
        let Some(last) = schedule.last_batch else { return Ok(None) };
        let Some(mut earlier) = Self::read(store, last).await? else { return Ok(None) };
        // One that is being undone has not left its targets yet.
        if let Some(undo) = earlier.batch.undone_by {
            let Some(undoing) = Self::read(store, undo).await? else { return Ok(None) };
            earlier = undoing;
        }
        Ok(Some(earlier).filter(|earlier| earlier.batch.state == BatchState::Running))
    }

    /// Its id.
    pub fn id(&self) -> BatchId {
        self.batch.id
    }

    /// Cancels it, in the name of the schedule. Again is no harm.
    pub async fn cancel(mut self, store: &Store, schedule: &Schedule) -> Result<(), Problem> {
        if self.batch.cancel.is_some() {
            return Ok(());
        }
        let (key, by) = (keys::batch(self.batch.id), schedule.by());
        self.batch.cancel = Some(CancelRequest { by: by.name, at: clock::now() });
        let commit = Commit::new().modified_at(key.clone(), self.at).put(key, encode(&self.batch));
        let detail = "the next one is due";
        let commit = audit::record(commit, by.who, by.from, "batch.cancel", self.batch.id, detail);
        match store.commit(commit).await {
            // Its end, or somebody's word, came first: the next look tells.
            Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.problem()),
        }
    }

    async fn read(store: &Store, id: BatchId) -> Result<Option<Self>, Problem> {
        let key = keys::batch(id);
        let entry = store.get(&key).await.map_err(Unstorable::problem)?;
        entry
            .map(|entry| Ok(Self { batch: decode(&key, &entry.value)?, at: entry.modified }))
            .transpose()
    }
}
