//! What workloads leave behind: old versions, and what hosts told of placements that are gone.

use std::collections::BTreeSet;

use tamer_model::{PlacementId, Problem, Workload, WorkloadName};
use tamer_store::{Key, Store};

use super::{delete, keys_of};
use crate::state::keys;
use crate::workloads::Workloads;

/// Versions of each workload that are kept, beside those that copies are made of and the one that a
/// failed update goes back to.
const VERSIONS: usize = 100;

/// Removes both.
pub async fn remove(store: &Store, workloads: &Workloads) -> Result<(), Problem> {
    versions(store, workloads).await?;
    told(store, workloads).await
}

async fn versions(store: &Store, workloads: &Workloads) -> Result<(), Problem> {
    let all: Vec<_> = {
        let board = workloads.read();
        let used = |workload: &Workload| board.templates_in_use(workload);
        let all = board.workloads().map(|one| &one.workload);
        all.map(|one| (one.spec.name.clone(), one.version, one.stable, used(one))).collect()
    };
    for (name, newest, stable, mut used) in all {
        // Most have so few that they need not be looked at.
        if (newest as usize) <= VERSIONS {
            continue;
        }
        if let Some(stable) = stable {
            let version = workloads.version(&name, stable).await?;
            used.extend(version.map(|version| version.template).into_iter().chain([stable]));
        }
        delete(store, old(store, &name, &used).await?).await?;
    }
    Ok(())
}

async fn old(
    store: &Store,
    name: &WorkloadName,
    used: &BTreeSet<u32>,
) -> Result<Vec<Key>, Problem> {
    let mut kept = keys_of(store, &keys::workload_versions(name)).await?;
    kept.truncate(kept.len().saturating_sub(VERSIONS));
    let number = |key: &Key| keys::tail(key).parse().ok();
    kept.retain(|key| number(key).is_some_and(|number| !used.contains(&number)));
    Ok(kept)
}

/// A host tells only of placements that the board has, so what it has no more is over.
async fn told(store: &Store, workloads: &Workloads) -> Result<(), Problem> {
    let mut told = keys_of(store, &keys::all_placed()).await?;
    {
        let board = workloads.read();
        let known = |key: &Key| {
            let id: Option<PlacementId> = keys::tail(key).parse().ok();
            id.is_some_and(|id| board.copy(id).is_some())
        };
        told.retain(|key| !known(key));
    }
    delete(store, told).await
}

#[cfg(test)]
mod tests {
    use tamer_model::{
        Placement, Run, Timestamp, UserName, VersionCause, Wish, WorkloadSpec, WorkloadVersion,
    };
    use tamer_scheduler::Queue;
    use tamer_store::{Commit, Prefix};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::session::Sessions;
    use crate::state::encode;
    use crate::workloads::Controller;

    const AT: Timestamp = Timestamp::from_millis(1);

    fn spec() -> WorkloadSpec {
        let name = "web".parse().expect("a name");
        let provider = "docker".parse().expect("a provider");
        WorkloadSpec { run: Run::Count(1), ..WorkloadSpec::new(name, provider, Default::default()) }
    }

    fn user() -> UserName {
        "admin".parse().expect("a name")
    }

    /// A workload at version 150, with copies of version 7, that goes back to version 12, whose
    /// template is version 9.
    async fn write(store: &Store, placement: &Placement) {
        for version in 1..=150 {
            let template = if version == 12 { 9 } else { version };
            let (spec, by, cause) = (spec(), user(), VersionCause::Applied);
            let record = WorkloadVersion { version, template, spec, by, at: AT, cause };
            let key = keys::workload_version(&record.spec.name, version);
            store.commit(Commit::new().put(key, encode(&record))).await.expect("written");
        }
        let workload = Workload {
            spec: spec(),
            owner: user(),
            created_at: AT,
            version: 150,
            template: 150,
            stable: Some(12),
            update: None,
            stopped: false,
            removing: false,
            rebalance_at: None,
        };
        let commit = Commit::new()
            .put(keys::workload(&workload.spec.name), encode(&workload))
            .put(keys::placement(placement.host, placement.id), encode(placement));
        store.commit(commit).await.expect("written");
    }

    fn placement() -> Placement {
        let why = serde_json::json!({"cause": "missing", "score": 1, "fitting": 1, "hosts": 1});
        Placement {
            id: "p-0123456789abcdef".parse().expect("an id"),
            workload: "web".parse().expect("a name"),
            index: 0,
            template: 7,
            host: "h-0123456789abcdef".parse().expect("an id"),
            made_at: AT,
            why: serde_json::from_value(why).expect("why"),
            replaces: None,
            wish: Wish::Run,
        }
    }

    #[tokio::test]
    async fn old_versions_go_and_those_that_are_needed_stay() {
        let (store, placement) = (Store::memory(), placement());
        write(&store, &placement).await;
        let gone = "p-000000000000000a".parse().expect("an id");
        for id in [placement.id, gone] {
            let status = serde_json::json!({"phase": "running", "since": 1});
            let key = keys::placed(placement.host, id);
            store.commit(Commit::new().put(key, encode(&status))).await.expect("written");
        }
        let stop = CancellationToken::new();
        let (fleet, _keep) = crate::fleet::follow(store.clone(), stop).await.expect("a cache");
        let (_controller, workloads, _line) =
            Controller::new(store.clone(), fleet, Sessions::default(), Queue::default())
                .await
                .expect("loaded");
        remove(&store, &workloads).await.expect("removed");
        let left = keys_of(&store, &keys::workload_versions(&placement.workload)).await;
        let left: Vec<u32> =
            left.expect("keys").iter().map(|key| keys::tail(key).parse().expect("one")).collect();
        let wanted: Vec<u32> = [7, 9, 12].into_iter().chain(51..=150).collect();
        assert_eq!(left, wanted);
        let told = keys_of(&store, &Prefix::new("work/placed/").expect("a prefix")).await;
        assert_eq!(told.expect("keys"), [keys::placed(placement.host, placement.id)]);
    }
}
