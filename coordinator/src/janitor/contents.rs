//! Contents that nothing needs any more.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use tamer_model::{Batch, BatchId, BatchSpec, BatchState, Content, Fingerprint, Problem};
use tamer_model::{TaskRecord, Timestamp};
use tamer_store::Store;
use tracing::info;

use super::{each, listed};
use crate::contents::Contents;
use crate::state::{decode, keys};

/// How long a content is kept after it was sent or asked for: in that time a batch is made that
/// needs it.
const UNUSED: Duration = Duration::from_secs(24 * 3600);

/// The files that tasks of ended batches brought. Each batch that fetches is read once, and again
/// when one of them was removed: what that one brought, another may have brought too.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Those that are there: no more than there are contents.
    brought: BTreeSet<Fingerprint>,
    read: BTreeSet<BatchId>,
}

/// The part of a schedule's record that counts here.
#[derive(Deserialize)]
struct Scheduled {
    spec: BatchSpec,
}

/// Removes the contents that no batch and no schedule needs, and that nobody sent or asked for
/// since yesterday; with them what came of those that were never sent to their end.
pub async fn remove(
    store: &Store,
    contents: &Contents,
    fetched: &mut Fetched,
    now: Timestamp,
) -> Result<(), Problem> {
    let before = Timestamp::from_millis(now.as_millis().saturating_sub(UNUSED.as_millis() as u64));
    let mut idle: BTreeSet<_> = contents.idle(before).into_iter().collect();
    let mut batches: Vec<Batch> = Vec::new();
    if !idle.is_empty() {
        batches.extend(listed(store).await?.into_iter().filter_map(|one| one.batch));
        each(store, &keys::schedules(), |entry| {
            let Scheduled { spec } = decode(&entry.key, &entry.value)?;
            spare(&mut idle, spec.action.contents());
            spare(&mut idle, spec.undo.iter().flat_map(|undo| undo.contents()));
            Ok(())
        })
        .await?;
    }
    for batch in &batches {
        spare(&mut idle, batch.action.contents());
        spare(&mut idle, batch.undo.iter().flat_map(|undo| undo.contents()));
    }
    if !idle.is_empty() {
        batches.retain(|batch| batch.action.fetches().is_some());
        fetched.spare(store, contents, &mut idle, &batches).await?;
    }
    let removed = contents.remove(idle.into_iter().collect(), before).await?;
    if removed > 0 {
        info!(removed, "contents that nothing needs were removed");
    }
    Ok(())
}

fn spare(idle: &mut BTreeSet<Fingerprint>, needed: impl IntoIterator<Item = Content>) {
    for content in needed {
        idle.remove(&content.digest);
    }
}

impl Fetched {
    /// Spares the files that tasks of these batches brought.
    async fn spare(
        &mut self,
        store: &Store,
        contents: &Contents,
        idle: &mut BTreeSet<Fingerprint>,
        fetching: &[Batch],
    ) -> Result<(), Problem> {
        let kept: BTreeSet<_> = fetching.iter().map(|batch| batch.id).collect();
        if !self.read.is_subset(&kept) {
            *self = Self::default();
        }
        for batch in fetching {
            if self.read.contains(&batch.id) {
                continue;
            }
            let running = batch.state == BatchState::Running;
            for digest in brought(store, batch.id).await? {
                idle.remove(&digest);
                if !running && contents.holds(&digest) {
                    self.brought.insert(digest);
                }
            }
            self.read.extend((!running).then_some(batch.id));
        }
        idle.retain(|digest| !self.brought.contains(digest));
        Ok(())
    }
}

async fn brought(store: &Store, id: BatchId) -> Result<BTreeSet<Fingerprint>, Problem> {
    let mut brought = BTreeSet::new();
    each(store, &keys::tasks(id), |entry| {
        let record: TaskRecord = decode(&entry.key, &entry.value)?;
        let fetched = record.state.end().and_then(|end| end.fetched);
        brought.extend(fetched.map(|content| content.digest));
        Ok(())
    })
    .await?;
    Ok(brought)
}
