//! The engine that forgets: for tests and trials.

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use bytes::Bytes;

use super::{
    engine::{Batch, Engine},
    fault::EngineError,
};
use crate::{Entry, Key, Revision};

#[derive(Default)]
pub(crate) struct MemoryEngine(RwLock<Contents>);

#[derive(Default)]
struct Contents {
    tip: Revision,
    entries: BTreeMap<Bytes, Entry>,
}

impl MemoryEngine {
    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for MemoryEngine {
    fn tip(&self) -> Result<Revision, EngineError> {
        Ok(self.read().tip)
    }

    fn get(&self, key: &Key) -> Result<Option<Entry>, EngineError> {
        Ok(self.read().entries.get(key.as_bytes()).cloned())
    }

    fn scan(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let bounds = (Bound::Included(start), end.map_or(Bound::Unbounded, Bound::Excluded));
        for entry in self.read().entries.range::<[u8], _>(bounds).map(|(_, entry)| entry) {
            if visit(entry.clone()).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut contents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        contents.tip = batch.tip;
        for (key, step) in &batch.changes {
            let key = Bytes::copy_from_slice(key.as_bytes());
            match &step.after {
                Some(entry) => contents.entries.insert(key, entry.clone()),
                None => contents.entries.remove(&key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }
}
