//! The sled engine, made durable: everything that is peculiar to sled is in this module.
//!
//! Three things about sled 0.34.7 shape it (see `docs/decisions/0003-sled-made-durable.md`):
//! - On Linux `flush` ends in `sync_file_range`, which neither writes the file's metadata nor
//!   empties the disk's cache. [`files::Files::sync`] does what is missing, after every `flush`.
//! - A message over a quarter of a segment goes to a file of its own in `blobs/`, which sled never
//!   syncs. [`layout`] cuts big values up, and segments are big, so that there never are any.
//! - A segment whose pages have all moved on is reused once their new copies were *written*. With
//!   [`SEGMENT`] above what one group of commits can make sled write, a sync of ours always lies
//!   between the new copy and the reuse.

mod files;
mod layout;

use std::{ops::ControlFlow, path::Path};

use ::sled::{Batch as SledBatch, Config, Db};

use self::files::Files;
use super::{
    engine::{Batch, Engine},
    fault::EngineError,
};
use crate::{Entry, Key, Revision};

/// sled's unit of writing and reuse, in bytes; it cannot change once a store is made. A group of
/// commits has at most 1.25 MiB of new data, sled writes up to about four times that while it
/// rewrites the pages around it, and half as much again must fit.
const SEGMENT: usize = 8 * 1024 * 1024;

pub(crate) struct SledEngine {
    db: Db,
    files: Files,
}

impl SledEngine {
    pub fn open(dir: &Path, cache_bytes: usize) -> Result<Self, EngineError> {
        Files::prepare(dir)?;
        let config = Config::new()
            .path(dir)
            .cache_capacity(cache_bytes as u64)
            .segment_size(SEGMENT)
            // Its timer would write and move pages between our syncs; we flush at each commit.
            .flush_every_ms(None);
        let db = config.open()?;
        Ok(Self { db, files: Files::settle(dir)? })
    }
}

impl Engine for SledEngine {
    fn tip(&self) -> Result<Revision, EngineError> {
        layout::tip(&self.db)
    }

    fn get(&self, key: &Key) -> Result<Option<Entry>, EngineError> {
        match self.db.get(layout::head_key(key))? {
            Some(record) => layout::load(&self.db, key.clone(), &record).map(Some),
            None => Ok(None),
        }
    }

    fn scan(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        for found in self.db.range(layout::heads(start, end)) {
            let (key, record) = found?;
            let entry = layout::load(&self.db, layout::key_of(&key)?, &record)?;
            if visit(entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut writes = SledBatch::default();
        layout::put_tip(&mut writes, batch.tip);
        for (key, step) in &batch.changes {
            layout::put_step(&mut writes, key, step);
        }
        Ok(self.db.apply_batch(writes)?)
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.db.flush()?;
        self.files.sync()
    }
}
