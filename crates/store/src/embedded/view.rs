//! What readers see: the store as of the last synced revision, never more.
//!
//! An engine shows a batch as soon as it is applied, and the sync takes milliseconds. So before a
//! batch is applied, what its keys held is put over them (`hide`); readers look there first and in
//! the engine for all else. After the sync the cover goes and the revision moves on, in one step
//! (`reveal`). If apply or sync fails the cover stays for good: readers go on seeing exactly what
//! was synced, whatever the engine holds, until the store is opened again.
//!
//! The lock is held to read from the engine and to swap the cover, never for a sync. A read waits
//! for a swap, a swap for the reads begun before it, the longest of which is one page.

use std::{
    collections::BTreeMap,
    iter,
    ops::ControlFlow,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use super::{
    engine::{Batch, Engine},
    fault::{EngineError, guarded},
    folder::Folder,
};
use crate::{Entry, Fault, Key, MAX_PAGE_BYTES, Page, Range, ReadError, Revision};

/// An open engine. It is dropped before its folder is unlocked.
pub(crate) struct Home {
    pub engine: Box<dyn Engine>,
    /// None for a store in memory.
    pub folder: Option<Folder>,
}

pub(crate) struct View(RwLock<State>);

struct State {
    /// None once the store is closed.
    home: Option<Arc<Home>>,
    revision: Revision,
    cover: Arc<Cover>,
    failed: Option<Fault>,
}

/// What some keys held before a batch that is not synced. Its size is that of one group's old
/// values: at most 512 keys, though only a group of overwrites of the biggest values comes near
/// half a gigabyte, and one of everyday records is a few hundred kilobytes.
type Cover = BTreeMap<Key, Option<Entry>>;

impl View {
    pub fn new(home: Arc<Home>, revision: Revision) -> Self {
        let state = State { home: Some(home), revision, cover: Arc::default(), failed: None };
        Self(RwLock::new(state))
    }

    pub fn revision(&self) -> Result<Revision, ReadError> {
        self.read(|state, _| Ok(state.revision))
    }

    pub fn get(&self, key: &Key) -> Result<Option<Entry>, ReadError> {
        self.read(|state, engine| match state.cover.get(key) {
            Some(before) => Ok(before.clone()),
            None => guarded(|| engine.get(key)),
        })
    }

    pub fn page(&self, range: &Range) -> Result<Page, ReadError> {
        self.read(|state, engine| guarded(|| state.page(engine, range)))
    }

    /// Covers what `batch` is about to change.
    pub fn hide(&self, batch: &Batch) {
        let before = batch.changes.iter().map(|(key, step)| (key.clone(), step.before.clone()));
        self.write().cover = Arc::new(before.collect());
    }

    /// Shows everything up to `revision`.
    pub fn reveal(&self, revision: Revision) {
        let mut state = self.write();
        state.revision = revision;
        state.cover = Arc::default();
    }

    /// No more commits: the engine may hold what was never acknowledged.
    pub fn fail(&self, fault: Fault) {
        self.write().failed.get_or_insert(fault);
    }

    pub fn failed(&self) -> Option<Fault> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).failed.clone()
    }

    /// Lets go of the engine; who holds it last drops it.
    pub fn close(&self) {
        self.write().home = None;
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&State, &dyn Engine) -> Result<T, EngineError>,
    ) -> Result<T, ReadError> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let home = state.home.as_ref().ok_or(ReadError::Closed)?;
        work(&state, home.engine.as_ref())
            .map_err(|error| ReadError::Unavailable(Fault::new(error)))
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn page(&self, engine: &dyn Engine, range: &Range) -> Result<Page, EngineError> {
        let mut page = Paging { range, entries: Vec::new(), bytes: 0, more: false };
        let mut covered = self.cover.iter().filter(|(key, _)| range.contains(key)).peekable();
        if !range.is_empty() {
            engine.scan(range.start(), range.end(), &mut |entry| {
                let earlier = iter::from_fn(|| covered.next_if(|(key, _)| **key < entry.key));
                for before in earlier.filter_map(|(_, before)| before.clone()) {
                    page.add(before)?;
                }
                match covered.next_if(|(key, _)| **key == entry.key) {
                    None => page.add(entry),
                    Some((_, Some(before))) => page.add(before.clone()),
                    Some((_, None)) => ControlFlow::Continue(()),
                }
            })?;
        }
        for before in covered.filter_map(|(_, before)| before.clone()) {
            if page.more || page.add(before).is_break() {
                break;
            }
        }
        Ok(page.finish(self.revision))
    }
}

struct Paging<'a> {
    range: &'a Range,
    entries: Vec<Entry>,
    bytes: usize,
    more: bool,
}

impl Paging<'_> {
    /// Takes the entry, or says that it belongs to the next page.
    fn add(&mut self, entry: Entry) -> ControlFlow<()> {
        let full = self.entries.len() >= self.range.max_entries() as usize;
        if full || self.bytes >= MAX_PAGE_BYTES {
            self.more = true;
            return ControlFlow::Break(());
        }
        self.bytes += entry.size();
        self.entries.push(entry);
        ControlFlow::Continue(())
    }

    fn finish(self, revision: Revision) -> Page {
        let last = self.entries.last().filter(|_| self.more);
        let next = last.map(|entry| self.range.after(&entry.key));
        Page { entries: self.entries, next, revision }
    }
}
