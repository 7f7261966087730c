//! Chunks of targets whose batch never came to be: they are written before it is.

use std::time::Duration;

use tamer_model::{BatchId, Problem, Timestamp};
use tamer_store::{Range, Store};
use tracing::info;

use super::{delete, keys_of};
use crate::state::{Unstorable, keys};

/// How long a batch may be in the making.
const MAKING: Duration = Duration::from_secs(3600);

/// Removes the chunks that have no batch. `seen`: up to that one all have, or are gone; ids sort by
/// the time of their making, so each batch is looked at once and not at every pass.
pub async fn remove(
    store: &Store,
    seen: &mut Option<BatchId>,
    now: Timestamp,
) -> Result<(), Problem> {
    while let Some(id) = next_after(store, *seen).await? {
        let key = keys::batch(id);
        if store.get(&key).await.map_err(Unstorable::problem)?.is_none() {
            if now.since(id.created_at()) <= MAKING {
                // It may yet come to be; so may those after it.
                return Ok(());
            }
            delete(store, keys_of(store, &keys::all_targets(id)).await?).await?;
            info!(batch = %id, "the targets of a batch that never came to be were removed");
        }
        *seen = Some(id);
    }
    Ok(())
}

/// The next batch that has targets.
async fn next_after(store: &Store, seen: Option<BatchId>) -> Result<Option<BatchId>, Problem> {
    let mut range = Range::prefix(&keys::every_target()).limit(1);
    if let Some(end) = seen.and_then(|id| keys::all_targets(id).end()) {
        range = range.starting_at(&end);
    }
    let page = store.range(range).await.map_err(Unstorable::problem)?;
    let id = |key: &tamer_store::Key| key.as_text()?.split('/').nth(1)?.parse().ok();
    Ok(page.entries.first().and_then(|entry| id(&entry.key)))
}
