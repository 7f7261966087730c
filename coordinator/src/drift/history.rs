//! The history of a host: what changed, when, and what it was before.
//!
//! It is a chain of deltas that ends at the newest picture. An earlier picture is made by undoing
//! them one after the other; each says which root it leads to, so a wrong one is found.

use tamer_drift::delta::DeltaChange;
use tamer_drift::{Digest, ResourceKey};
use tamer_model::{HostId, Problem, Timestamp};
use tamer_store::Entry;

use super::record::{DeltaRecord, HostRecord};
use super::snapshots::entries;
use super::{Drift, trees};
use crate::state::{Unstorable, decode, keys};

/// Changes of one host that are read for one answer, the newest first.
const READ: usize = 2_000;

/// One step of the history, the newest first.
#[derive(Debug, Clone)]
pub struct Past {
    pub record: DeltaRecord,
    /// What changed; empty when it was too much to be kept as a delta.
    pub changes: Vec<DeltaChange>,
    /// The root after it, where that is known.
    pub after: Option<Digest>,
}

impl Drift {
    /// What changed on a host since a time, the newest first.
    ///
    /// # Errors
    /// `StoreFailed` when a record is damaged.
    pub async fn past(&self, host: HostId, since: Timestamp) -> Result<Vec<Past>, Problem> {
        Ok(self.chain(host, since).await?.1)
    }

    /// The newest picture of a host, and what changed on it since a time, the newest first.
    async fn chain(
        &self,
        host: HostId,
        since: Timestamp,
    ) -> Result<(Option<Digest>, Vec<Past>), Problem> {
        let (newest, entries) = self.recorded(host).await?;
        let mut all = Vec::new();
        let mut after = newest;
        for entry in entries.into_iter().take(READ) {
            let record: DeltaRecord = decode(&entry.key, &entry.value)?;
            if record.at < since {
                break;
            }
            let delta = record.delta.as_ref().map(trees::unpack).transpose()?;
            let root = delta.as_ref().map(|delta| delta.after).or(after);
            after = match &delta {
                Some(delta) => delta.before,
                // The picture was the same before: only the chain, or what looks at it, changed.
                None if record.changed == 0 => root,
                None => record.anchor(),
            };
            let changes = delta.map(|delta| delta.changes).unwrap_or_default();
            all.push(Past { record, changes, after: root });
        }
        Ok((newest, all))
    }

    /// The newest picture of a host and its changes, of one moment: a commit writes both, and what is
    /// in memory hears of it a moment later. Of the changes, which are read second, those that came in
    /// between are left out.
    async fn recorded(&self, host: HostId) -> Result<(Option<Digest>, Vec<Entry>), Problem> {
        let key = keys::inventory(host);
        let entry = self.store().get(&key).await.map_err(Unstorable::problem)?;
        let Some(entry) = entry else { return Ok((None, Vec::new())) };
        let record: HostRecord = decode(&key, &entry.value)?;
        let newest = keys::delta(host, record.step);
        let mut changes = entries(self.store(), &keys::deltas(host)).await?;
        changes.retain(|entry| entry.key >= newest);
        Ok((Some(record.root), changes))
    }

    /// The picture that a host had at a time: the newest that was whole then. None when the history
    /// does not reach so far back.
    ///
    /// # Errors
    /// `NotFound` when a node is damaged, `StoreFailed` when a delta is.
    pub async fn picture_at(&self, host: HostId, at: Timestamp) -> Result<Option<Digest>, Problem> {
        let (Some(mut root), chain) = self.chain(host, Timestamp::default()).await? else {
            return Ok(None);
        };
        for past in chain {
            if past.record.at <= at {
                return Ok(Some(root));
            }
            let before = match (&past.record.delta, past.record.anchor()) {
                (Some(packed), _) => {
                    let (shelf, delta) = (self.nodes().clone(), trees::unpack(packed)?);
                    self.turn(move || trees::undo(&shelf, root, &delta)).await?
                }
                (None, Some(anchor)) => Some(anchor),
                // Nothing of the picture changed: its sources did, or the chain did.
                (None, None) if past.record.changed == 0 && !past.record.began => Some(root),
                (None, None) => None,
            };
            let Some(before) = before else { return Ok(None) };
            root = before;
        }
        Ok(None)
    }
}

/// Whether a step is about a resource.
pub fn is_about(past: &Past, resource: Option<&ResourceKey>) -> bool {
    resource.is_none_or(|key| past.changes.iter().any(|change| change.key == *key))
}
