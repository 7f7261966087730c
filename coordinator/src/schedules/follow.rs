//! The schedules as the store has them, and the word when something changes.

use std::collections::BTreeMap;

use tamer_model::Timestamp;
use tamer_store::{Change, Entry, Range, Revision, Store, Watch, WatchError};
use tracing::error;

use super::Schedule;
use crate::state::{decode, keys};

/// A schedule and the revision of its record.
#[derive(Debug, Clone)]
pub struct Kept {
    pub schedule: Schedule,
    pub at: Revision,
}

/// A schedule, and when it has to be looked at.
pub struct Slot {
    pub kept: Kept,
    pub look: Look,
}

/// When a schedule has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Now,
    At(Timestamp),
    /// When it has changed.
    Then,
}

/// All schedules, by the ends of their keys.
pub struct Followed {
    pub all: BTreeMap<String, Slot>,
    schedules: Watch,
    batches: Watch,
}

/// Why they cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The store could not be read.
    #[error("the schedules cannot be read")]
    Read(#[from] tamer_store::ReadError),
    /// The store could not be watched.
    #[error("the schedules cannot be followed")]
    Watch(#[from] WatchError),
}

impl Followed {
    /// Reads everything.
    pub async fn load(store: &Store) -> Result<Self, FollowError> {
        let at = store.revision().await?;
        let schedules = store.watch(keys::schedules(), at.next()).await?;
        let batches = store.watch(keys::actives(), at.next()).await?;
        let mut followed = Self { all: BTreeMap::new(), schedules, batches };
        let mut next = Some(Range::prefix(&keys::schedules()));
        while let Some(range) = next {
            let page = store.range(range).await?;
            page.entries.iter().for_each(|entry| followed.put(entry));
            next = page.next;
        }
        Ok(followed)
    }

    /// Waits until a schedule has changed, or a batch has begun or ended. Cancel-safe: a watch
    /// returns events or keeps them.
    pub async fn changed(&mut self) -> Result<(), FollowError> {
        tokio::select! {
            events = self.schedules.next() => {
                for event in events? {
                    match event.change {
                        Change::Put(entry) => self.put(&entry),
                        Change::Delete(key) => drop(self.all.remove(keys::tail(&key))),
                    }
                }
            }
            events = self.batches.next() => {
                drop(events?);
                let waiting = |slot: &&mut Slot| slot.kept.schedule.waiting.is_some();
                self.all.values_mut().filter(waiting).for_each(|slot| slot.look = Look::Now);
            }
        }
        Ok(())
    }

    fn put(&mut self, entry: &Entry) {
        let name = keys::tail(&entry.key);
        // The keeper knows its own commits before the watch tells of them.
        if self.all.get(name).is_some_and(|slot| slot.kept.at >= entry.modified) {
            return;
        }
        match decode(&entry.key, &entry.value) {
            Ok(schedule) => {
                let kept = Kept { schedule, at: entry.modified };
                self.all.insert(name.to_owned(), Slot { kept, look: Look::Now });
            }
            Err(problem) => error!(%problem, "a schedule cannot be read; nothing of it will run"),
        }
    }
}
