//! Snapshots, removed. Only those that nothing needs.

use tamer_model::{Code, Problem, SnapshotId};
use tamer_store::{Commit, CommitError, Key};

use super::{Audited, entries};
use crate::drift::Drift;
use crate::drift::record::SnapshotRecord;
use crate::state::{Unstorable, keys};

impl Drift {
    /// Removes a snapshot that a person means.
    ///
    /// # Errors
    /// `WrongState` while a baseline needs it.
    pub async fn remove_snapshot(
        &self,
        text: &str,
        audited: Audited<'_>,
    ) -> Result<SnapshotRecord, Problem> {
        let record = self.find_snapshot(text).await?;
        if let Some(baselines) = self.needed_snapshots().await?.get(&record.id) {
            let message =
                format!("{} is needed by the baseline {}", record.id, baselines.join(", "));
            return Err(Problem::new(Code::WrongState, message)
                .on("snapshot")
                .remedy("clear that baseline first: `tamerctl baseline clear`"));
        }
        match self.forget(&record, audited).await? {
            true => Ok(record),
            false => Err(Problem::new(Code::Conflict, "it was changed meanwhile")
                .remedy("look again and repeat the command")),
        }
    }

    /// Removes a snapshot that nothing needs. False when somebody was about to need it.
    pub async fn forget_snapshot(&self, record: &SnapshotRecord) -> Result<bool, Problem> {
        self.forget(record, &|commit, _| commit).await
    }

    /// Who sets a baseline writes the record again, so the precondition sees it.
    async fn forget(&self, record: &SnapshotRecord, audited: Audited<'_>) -> Result<bool, Problem> {
        let Some((record, at)) = self.snapshot_entry(record.id).await? else { return Ok(false) };
        if self.needed_snapshots().await?.contains_key(&record.id) {
            return Ok(false);
        }
        let key = keys::snapshot(record.id);
        let mut commit = Commit::new().modified_at(key.clone(), at).delete(key);
        if let Some(request) = &record.request {
            commit = commit.delete(keys::taken(request));
        }
        match self.store().commit(audited(commit, &record)).await {
            Ok(_) => {}
            Err(CommitError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.problem()),
        }
        self.drop_names(record.id).await?;
        Ok(true)
    }

    pub(super) async fn drop_names(&self, id: SnapshotId) -> Result<(), Problem> {
        let all: Vec<Key> = entries(self.store(), &keys::all_snapshot_hosts(id))
            .await?
            .into_iter()
            .map(|entry| entry.key)
            .collect();
        for some in all.chunks(100) {
            let commit = some.iter().cloned().fold(Commit::new(), Commit::delete);
            self.store().commit(commit).await.map_err(Unstorable::problem)?;
        }
        Ok(())
    }
}
