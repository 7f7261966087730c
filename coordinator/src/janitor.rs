//! The janitor: removes what has been kept long enough, in small commits, without stopping anything.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tamer_model::{Batch, BatchId, BatchState, HostId, Problem};
use tamer_store::{Commit, Key, Prefix, Range, Store};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::fleet::Fleet;
use crate::state::{Unstorable, decode, keys};

const EVERY: Duration = Duration::from_secs(600);
/// Keys to a commit, of 128.
const KEYS: usize = 100;
/// How long an expired token and an unanswered request to join stay visible.
const VISIBLE: Duration = Duration::from_secs(24 * 3600);

/// How much is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Batches that have ended, with their tasks and output.
    pub batches: usize,
    /// Records of the audit.
    pub audit: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { batches: 1000, audit: 100_000 }
    }
}

/// Cleans up now and then until `stop`.
pub async fn run(store: Store, fleet: Fleet, retention: Retention, stop: CancellationToken) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(problem) = pass(&store, &fleet, &retention).await {
            warn!(%problem, "what is no longer kept could not be removed; trying again later");
        }
    }
}

async fn pass(store: &Store, fleet: &Fleet, retention: &Retention) -> Result<(), Problem> {
    batches(store, retention.batches).await?;
    beyond(store, &keys::audits(), retention.audit).await?;
    requests(store).await?;
    orphans(store, fleet).await?;
    let now = clock::now();
    let stale: Vec<Key> = {
        let view = fleet.view();
        let tokens = view.tokens().filter(|(_, token)| now.since(token.expires_at) > VISIBLE);
        let pending = view.pending().filter(|(pending, _)| now.since(pending.asked_at) > VISIBLE);
        tokens
            .map(|(id, _)| keys::token(id))
            .chain(pending.map(|(pending, _)| keys::pending(&pending.key)))
            .collect()
    };
    delete(store, stale).await
}

/// Removes the oldest batches beyond `keep`, with all that belongs to them.
async fn batches(store: &Store, keep: usize) -> Result<(), Problem> {
    for key in keys_of(store, &keys::recents()).await?.into_iter().skip(keep) {
        let Ok(id) = keys::tail(&key).parse::<BatchId>() else { continue };
        let record = store.get(&keys::batch(id)).await.map_err(Unstorable::problem)?;
        let ended = match record {
            Some(entry) => decode::<Batch>(&entry.key, &entry.value)?.state != BatchState::Running,
            None => true,
        };
        if !ended {
            continue;
        }
        // The list goes first: what a crash leaves behind then is found by nobody, and the last
        // key to go is the one this began from.
        let mut all = keys_of(store, &keys::tasks(id)).await?;
        all.extend(keys_of(store, &keys::outputs(id)).await?);
        all.extend([keys::targets(id), keys::batch(id), key]);
        delete(store, all).await?;
        info!(batch = %id, "removed: it was kept long enough");
    }
    Ok(())
}

async fn beyond(store: &Store, prefix: &Prefix, keep: usize) -> Result<(), Problem> {
    delete(store, keys_of(store, prefix).await?.into_iter().skip(keep).collect()).await
}

/// Removes the notes of requests that nobody repeats any more.
async fn requests(store: &Store) -> Result<(), Problem> {
    let prefix = Prefix::new("request/")
        .map_err(|error| Problem::new(tamer_model::Code::Internal, error.to_string()))?;
    let mut old = Vec::new();
    let mut next = Some(Range::prefix(&prefix));
    while let Some(range) = next {
        let page = store.range(range).await.map_err(Unstorable::problem)?;
        for entry in page.entries {
            let id: BatchId = decode(&entry.key, &entry.value)?;
            if clock::now().since(id.created_at()) > VISIBLE {
                old.push(entry.key);
            }
        }
        next = page.next;
    }
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

async fn keys_of(store: &Store, prefix: &Prefix) -> Result<Vec<Key>, Problem> {
    let mut keys = Vec::new();
    let mut next = Some(Range::prefix(prefix));
    while let Some(range) = next {
        let page = store.range(range).await.map_err(Unstorable::problem)?;
        keys.extend(page.entries.into_iter().map(|entry| entry.key));
        next = page.next;
    }
    Ok(keys)
}

async fn delete(store: &Store, keys: Vec<Key>) -> Result<(), Problem> {
    for some in keys.chunks(KEYS) {
        let commit = some.iter().cloned().fold(Commit::new(), Commit::delete);
        store.commit(commit).await.map_err(Unstorable::problem)?;
    }
    Ok(())
}
