//! The janitor: removes what has been kept long enough, in small commits, without stopping anything.
//!
//! Every pass begins from the records and can end anywhere: the next one does the rest. The steps
//! are in files of their own; one that fails keeps none of the others from its work.

mod batches;
mod contents;
pub(crate) mod inventory;
mod outputs;
mod targets;
mod workloads;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tamer_model::{Batch, BatchId, BatchState, Code, HostId, Problem, Timestamp};
use tamer_store::{Commit, Entry, Key, Prefix, Range, Store};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock;
use crate::contents::Contents;
use crate::drift::Drift;
use crate::fleet::Fleet;
use crate::state::{AppliedRecord, Unstorable, decode, keys};
use crate::workloads::Workloads;

const EVERY: Duration = Duration::from_secs(600);
/// Keys to a commit, of 128.
const KEYS: usize = 100;
/// How long an expired token and an unanswered request to join stay visible.
const VISIBLE: Duration = Duration::from_secs(24 * 3600);

/// How much is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Batches, with their tasks and output. Those that have not ended count, and stay.
    pub batches: usize,
    /// Days that a batch is kept after its end; 0: for ever.
    pub batch_days: u32,
    /// Bytes of all kept output together, as stored. The output of the oldest batches goes first;
    /// their tasks stay. That of batches that have not ended counts, and stays.
    pub output_bytes: u64,
    /// Records of the audit.
    pub audit: usize,
    /// Days that changes of what hosts hold are kept; 0: for ever.
    pub history_days: u32,
    /// Changes of one host that are kept.
    pub history: usize,
    /// Snapshots, by their number and age. Those that a baseline needs stay.
    pub snapshots: Kept,
    /// The same for snapshots with a tag, in place of the rule for all: by `KEY=VALUE` or `KEY`. One
    /// with several such tags is kept as long as any of them says.
    pub snapshot_tags: BTreeMap<String, Kept>,
}

/// So many, and for so long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kept {
    /// How many, the newest.
    pub count: usize,
    /// For how many days; 0: for ever.
    pub days: u32,
}

impl Default for Kept {
    fn default() -> Self {
        Self { count: 200, days: 0 }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            batches: 1000,
            batch_days: 90,
            output_bytes: 2 << 30,
            audit: 100_000,
            history_days: 90,
            history: 10_000,
            snapshots: Kept::default(),
            snapshot_tags: BTreeMap::new(),
        }
    }
}

/// Cleans up.
pub struct Janitor {
    store: Store,
    fleet: Fleet,
    contents: Contents,
    workloads: Workloads,
    drift: Drift,
    retention: Retention,
    fetched: contents::Fetched,
    /// Chunks of targets up to here belong to a batch, or are gone.
    targets_seen: Option<BatchId>,
}

impl Janitor {
    /// A janitor that has seen nothing yet.
    pub fn new(
        store: Store,
        fleet: Fleet,
        contents: Contents,
        workloads: Workloads,
        drift: Drift,
        retention: Retention,
    ) -> Self {
        let fetched = contents::Fetched::default();
        Self { store, fleet, contents, workloads, drift, retention, fetched, targets_seen: None }
    }

    /// Cleans up now and then until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            // What a stop cuts off, the next start does.
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.pass(clock::now()) => {}
            }
        }
    }

    async fn pass(&mut self, now: Timestamp) {
        let (store, retention) = (&self.store, &self.retention);
        told(batches::remove(store, retention, now).await);
        told(outputs::remove(store, retention.output_bytes).await);
        told(beyond(store, &keys::audits(), retention.audit).await);
        told(requests(store, now).await);
        told(applied(store, now).await);
        told(orphans(store, &self.fleet).await);
        told(self.joining(now).await);
        told(targets::remove(store, &mut self.targets_seen, now).await);
        told(contents::remove(store, &self.contents, &mut self.fetched, now).await);
        told(workloads::remove(store, &self.workloads).await);
        told(inventory::remove(&self.drift, retention, now).await);
    }

    /// Removes tokens and requests to join that are of no use any more.
    async fn joining(&self, now: Timestamp) -> Result<(), Problem> {
        let stale: Vec<Key> = {
            let view = self.fleet.view();
            let tokens = view.tokens().filter(|(_, token)| now.since(token.expires_at) > VISIBLE);
            let old = |at: Timestamp| now.since(at) > VISIBLE;
            let pending = view.pending().filter(|(pending, _)| old(pending.asked_at));
            tokens
                .map(|(id, _)| keys::token(id))
                .chain(pending.map(|(pending, _)| keys::pending(&pending.key)))
                .collect()
        };
        delete(&self.store, stale).await
    }
}

