//! What an embedded engine must do, and the little it must promise.
//!
//! The committer thread is the only caller of `apply` and `sync`, one at a time. Readers call `get`
//! and `scan` at any time, also between `apply` and `sync`; they never ask for keys that such a
//! batch touches (see `view`), so an engine needs no snapshots.

use std::{collections::BTreeMap, ops::ControlFlow};

use super::fault::EngineError;
use crate::{Entry, Key, Revision};

/// Ordered entries, and the revision they are at.
pub(crate) trait Engine: Send + Sync {
    /// The revision of the last batch applied; zero when there was none.
    fn tip(&self) -> Result<Revision, EngineError>;

    fn get(&self, key: &Key) -> Result<Option<Entry>, EngineError>;

    /// Visits the entries from `start` up to but not including `end`, in order, until told to stop.
    fn scan(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), EngineError>;

    /// Makes the whole batch happen, the tip included. After a crash all of it is there, or nothing.
    fn apply(&self, batch: &Batch) -> Result<(), EngineError>;

    /// Returns when everything applied so far survives a power cut.
    fn sync(&self) -> Result<(), EngineError>;
}

/// What one group of commits comes to.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The revision of the group's last commit.
    pub tip: Revision,
    pub changes: BTreeMap<Key, Step>,
}

/// One key, before the group and after it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}
