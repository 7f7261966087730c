//! Kept output: so many bytes of all batches together.

use tamer_model::{BatchId, Problem};
use tamer_store::{Commit, Range, Store};
use tracing::info;

use super::{KEYS, each, listed};
use crate::state::{KeptRecord, StoredOutput, Unstorable, decode, encode, keys};

/// Removes the output of the oldest batches until what is left is within `limit` bytes. Their
/// tasks stay, and say that there was output and how much.
pub async fn remove(store: &Store, limit: u64) -> Result<(), Problem> {
    let mut ended = Vec::new();
    let mut total = 0;
    for one in listed(store).await? {
        let has_ended = one.has_ended();
        let bytes = match has_ended {
            true => known(store, one.id).await?,
            // Written to at this moment, and so added up each time.
            false => measure(store, one.id).await?,
        };
        total += bytes;
        ended.extend((has_ended && bytes > 0).then_some((one.id, bytes)));
    }
    for (id, bytes) in ended.into_iter().rev() {
        if total <= limit {
            break;
        }
        strip(store, id).await?;
        total -= bytes;
        info!(batch = %id, bytes, "its output was removed, to make room for that of later ones");
    }
    Ok(())
}

/// What the output of a batch that has ended takes. Added up once and written down: the next start
/// does not read two gigabytes to learn it again.
async fn known(store: &Store, id: BatchId) -> Result<u64, Problem> {
    let key = keys::kept(id);
    if let Some(entry) = store.get(&key).await.map_err(Unstorable::problem)? {
        return Ok(decode::<KeptRecord>(&key, &entry.value)?.output_bytes);
    }
    let output_bytes = measure(store, id).await?;
    note(store, id, output_bytes).await?;
    Ok(output_bytes)
}

async fn measure(store: &Store, id: BatchId) -> Result<u64, Problem> {
    let mut bytes = 0;
    each(store, &keys::outputs(id), |entry| {
        bytes += entry.value.len() as u64;
        Ok(())
    })
    .await?;
    Ok(bytes)
}

async fn note(store: &Store, id: BatchId, output_bytes: u64) -> Result<(), Problem> {
    let record = encode(&KeptRecord { output_bytes });
    // Not of a batch that was removed meanwhile: nobody would remove the note.
    let commit = Commit::new().exists(keys::batch(id)).put(keys::kept(id), record);
    store.commit(commit).await.map_err(Unstorable::problem)?;
    Ok(())
}

/// Removes the bytes and leaves the records. The note that there is nothing more comes last, so
/// what is cut off is done again.
async fn strip(store: &Store, id: BatchId) -> Result<(), Problem> {
    let mut next = Some(Range::prefix(&keys::outputs(id)).limit(KEYS as u32));
    while let Some(range) = next {
        let page = store.range(range).await.map_err(Unstorable::problem)?;
        let mut commit = Commit::new();
        for entry in &page.entries {
            let stored: StoredOutput = decode(&entry.key, &entry.value)?;
            if !stored.is_removed() {
                commit = commit.put(entry.key.clone(), encode(&stored.without_bytes()));
            }
        }
        if !commit.writes().is_empty() {
            store.commit(commit).await.map_err(Unstorable::problem)?;
        }
        next = page.next;
    }
    note(store, id, 0).await
}