fn told(done: Result<(), Problem>) {
    if let Err(problem) = done {
        warn!(%problem, "what is no longer kept could not be removed; trying again later");
    }
}

async fn beyond(store: &Store, prefix: &Prefix, keep: usize) -> Result<(), Problem> {
    delete(store, keys_of(store, prefix).await?.into_iter().skip(keep).collect()).await
}

/// Removes the notes of requests that nobody repeats any more.
async fn requests(store: &Store, now: Timestamp) -> Result<(), Problem> {
    let prefix =
        Prefix::new("request/").map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let mut old = Vec::new();
    each(store, &prefix, |entry| {
        let id: BatchId = decode(&entry.key, &entry.value)?;
        if now.since(id.created_at()) > VISIBLE {
            old.push(entry.key);
        }
        Ok(())
    })
    .await?;
    delete(store, old).await
}

/// Removes what came of requests to apply workloads that nobody repeats any more.
async fn applied(store: &Store, now: Timestamp) -> Result<(), Problem> {
    let mut old = Vec::new();
    each(store, &keys::all_applied(), |entry| {
        let applied: AppliedRecord = decode(&entry.key, &entry.value)?;
        if now.since(applied.at) > VISIBLE {
            old.push(entry.key);
        }
        Ok(())
    })
    .await?;
    delete(store, old).await
}

/// Removes what removed hosts ran.
async fn orphans(store: &Store, fleet: &Fleet) -> Result<(), Problem> {
    let mut all = keys_of(store, &keys::all_instances()).await?;
    all.extend(keys_of(store, &keys::all_providers()).await?);
    let host_of = |key: &Key| key.as_text()?.split('/').nth(2)?.parse::<HostId>().ok();
    {
        let view = fleet.view();
        all.retain(|key| host_of(key).is_some_and(|host| view.host(host).is_none()));
    }
    delete(store, all).await
}

/// A batch of the list of all, newest first.
struct Listed {
    /// Its key in the list.
    key: Key,
    id: BatchId,
    /// None when its record is gone: its removal was cut off.
    batch: Option<Batch>,
}

impl Listed {
    fn has_ended(&self) -> bool {
        self.batch.as_ref().is_none_or(|batch| batch.state != BatchState::Running)
    }
}

/// Every batch, newest first. There are as many as are kept.
async fn listed(store: &Store) -> Result<Vec<Listed>, Problem> {
    let mut all = Vec::new();
    for key in keys_of(store, &keys::recents()).await? {
        let Ok(id) = keys::tail(&key).parse() else { continue };
        let at = keys::batch(id);
        let entry = store.get(&at).await.map_err(Unstorable::problem)?;
        let batch = entry.map(|entry| decode(&at, &entry.value)).transpose()?;
        all.push(Listed { key, id, batch });
    }
    Ok(all)
}

async fn each(
    store: &Store,
    prefix: &Prefix,
    mut with: impl FnMut(Entry) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut next = Some(Range::prefix(prefix));
    while let Some(range) = next {
        let page = store.range(range).await.map_err(Unstorable::problem)?;
        page.entries.into_iter().try_for_each(&mut with)?;
        next = page.next;
    }
    Ok(())
}

async fn keys_of(store: &Store, prefix: &Prefix) -> Result<Vec<Key>, Problem> {
    let mut keys = Vec::new();
    each(store, prefix, |entry| {
        keys.push(entry.key);
        Ok(())
    })
    .await?;
    Ok(keys)
}

async fn delete(store: &Store, keys: Vec<Key>) -> Result<(), Problem> {
    for some in keys.chunks(KEYS) {
        let commit = some.iter().cloned().fold(Commit::new(), Commit::delete);
        store.commit(commit).await.map_err(Unstorable::problem)?;
    }
    Ok(())
}
