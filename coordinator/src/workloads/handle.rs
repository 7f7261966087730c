//! What everybody else has of workloads.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tamer_model::{HostId, Problem, WorkloadName, WorkloadVersion};
use tamer_store::{Range, Revision, Store};
use tokio::sync::watch;

use super::board::Board;
use super::load;
use crate::state::{Unstorable, decode, keys};

/// Workloads and their copies as this coordinator sees them. Cheap to clone.
#[derive(Clone)]
pub struct Workloads {
    store: Store,
    board: Arc<RwLock<Board>>,
    at: watch::Sender<Revision>,
    followers: Arc<Mutex<Followers>>,
}

/// Who wants to hear of changes.
#[derive(Default)]
struct Followers {
    workloads: HashMap<WorkloadName, watch::Sender<()>>,
    hosts: HashMap<HostId, watch::Sender<()>>,
}

impl Workloads {
    pub(super) fn new(store: Store, board: Board, at: Revision) -> Self {
        let (board, at) = (Arc::new(RwLock::new(board)), watch::Sender::new(at));
        Self { store, board, at, followers: Arc::default() }
    }

    /// What is known now. Hold it for a short section without `.await`: the controller waits. Who
    /// needs the fleet's view too takes that first.
    pub fn read(&self) -> RwLockReadGuard<'_, Board> {
        self.board.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the board shows the commit at `revision`. The commit must have changed the record
    /// of a workload: [`keys::workload`], with the revision that the board has of it as precondition.
    pub async fn reached(&self, revision: Revision) {
        let mut at = self.at.subscribe();
        // The sender lives in self, so the only way out is the condition.
        let _ = at.wait_for(|at| *at >= revision).await;
    }

    /// Tells of every change of a workload or of its copies. What changed is read from the board.
    pub fn changes(&self, name: &WorkloadName) -> watch::Receiver<()> {
        follow(&mut self.followers().workloads, name.clone())
    }

    /// Tells of every change of the copies on a host.
    pub fn changes_on(&self, host: HostId) -> watch::Receiver<()> {
        follow(&mut self.followers().hosts, host)
    }

    /// One version of a workload, if it is kept.
    pub async fn version(
        &self,
        name: &WorkloadName,
        version: u32,
    ) -> Result<Option<WorkloadVersion>, Problem> {
        load::version(&self.store, name, version).await
    }

    /// Every version of a workload that is kept, the oldest first.
    pub async fn versions(&self, name: &WorkloadName) -> Result<Vec<WorkloadVersion>, Problem> {
        let mut versions = Vec::new();
        let mut next = Some(Range::prefix(&keys::workload_versions(name)));
        while let Some(range) = next {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in page.entries {
                versions.push(decode(&entry.key, &entry.value)?);
            }
            next = page.next;
        }
        Ok(versions)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Board> {
        self.board.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to where the board shows everything.
    pub(super) fn shown(&self) -> Revision {
        *self.at.borrow()
    }

    /// The board shows everything up to `revision`.
    pub(super) fn shows(&self, revision: Revision) {
        self.at.send_if_modified(|at| {
            let later = *at < revision;
            *at = revision.max(*at);
            later
        });
    }

    pub(super) fn changed<'a>(
        &self,
        workloads: impl IntoIterator<Item = &'a WorkloadName>,
        hosts: impl IntoIterator<Item = HostId>,
    ) {
        let mut followers = self.followers();
        workloads.into_iter().for_each(|name| tell(&mut followers.workloads, name));
        hosts.into_iter().for_each(|host| tell(&mut followers.hosts, &host));
    }

    /// Everything was read again.
    pub(super) fn everything_changed(&self) {
        let followers = self.followers();
        let all = followers.workloads.values().chain(followers.hosts.values());
        // Those who left are forgotten at the next change.
        all.for_each(|follower| follower.send_replace(()));
    }

    fn followers(&self) -> MutexGuard<'_, Followers> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn follow<K: Hash + Eq>(
    followers: &mut HashMap<K, watch::Sender<()>>,
    what: K,
) -> watch::Receiver<()> {
    followers.entry(what).or_insert_with(|| watch::Sender::new(())).subscribe()
}

/// What nobody follows any more is dropped at the first thing there is to tell.
fn tell<K: Hash + Eq>(followers: &mut HashMap<K, watch::Sender<()>>, what: &K) {
    if followers.get(what).is_some_and(|follower| follower.send(()).is_err()) {
        followers.remove(what);
    }
}
