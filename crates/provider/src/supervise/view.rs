//! The instances of a provider as last seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_model::{Instance, NativeId};
use tokio::sync::watch;

/// Removals that are remembered, for readers that are behind. A reader that is further behind gets
/// everything anew.
const REMEMBERED: usize = 4096;

/// The instances of a provider as last seen, each once. A reader asks for what changed since the
/// revision it has, whenever it has time; what changed twice meanwhile is told once, so a slow
/// reader costs nothing.
pub struct View {
    state: Mutex<State>,
    revision: watch::Sender<u64>,
    tickets: AtomicU64,
}

/// What changed since a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// Whether this is everything, and what is not in `put` is gone.
    pub whole: bool,
    /// Instances that are new or changed.
    pub put: Vec<Arc<Instance>>,
    /// Instances that are gone.
    pub gone: Vec<NativeId>,
    /// The revision to ask from next.
    pub revision: u64,
}

#[derive(Default)]
struct State {
    /// 0 until the first list; goes up with each change.
    revision: u64,
    seen: BTreeMap<NativeId, Seen>,
    /// What was removed, oldest first: at which revision, and by which reading.
    removed: VecDeque<(u64, NativeId)>,
    removed_by: BTreeMap<NativeId, (u64, u64)>,
    /// Removals up to this revision are forgotten.
    forgotten: u64,
}

struct Seen {
    instance: Arc<Instance>,
    /// The revision of its last change.
    changed: u64,
    /// The ticket of the reading that told it. An older reading does not overrule it.
    read: u64,
}

impl View {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            revision: watch::Sender::new(0),
            tickets: AtomicU64::new(1),
        }
    }

    /// The revision, as it goes up; 0 while nothing was listed yet.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// What changed since this revision; everything since 0. None while nothing was listed yet:
    /// that there are no instances is not known then.
    pub fn since(&self, revision: u64) -> Option<Delta> {
        let state = self.state();
        if state.revision == 0 {
            return None;
        }
        // A revision that was never told is of another life of the agent.
        let whole = revision == 0 || revision < state.forgotten || revision > state.revision;
        let from = if whole { 0 } else { revision };
        let put = state.seen.values().filter(|seen| seen.changed > from);
        let gone = state.removed.iter().filter(|(at, id)| {
            *at > from && state.removed_by.get(id).is_some_and(|(last, _)| last == at)
        });
        Some(Delta {
            whole,
            put: put.map(|seen| seen.instance.clone()).collect(),
            gone: if whole { Vec::new() } else { gone.map(|(_, id)| id.clone()).collect() },
            revision: state.revision,
        })
    }

    /// All of them, in the order of their ids.
    pub fn all(&self) -> Vec<Arc<Instance>> {
        self.state().seen.values().map(|seen| seen.instance.clone()).collect()
    }

    /// One of them.
    pub fn get(&self, id: &NativeId) -> Option<Arc<Instance>> {
        self.state().seen.get(id).map(|seen| seen.instance.clone())
    }

    /// A reading begins. What it finds overrules what earlier readings found.
    pub(super) fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }

    /// A reading found this one.
    pub(super) fn put(&self, read: u64, instance: Arc<Instance>) {
        self.change(|state| {
            // Before the first list nothing is told: one instance would pass for all.
            state.revision > 0 && state.put(read, instance)
        });
    }

    /// A reading found that it is not there.
    pub(super) fn gone(&self, read: u64, id: &NativeId) {
        self.change(|state| state.revision > 0 && state.gone(read, id));
    }

    /// A reading found these and no others.
    pub(super) fn put_all(&self, read: u64, instances: &[Arc<Instance>]) {
        self.change(|state| {
            let mut changed = state.revision == 0;
            let there: BTreeSet<_> = instances.iter().map(|instance| &instance.native).collect();
            let missing = state.seen.keys().filter(|id| !there.contains(id));
            for id in missing.cloned().collect::<Vec<_>>() {
                changed |= state.gone(read, &id);
            }
            for instance in instances {
                changed |= state.put(read, instance.clone());
            }
            changed
        });
    }

    /// Changes the state; when it says that something changed, that is the next revision.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let mut state = self.state();
        if change(&mut state) {
            state.revision += 1;
            self.revision.send_replace(state.revision);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, read: u64, instance: Arc<Instance>) -> bool {
        let id = &instance.native;
        if self.removed_by.get(id).is_some_and(|(_, removed)| *removed > read) {
            return false;
        }
        let next = self.revision + 1;
        match self.seen.get_mut(id) {
            Some(seen) if seen.read > read => false,
            Some(seen) if seen.instance == instance => {
                seen.read = read;
                false
            }
            Some(seen) => {
                *seen = Seen { instance, changed: next, read };
                true
            }
            None => {
                self.removed_by.remove(id);
                self.seen.insert(id.clone(), Seen { instance, changed: next, read });
                true
            }
        }
    }

    fn gone(&mut self, read: u64, id: &NativeId) -> bool {
        if self.seen.get(id).is_none_or(|seen| seen.read > read) {
            return false;
        }
        self.seen.remove(id);
        let at = self.revision + 1;
        self.removed.push_back((at, id.clone()));
        self.removed_by.insert(id.clone(), (at, read));
        while self.removed.len() > REMEMBERED
            && let Some((at, id)) = self.removed.pop_front()
        {
            self.forgotten = at;
            if self.removed_by.get(&id).is_some_and(|(last, _)| *last == at) {
                self.removed_by.remove(&id);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
