//! What comparisons are made with: the hosts of a snapshot. It never changes, and reading it is most of
//! what a look costs where nothing differs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tamer_drift::Digest;
use tamer_model::{HostId, HostName, Problem, SnapshotId, Timestamp};

use crate::drift::{Drift, SnapshotRecord};

/// Snapshots whose hosts are kept in memory: some 200 bytes a host of each.
const KEPT: usize = 4;

/// The hosts of the snapshots that were compared with last. Bounded by [`KEPT`].
#[derive(Default)]
pub struct Bases(Mutex<Vec<(SnapshotId, Arc<Hosts>)>>);

/// The hosts of a snapshot.
#[derive(Default)]
pub(super) struct Hosts {
    /// What each held.
    pub(super) held: BTreeMap<HostId, Held>,
    /// What each was called.
    pub(super) names: BTreeMap<HostId, HostName>,
}

/// What a host held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) root: Digest,
    /// When that was whole.
    pub(super) at: Timestamp,
}

impl Drift {
    /// The hosts of a snapshot.
    pub(super) async fn base_hosts(
        &self,
        snapshot: &SnapshotRecord,
    ) -> Result<Arc<Hosts>, Problem> {
        if let Some(kept) = self.inner.bases.get(snapshot.id) {
            return Ok(kept);
        }
        let states = self.hosts_of(snapshot.root).await?.into_iter();
        let held = states.map(|(host, state)| (host, Held { root: state.root, at: state.at }));
        let names = self.names_of(snapshot.id).await?.into_iter();
        let names = names.map(|named| (named.id, named.name)).collect();
        let hosts = Arc::new(Hosts { held: held.collect(), names });
        self.inner.bases.put(snapshot.id, hosts.clone());
        Ok(hosts)
    }
}

impl Bases {
    fn get(&self, id: SnapshotId) -> Option<Arc<Hosts>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(of, _)| *of == id).map(|(_, hosts)| hosts.clone())
    }

    fn put(&self, id: SnapshotId, hosts: Arc<Hosts>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(of, _)| *of != id);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((id, hosts));
    }
}
