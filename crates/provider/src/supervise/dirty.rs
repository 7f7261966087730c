//! Which instances must be looked at again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tamer_model::NativeId;
use tokio::sync::Notify;

/// More than this many are one list rather than as many questions.
const MOST: usize = 64;

/// Which instances must be looked at again: ids, or everything.
#[derive(Default)]
pub(super) struct Dirty {
    set: Mutex<Stale>,
    some: Notify,
}

/// What was marked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stale {
    pub ids: BTreeSet<NativeId>,
    pub all: bool,
}

impl Dirty {
    pub fn add(&self, id: NativeId) {
        self.mark(|set| {
            if !set.all {
                set.ids.insert(id);
            }
        });
    }

    pub fn add_all(&self) {
        self.mark(|set| set.all = true);
    }

    fn mark(&self, change: impl FnOnce(&mut Stale)) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut set);
        if set.all || set.ids.len() > MOST {
            *set = Stale { ids: BTreeSet::new(), all: true };
        }
        drop(set);
        self.some.notify_one();
    }

    /// Takes what was marked.
    pub fn take(&self) -> Stale {
        std::mem::take(&mut *self.set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something is marked that nobody was woken for.
    pub async fn marked(&self) {
        self.some.notified().await;
    }
}
