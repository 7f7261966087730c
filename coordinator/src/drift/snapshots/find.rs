//! Snapshots, found and read.

use std::collections::BTreeMap;

use tamer_drift::Digest;
use tamer_drift::fleet::HostState;
use tamer_model::{Code, HostId, Problem, SnapshotId};
use tamer_store::{Entry, Prefix, Range, Revision, Store};

use crate::drift::record::{Named, SnapshotRecord};
use crate::drift::{Drift, trees};
use crate::state::{Unstorable, decode, keys};

impl Drift {
    /// Every snapshot, from the newest on.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotRecord>, Problem> {
        let all = entries(self.store(), &keys::snapshots()).await?;
        all.iter().rev().map(|entry| decode(&entry.key, &entry.value)).collect()
    }

    /// The record of a snapshot, and its revision.
    pub async fn snapshot_entry(
        &self,
        id: SnapshotId,
    ) -> Result<Option<(SnapshotRecord, Revision)>, Problem> {
        let key = keys::snapshot(id);
        let entry = self.store().get(&key).await.map_err(Unstorable::problem)?;
        entry.map(|entry| Ok((decode(&key, &entry.value)?, entry.modified))).transpose()
    }

    /// The snapshot that a person means by its id, or the newest of that name.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn find_snapshot(&self, text: &str) -> Result<SnapshotRecord, Problem> {
        if let Ok(id) = text.parse::<SnapshotId>()
            && let Some((record, _)) = self.snapshot_entry(id).await?
        {
            return Ok(record);
        }
        let named =
            |one: &SnapshotRecord| one.name.as_ref().is_some_and(|name| name.as_str() == text);
        self.snapshots().await?.into_iter().find(named).ok_or_else(|| {
            let text: String = text.chars().take(64).collect();
            Problem::new(Code::NotFound, format!("there is no snapshot {text:?}"))
                .on("snapshot")
                .remedy("`tamerctl snapshot ls` lists them")
        })
    }

    /// The names of a snapshot's hosts.
    pub async fn names_of(&self, id: SnapshotId) -> Result<Vec<Named>, Problem> {
        let mut names = Vec::new();
        for entry in entries(self.store(), &keys::all_snapshot_hosts(id)).await? {
            names.append(&mut decode::<Vec<Named>>(&entry.key, &entry.value)?);
        }
        Ok(names)
    }

    /// The hosts of a snapshot.
    pub async fn hosts_of(&self, root: Digest) -> Result<BTreeMap<HostId, HostState>, Problem> {
        let shelf = self.nodes().clone();
        self.turn(move || trees::hosts(&shelf, root)).await
    }
}

/// Every entry below a prefix. There are as many as are kept.
pub async fn entries(store: &Store, prefix: &Prefix) -> Result<Vec<Entry>, Problem> {
    let mut all = Vec::new();
    let mut next = Some(Range::prefix(prefix));
    while let Some(range) = next {
        let page = store.range(range).await.map_err(Unstorable::problem)?;
        all.extend(page.entries);
        next = page.next;
    }
    Ok(all)
}
