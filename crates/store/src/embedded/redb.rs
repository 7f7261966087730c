//! The redb engine: one file, a copy-on-write tree, two commit slots with checksums.
//!
//! `apply` fills a write transaction and `sync` commits it with redb's `Immediate` durability,
//! which is one `fdatasync` and what makes the transaction visible. The file's directory entry is
//! synced when the folder is made.

use std::{
    io,
    ops::{Bound, ControlFlow},
    path::Path,
    sync::{Mutex, PoisonError},
};

use redb::{
    Database, Durability, Error, ReadTransaction, ReadableDatabase, TableDefinition, TableError,
    WriteTransaction,
};

use super::{
    engine::{Batch, Engine},
    fault::EngineError,
    os::create_private,
    record,
};
use crate::{Entry, Key, Revision};

const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const TIP: &str = "tip";

pub(crate) struct RedbEngine {
    database: Database,
    /// Applied and not yet synced. Only the committer takes the lock.
    staged: Mutex<Option<WriteTransaction>>,
}

impl RedbEngine {
    pub fn open(file: &Path, cache_bytes: usize) -> Result<Self, EngineError> {
        match create_private(file) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(EngineError::from_io(error));
            }
            Ok(_) | Err(_) => {}
        }
        let opened = Database::builder().set_cache_size(cache_bytes).create(file);
        let database = opened.map_err(Error::from)?;
        Ok(Self { database, staged: Mutex::new(None) })
    }

    fn begin(&self) -> Result<ReadTransaction, EngineError> {
        Ok(self.database.begin_read().map_err(Error::from)?)
    }

    fn stage(&self, batch: &Batch) -> Result<WriteTransaction, Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.open_table(META)?.insert(TIP, batch.tip.0)?;
        let mut entries = transaction.open_table(ENTRIES)?;
        for (key, step) in &batch.changes {
            match &step.after {
                Some(entry) => entries.insert(key.as_bytes(), record::encode(entry).as_slice())?,
                None => entries.remove(key.as_bytes())?,
            };
        }
        drop(entries);
        Ok(transaction)
    }
}

/// A table that nothing was ever put in does not exist.
fn existing<T>(opened: Result<T, TableError>) -> Result<Option<T>, EngineError> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(Error::from(error).into()),
    }
}

impl Engine for RedbEngine {
    fn tip(&self) -> Result<Revision, EngineError> {
        let Some(meta) = existing(self.begin()?.open_table(META))? else {
            return Ok(Revision::ZERO);
        };
        let tip = meta.get(TIP).map_err(Error::from)?;
        Ok(Revision(tip.map_or(0, |tip| tip.value())))
    }

    fn get(&self, key: &Key) -> Result<Option<Entry>, EngineError> {
        let Some(entries) = existing(self.begin()?.open_table(ENTRIES))? else { return Ok(None) };
        let found = entries.get(key.as_bytes()).map_err(Error::from)?;
        found.map(|found| record::decode_whole(key.clone(), found.value())).transpose()
    }

    fn scan(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let Some(entries) = existing(self.begin()?.open_table(ENTRIES))? else { return Ok(()) };
        let bounds = (Bound::Included(start), end.map_or(Bound::Unbounded, Bound::Excluded));
        for found in entries.range::<&[u8]>(bounds).map_err(Error::from)? {
            let (key, found) = found.map_err(Error::from)?;
            let key = Key::new(key.value()).map_err(|_| EngineError::DamagedKey)?;
            if visit(record::decode_whole(key, found.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let transaction = self.stage(batch)?;
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some(transaction);
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner).take();
        match staged {
            Some(transaction) => Ok(transaction.commit().map_err(Error::from)?),
            None => Ok(()),
        }
    }
}
