//! The record of a snapshot, written once.

use tamer_model::{Code, Problem, SnapshotId};
use tamer_store::{Commit, CommitError};

use super::{Audited, entries};
use crate::drift::Drift;
use crate::drift::record::{NAMED_CHUNK, Named, SnapshotRecord};
use crate::state::{Unstorable, decode, encode, keys};

/// The most snapshots that are kept at once, with those of baselines.
const MOST: usize = 5_000;

impl Drift {
    pub(super) async fn write_snapshot(
        &self,
        record: &SnapshotRecord,
        names: &[Named],
        audited: Audited<'_>,
    ) -> Result<SnapshotRecord, Problem> {
        // Chunks that a crash leaves without their record belong to an id that nobody has.
        for (number, chunk) in names.chunks(NAMED_CHUNK).enumerate() {
            let commit = Commit::new().put(keys::snapshot_hosts(record.id, number), encode(&chunk));
            self.store().commit(commit).await.map_err(Unstorable::problem)?;
        }
        let key = keys::snapshot(record.id);
        let mut commit = Commit::new().absent(key.clone()).put(key, encode(record));
        if let Some(request) = &record.request {
            let taken = keys::taken(request);
            commit = commit.absent(taken.clone()).put(taken, encode(&record.id));
        }
        match self.store().commit(audited(commit, record)).await {
            Ok(_) => {
                tamer_crash::point("take-snapshot.stored");
                Ok(record.clone())
            }
            // The same request came twice at once: both get what the first one took.
            Err(error @ CommitError::Conflict { .. }) => {
                self.drop_names(record.id).await?;
                let taken = match &record.request {
                    Some(request) => self.taken_by(request).await?,
                    None => None,
                };
                taken.ok_or_else(|| error.problem())
            }
            Err(error) => Err(error.problem()),
        }
    }

    /// The snapshot that a request took before.
    pub(super) async fn taken_by(&self, request: &str) -> Result<Option<SnapshotRecord>, Problem> {
        let key = keys::taken(request);
        let Some(entry) = self.store().get(&key).await.map_err(Unstorable::problem)? else {
            return Ok(None);
        };
        let id: SnapshotId = decode(&key, &entry.value)?;
        Ok(self.snapshot_entry(id).await?.map(|(record, _)| record))
    }

    pub(super) async fn check_room(&self) -> Result<(), Problem> {
        let count = entries(self.store(), &keys::snapshots()).await?.len();
        if count < MOST {
            return Ok(());
        }
        let message = format!("{count} snapshots are kept, and no more than {MOST} may be");
        Err(Problem::new(Code::ResourceExhausted, message).remedy(
            "remove some with `tamerctl snapshot rm`, or let `[retention.snapshots]` do it",
        ))
    }
}
