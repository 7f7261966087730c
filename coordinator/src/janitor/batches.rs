//! Batches: so many, and for so long.

use std::time::Duration;

use tamer_model::{Problem, Timestamp};
use tamer_store::Store;
use tracing::info;

use super::{Listed, Retention, delete, keys_of, listed};
use crate::state::keys;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Removes the oldest batches beyond those that are kept, with all that belongs to them.
pub async fn remove(store: &Store, retention: &Retention, now: Timestamp) -> Result<(), Problem> {
    for (place, one) in listed(store).await?.into_iter().enumerate() {
        let over = place >= retention.batches || is_old(&one, retention.batch_days, now);
        if over && one.has_ended() {
            forget(store, one).await?;
        }
    }
    Ok(())
}

fn is_old(one: &Listed, days: u32, now: Timestamp) -> bool {
    let ended_at = one.batch.as_ref().and_then(|batch| batch.ended_at);
    days > 0 && ended_at.is_none_or(|at| now.since(at) > DAY * days)
}

/// What belongs to a batch goes first and the key in the list last: a crash between leaves the
/// list to begin from again.
async fn forget(store: &Store, Listed { key, id, batch: _ }: Listed) -> Result<(), Problem> {
    let mut all = keys_of(store, &keys::tasks(id)).await?;
    all.extend(keys_of(store, &keys::outputs(id)).await?);
    all.extend(keys_of(store, &keys::all_targets(id)).await?);
    all.extend([keys::kept(id), keys::batch(id), key]);
    delete(store, all).await?;
    info!(batch = %id, "removed: it was kept long enough");
    Ok(())
}
