//! The frozen targets of a batch in the store. They are in the order in which they come, cut into
//! chunks that fit a value: `targets/BATCH`, then `targets/BATCH/1` and so on. The chunks after the
//! first are written before the batch is; one that is left of a batch that never came to be is the
//! janitor's.

use tamer_model::{BatchId, Problem};
use tamer_store::{Commit, Range, Store};

use crate::state::{Target, Unstorable, decode, encode, keys};

/// Targets to a chunk: each is at most 1.2 KiB, with the longest names that there can be, and most
/// often 100 bytes; a value has 1 MiB.
const CHUNK: usize = 800;

/// Writes all chunks but the first, and gives the commit that writes that one.
pub async fn write(store: &Store, id: BatchId, targets: &[Target]) -> Result<Commit, Problem> {
    let mut chunks = targets.chunks(CHUNK);
    let first = chunks.next().unwrap_or_default();
    for (number, chunk) in (1..).zip(chunks) {
        let commit = Commit::new().put(keys::targets_chunk(id, number), encode(&chunk));
        store.commit(commit).await.map_err(Unstorable::problem)?;
    }
    Ok(Commit::new().put(keys::targets(id), encode(&first)))
}

/// Reads all of them, in their order.
pub async fn read(store: &Store, id: BatchId) -> Result<Vec<Target>, Problem> {
    let mut targets = Vec::new();
    let mut next = Some(Range::prefix(&keys::all_targets(id)));
    while let Some(range) = next {
        let page = store.range(range).await.map_err(Unstorable::problem)?;
        for entry in page.entries {
            targets.append(&mut decode::<Vec<Target>>(&entry.key, &entry.value)?);
        }
        next = page.next;
    }
    Ok(targets)
}
