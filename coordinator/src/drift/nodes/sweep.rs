//! Removing what nothing refers to, while everybody goes on.
//!
//! A sweep begins by noting what is used from then on, then marks what the given roots and the pinned
//! ones reach, and removes what is neither marked nor used. What somebody found or wrote after the
//! beginning is used; what was found before it belongs to a root that a record or a pin names.

use std::collections::{BTreeSet, HashSet};

use tamer_drift::Digest;
use tamer_model::Problem;

use super::{Inner, Nodes, Pinned, lock};

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Nodes that stay.
    pub kept: u64,
    /// Nodes that were removed.
    pub removed: u64,
}

/// A sweep that runs. Dropped, it has ended.
pub struct Sweep {
    nodes: Nodes,
}

impl Nodes {
    /// Begins a sweep. None while another one runs.
    pub fn begin_sweep(&self) -> Option<Sweep> {
        let mut used = lock(&self.inner.used);
        if used.is_some() {
            return None;
        }
        *used = Some(BTreeSet::new());
        Some(Sweep { nodes: self.clone() })
    }
}

impl Sweep {
    /// The roots that are pinned at this moment.
    pub fn pinned(&self) -> Vec<Pinned> {
        lock(&self.nodes.inner.pins).keys().copied().collect()
    }

    /// Removes what is not in `marked` and was not used since the sweep began, with the drafts that
    /// nobody finished.
    ///
    /// # Errors
    /// `DataFolder` when the disk fails; what was removed until then is gone, the rest is there.
    pub fn finish(self, marked: &HashSet<Digest>) -> Result<Swept, Problem> {
        let inner = &self.nodes.inner;
        let mut swept = Swept::default();
        for number in 0..=u8::MAX {
            let (found, drafts) = inner.folder.shelf(number)?;
            for digest in found {
                if marked.contains(&digest) || !inner.remove_unused(&digest)? {
                    swept.kept += 1;
                } else {
                    swept.removed += 1;
                }
            }
            // One of an hour ago is nobody's; a younger one may be in somebody's hands.
            for draft in drafts.iter().filter(|draft| is_old(draft)) {
                inner.folder.remove_file(draft)?;
            }
        }
        Ok(swept)
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        *lock(&self.nodes.inner.used) = None;
    }
}

impl Inner {
    /// Removes a node unless it is used. The lock is held meanwhile: who asks whether it is there
    /// is told before or after.
    fn remove_unused(&self, digest: &Digest) -> Result<bool, Problem> {
        let used = lock(&self.used);
        if used.as_ref().is_none_or(|used| used.contains(digest)) {
            return Ok(false);
        }
        lock(&self.cache).forget(digest);
        self.folder.remove(digest)?;
        lock(&self.unsynced).remove(digest);
        Ok(true)
    }
}

fn is_old(path: &std::path::Path) -> bool {
    const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > HOUR))
}
