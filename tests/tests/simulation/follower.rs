//! A watch on the simulated disk.

use tamer_store::{BoxFuture, Event, Feed, Prefix, Revision, WatchError};

use super::disk::Disk;

/// Reads what changed at its own pace; the disk keeps all of it.
pub struct Follower {
    pub disk: Disk,
    pub prefix: Prefix,
    /// The first revision that was not read.
    pub from: Revision,
}

impl Feed for Follower {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Event>, WatchError>> {
        Box::pin(async move {
            loop {
                let (found, tip) = self.disk.since(self.from, &self.prefix);
                // What was looked at and is not followed is not looked at again.
                self.from = self.from.max(tip.next());
                if !found.is_empty() {
                    return Ok(found);
                }
                let from = self.from;
                self.disk.tip().until(|tip| tip >= from).await;
            }
        })
    }
}
