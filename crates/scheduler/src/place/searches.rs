//! The searches under way while copies of many workloads are placed, and what is known to be in
//! vain.

use std::collections::HashMap;

use super::draft::Draft;
use super::frame::Frame;
use super::level::Tried;
use super::search::Search;
use crate::state::{NeedIx, WorkloadIx};

/// Searches that are kept may remember so many hosts in all, of some 40 bytes each.
const MAX_HOSTS: usize = 64 * 10_000;

/// By workload and what a copy takes.
type Key = (WorkloadIx, NeedIx);

/// What was found out, for whoever asks for the same again.
#[derive(Debug)]
pub struct Searches<'a> {
    kept: HashMap<Key, Search<'a>>,
    most: usize,
    /// One for each workload and version that waits.
    failed: HashMap<Key, Failed>,
}

/// When nothing was found.
#[derive(Debug, Clone, Copy)]
struct Failed {
    /// After so many changes.
    changed: usize,
    /// Whether pushing others aside was tried.
    pushed: bool,
    tried: Tried,
}

impl<'a> Searches<'a> {
    /// None yet.
    pub fn new(draft: &Draft<'_>) -> Self {
        let most = (MAX_HOSTS / draft.fleet.hosts.places().max(1)).max(1);
        Self { kept: HashMap::new(), most, failed: HashMap::new() }
    }

    /// The search for a copy.
    pub fn of(&mut self, frame: Frame<'a>, draft: &Draft<'a>) -> &mut Search<'a> {
        let key = (frame.ix, frame.need_ix);
        if self.kept.len() >= self.most && !self.kept.contains_key(&key) {
            self.kept.clear();
        }
        self.kept.entry(key).or_insert_with(|| Search::new(frame, draft))
    }

    /// What came of it, where a copy like this found no host and nothing changed since. `pushes`: it
    /// may push others aside.
    pub fn in_vain(&self, frame: &Frame<'_>, draft: &Draft<'_>, pushes: bool) -> Option<Tried> {
        let failed = self.failed.get(&(frame.ix, frame.need_ix))?;
        let same = failed.changed == draft.changed() && (failed.pushed || !pushes);
        same.then_some(failed.tried)
    }

    /// A copy that any host would have done for found none.
    pub fn note(&mut self, frame: &Frame<'_>, draft: &Draft<'_>, pushed: bool, tried: Tried) {
        let failed = Failed { changed: draft.changed(), pushed, tried };
        self.failed.insert((frame.ix, frame.need_ix), failed);
    }
}
