//! The recent past, kept in memory for watches, in bounds.
//!
//! The committer appends, after the sync; each watch has a place in it and reads on from there. A
//! watch holds nothing of its own, so a slow one costs nothing: it falls out and is told so.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::{BoxFuture, Change, Event, Feed, HistoryBounds, Prefix, Revision, WatchError};

/// How far one look at the history goes while it holds the lock, in revisions.
const LOOK_REVISIONS: usize = 4096;
/// A batch of events is handed over once it has this many, or this many bytes.
const ENOUGH_EVENTS: usize = 1024;
const ENOUGH_BYTES: usize = 1024 * 1024;
/// What a revision and an event cost beside keys and values, roughly, in bytes.
const OVERHEAD: usize = 160;

pub(crate) struct History {
    past: Mutex<Past>,
    bounds: HistoryBounds,
    /// Ticks when there is something new to see.
    tick: watch::Sender<()>,
}

/// Revisions without a gap: the one at index 0 is `oldest`, and so on.
struct Past {
    oldest: Revision,
    revisions: VecDeque<Arc<Moment>>,
    bytes: usize,
    /// Why nothing more will come.
    end: Option<WatchError>,
}

/// All events of one revision, in no more room than they need: tens of thousands are kept.
pub(crate) struct Moment {
    events: Box<[Event]>,
    bytes: usize,
}

impl Moment {
    pub fn new(events: Vec<Event>) -> Self {
        let bytes = OVERHEAD + events.iter().map(size).sum::<usize>();
        Self { events: events.into(), bytes }
    }
}

fn size(event: &Event) -> usize {
    OVERHEAD
        + match &event.change {
            Change::Put(entry) => entry.size(),
            Change::Delete(key) => key.as_bytes().len(),
        }
}

impl History {
    /// An empty one, for a store that is at `revision`.
    pub fn new(revision: Revision, bounds: HistoryBounds) -> Self {
        let past =
            Past { oldest: revision.next(), revisions: VecDeque::new(), bytes: 0, end: None };
        Self { past: Mutex::new(past), bounds, tick: watch::Sender::new(()) }
    }

    /// Adds the next revisions, in order.
    pub fn append(&self, moments: Vec<Moment>) {
        let mut past = self.lock();
        for moment in moments {
            past.bytes += moment.bytes;
            past.revisions.push_back(Arc::new(moment));
        }
        while past.revisions.len() > self.bounds.revisions
            || (past.bytes > self.bounds.bytes && past.revisions.len() > 1)
        {
            let Some(gone) = past.revisions.pop_front() else { break };
            past.bytes -= gone.bytes;
            past.oldest = past.oldest.next();
        }
        drop(past);
        self.tick.send_replace(());
    }

    /// Tells every watch, once it has seen all there is, that this was it.
    pub fn end(&self, why: WatchError) {
        self.lock().end.get_or_insert(why);
        self.tick.send_replace(());
    }

    pub fn follow(
        self: &Arc<Self>,
        prefix: Prefix,
        from: Revision,
    ) -> Result<Follower, WatchError> {
        let follower =
            Follower { history: self.clone(), tick: self.tick.subscribe(), prefix, next: from };
        let past = self.lock();
        past.index(from)?;
        match (&past.end, past.after_last() <= from) {
            (Some(end), true) => Err(end.clone()),
            (None, _) | (Some(_), false) => Ok(follower),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Past {
    fn index(&self, revision: Revision) -> Result<usize, WatchError> {
        match revision.0.checked_sub(self.oldest.0) {
            // Beyond the end is beyond the end, however far: saturate rather than wrap on 32 bits.
            Some(index) => Ok(usize::try_from(index).unwrap_or(usize::MAX)),
            None => Err(WatchError::Compacted { oldest: self.oldest }),
        }
    }

    fn after_last(&self) -> Revision {
        Revision(self.oldest.0 + self.revisions.len() as u64)
    }
}

/// One watch's place in the history.
pub(crate) struct Follower {
    history: Arc<History>,
    tick: watch::Receiver<()>,
    prefix: Prefix,
    next: Revision,
}

/// What one look found.
enum Look {
    Events(Vec<Event>),
    /// Nothing yet, and not at the end either.
    Further,
    UpToDate,
}

impl Follower {
    fn look(&mut self) -> Result<Look, WatchError> {
        let past = self.history.lock();
        let start = past.index(self.next)?;
        if start >= past.revisions.len() {
            return past.end.clone().map_or(Ok(Look::UpToDate), Err);
        }
        let mut found = Vec::new();
        let mut bytes = 0;
        for moment in past.revisions.range(start..).take(LOOK_REVISIONS) {
            let wanted = moment.events.iter().filter(|event| self.prefix.contains(event.key()));
            for event in wanted {
                bytes += size(event);
                found.push(event.clone());
            }
            self.next = self.next.next();
            if found.len() >= ENOUGH_EVENTS || bytes >= ENOUGH_BYTES {
                break;
            }
        }
        Ok(if found.is_empty() { Look::Further } else { Look::Events(found) })
    }
}

impl Feed for Follower {
    // Cancel-safe: the place moves only in `look`, and what `look` found is returned at once.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Event>, WatchError>> {
        Box::pin(async {
            loop {
                self.tick.mark_unchanged();
                match self.look()? {
                    Look::Events(events) => return Ok(events),
                    Look::Further => tokio::task::yield_now().await,
                    Look::UpToDate => {
                        // The sender lives in `self.history`, so there is always one.
                        let _ = self.tick.changed().await;
                    }
                }
            }
        })
    }
}
