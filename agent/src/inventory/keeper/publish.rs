//! When a picture is written down and told, and as what.

use std::sync::Arc;
use std::time::Duration;

use tamer_drift::Digest;
use tokio::time::Instant;

use super::Inventory;
use crate::clock;
use crate::inventory::memory::Observed;
use crate::inventory::told::{SourceReport, Told};
use crate::problem::chain;

/// The least time between two pictures.
const EVERY: Duration = Duration::from_secs(1);
/// A picture is followed by a pause of so many times what it took to write down.
const REST: u32 = 9;
/// After this long the first picture is told though some source was not looked at yet: it is told
/// as incomplete then.
const FIRST: Duration = Duration::from_secs(15);
/// How often it is written down that nothing changed: the most that a gap is too long after a crash.
const OBSERVED: Duration = Duration::from_secs(60);
/// After a failure to write, when to try again.
const AGAIN: Duration = Duration::from_secs(10);

/// How far the telling is.
#[derive(Debug)]
pub(super) struct Publishing {
    /// When this life began to look.
    began: Instant,
    /// Whether a picture was told in this life.
    told: bool,
    /// Whether there is something to tell.
    stale: bool,
    /// Resources that changed before the first picture of this life.
    changed: u64,
    /// Not before this.
    rests: Instant,
    /// When the last one was told.
    last: Instant,
    /// When it is written down next that nothing changed.
    observe: Instant,
    /// Whether the last one is not on the disk.
    unsaved: bool,
}

impl Publishing {
    pub(super) fn beginning(now: Instant) -> Self {
        Self {
            began: now,
            told: false,
            stale: true,
            changed: 0,
            rests: now,
            last: now,
            observe: now + OBSERVED,
            unsaved: false,
        }
    }

    /// Something is to be told, of so many resources that are another way.
    pub(super) fn changed(&mut self, count: u64) {
        self.stale = true;
        self.changed += count;
    }

    /// When something is to be written.
    pub(super) fn due(&self, inventory: &Inventory) -> [Instant; 2] {
        let whole = inventory.sources.iter().all(|source| source.looked);
        let first = if self.told || whole { self.rests } else { self.began + FIRST };
        let picture = match self.stale || self.unsaved {
            true => first.max(self.rests),
            // Though nothing changed it is told that everything was looked at.
            false => self.last + inventory.settings.full,
        };
        [picture, self.observe]
    }
}

impl Inventory {
    /// Writes down and tells what changed, when it is time to.
    pub(super) async fn publish_if_due(&mut self) {
        let now = Instant::now();
        let [picture, observe] = self.publishing.due(self);
        if picture <= now {
            self.publish().await;
        }
        if observe <= now {
            self.observed().await;
        }
    }

    /// The coordinator has what was told with this root.
    pub(super) fn stored(&mut self, root: Digest) {
        let told = self.head.gap.as_ref().is_some_and(|gap| gap.to.is_some());
        if told && root == self.head.root {
            self.head.gap = None;
            // Written with the next picture: told twice it means the same.
            self.publishing.unsaved = true;
            self.publishing.rests = self.publishing.rests.max(Instant::now() + EVERY);
        }
    }

    /// The last that is done: what changed is written down, and until when that was so.
    pub(super) async fn leave(&mut self) {
        if self.publishing.told {
            if self.publishing.stale || self.publishing.unsaved {
                self.publish().await;
            }
            self.observed().await;
        }
    }

    async fn publish(&mut self) {
        let begin = Instant::now();
        let new = self.publishing.stale || begin >= self.publishing.last + self.settings.full;
        let taken = self.board.close();
        let commit = self.picture.commit();
        self.next_head(commit.root, taken);
        let (store, head) = (self.store.clone(), self.head.clone());
        let nodes = self.picture.nodes().clone();
        let write = nodes.clone();
        let written = tokio::task::spawn_blocking(move || store.write(&head, &write)).await;
        let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        if let Err(error) = &written
            && !self.publishing.unsaved
        {
            // It is told all the same: a change that nobody hears of is worse than a gap.
            tracing::warn!(error = %chain(error), "the picture of this host is not on the disk; make room");
        }
        let told = Told {
            epoch: self.head.epoch,
            counter: self.head.counter,
            root: self.head.root,
            before: self.head.before,
            at: self.head.at,
            took_ms: self.head.sources.iter().map(|one| one.took_ms).max().unwrap_or(0),
            resources: self.picture.len(),
            sources: self.head.sources.clone(),
            gap: self.head.gap.clone(),
            nodes,
        };
        let same = taken && !new;
        self.board.put(Arc::new(told), same, new);
        let now = Instant::now();
        let took = now - begin;
        let again = if written.is_err() { AGAIN } else { EVERY.max(took * REST) };
        self.publishing.told = true;
        self.publishing.stale = false;
        self.publishing.unsaved = written.is_err();
        self.publishing.last = now;
        self.publishing.rests = now + again;
    }

    /// What is written of the picture as it is now. A counter that somebody was told is used up by
    /// another picture.
    fn next_head(&mut self, root: Digest, taken: bool) {
        let now = clock::now();
        if taken && root != self.head.root {
            self.head.before = Some(self.head.root);
            self.head.counter += 1;
        }
        self.head.root = root;
        self.head.at = now;
        self.sources.iter_mut().for_each(|source| source.publish(taken));
        self.head.sources = self.reports();
        if let Some(gap) = self.head.gap.as_mut().filter(|gap| gap.to.is_none()) {
            // A clock that was set back makes no gap that ends before it begins.
            gap.to = Some(now.max(gap.from));
            gap.changed += self.publishing.changed;
        }
    }

    fn reports(&self) -> Vec<SourceReport> {
        let mine = self.sources.iter().filter(|source| !source.absent);
        mine.map(|source| &source.report).chain(&self.others).cloned().collect()
    }

    /// Writes down that the picture on the disk was seen to be so.
    async fn observed(&mut self) {
        self.publishing.observe = Instant::now() + OBSERVED;
        if !self.publishing.told || self.publishing.stale || self.publishing.unsaved {
            return;
        }
        let observed = Observed { epoch: self.head.epoch, at: clock::now() };
        let store = self.store.clone();
        let written = tokio::task::spawn_blocking(move || store.write_observed(observed)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(error = %chain(&error), "not written: a gap would be too long")
            }
            Err(error) => tracing::error!(%error, "the writer broke"),
        }
    }
}
