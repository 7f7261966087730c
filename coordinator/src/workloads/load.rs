//! Reading everything about workloads from the store.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tamer_model::{
    Placement, PlacementId, PlacementStatus, Problem, Workload, WorkloadName, WorkloadVersion,
};
use tamer_scheduler::Queue;
use tamer_store::{Key, Prefix, Range, Revision, Store};
use tracing::error;

use super::board::Board;
use super::trouble::Trouble;
use crate::state::{Unstorable, decode, keys};

/// The whole board, and a revision that it shows at least. A record that cannot be read is told and
/// left out: it must not keep all others from being kept running.
pub async fn load(store: &Store, queue: Queue) -> Result<(Board, Revision), Problem> {
    let at = store.revision().await.map_err(Unstorable::problem)?;
    let mut board = Board::new(queue);
    let put = |_: &Key, workload: Workload, at| board.put_workload(workload, at);
    each(store, &keys::workloads(), put).await?;
    let put = |key: &Key, trouble: Trouble, _| {
        if let Ok(host) = keys::tail(key).parse() {
            board.put_trouble(host, trouble);
        }
    };
    each(store, &keys::troubles(), put).await?;
    let mut statuses: HashMap<PlacementId, PlacementStatus> = HashMap::new();
    let put = |key: &Key, status, _| {
        statuses.extend(keys::tail(key).parse().ok().map(|id| (id, status)));
    };
    each(store, &keys::all_placed(), put).await?;
    let mut placements: Vec<(Placement, Revision)> = Vec::new();
    each(store, &keys::placements(), |_, placement, at| placements.push((placement, at))).await?;
    // The scheduler is told first what copies are made of, and then of them: once of each.
    let made = placements.iter().map(|(one, _)| (one.workload.clone(), one.template));
    let wanted: Vec<_> = board.wanted_templates().collect();
    templates(store, wanted.into_iter().chain(made).collect(), &mut board).await?;
    for (placement, at) in placements {
        let status = statuses.remove(&placement.id);
        board.put_copy(placement, at, status);
    }
    Ok((board, at))
}

/// Reads the versions that copies of workloads are made of, and puts them on the board where they
/// are missing.
async fn templates(
    store: &Store,
    used: BTreeSet<(WorkloadName, u32)>,
    board: &mut Board,
) -> Result<(), Problem> {
    for (name, template) in used {
        if board.lacks(&name, template)
            && let Some(version) = version(store, &name, template).await?
        {
            board.put_template(&name, template, Arc::new(version.spec));
        }
    }
    Ok(())
}

/// One version of a workload, if it is kept.
pub async fn version(
    store: &Store,
    name: &WorkloadName,
    version: u32,
) -> Result<Option<WorkloadVersion>, Problem> {
    let key = keys::workload_version(name, version);
    let entry = store.get(&key).await.map_err(Unstorable::problem)?;
    entry.map(|entry| decode(&key, &entry.value)).transpose()
}

/// Reads every record below a prefix.
async fn each<T: DeserializeOwned>(
    store: &Store,
    prefix: &Prefix,
    mut with: impl FnMut(&Key, T, Revision),
) -> Result<(), Problem> {
    let mut next = Some(Range::prefix(prefix));
    while let Some(range) = next {
        let page = store.range(range).await.map_err(Unstorable::problem)?;
        for entry in page.entries {
            match decode(&entry.key, &entry.value) {
                Ok(record) => with(&entry.key, record, entry.modified),
                Err(problem) => error!(%problem, "a record of workloads cannot be read"),
            }
        }
        next = page.next;
    }
    Ok(())
}
