//! The coordinator's store: in memory, without a thread, its delays drawn from the seed. It outlives
//! the coordinators that write to it, and shows every commit to whoever checks them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tamer_store::{
    Backend, BoxFuture, Change, Commit, CommitError, Entry, Event, Fault, Key, Page, Prefix, Range,
    ReadError, Revision, Watch, WatchError, Write,
};
use tokio::time::sleep;

use super::follower::Follower;
use super::shown::Shown;

/// Sees every commit at the moment it is made.
pub trait Witness: Send {
    fn committed(&mut self, revision: Revision, events: &[Event]);
}

/// The disk. Clones are the same one; what is written to it stays when a coordinator dies.
#[derive(Clone)]
pub struct Disk(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// One commit at a time, in the order in which they came.
    turn: tokio::sync::Mutex<()>,
    tip: Shown<Revision>,
}

struct State {
    revision: Revision,
    entries: BTreeMap<Key, Entry>,
    /// Everything that ever changed; a run is short.
    past: Vec<Event>,
    random: fastrand::Rng,
    witness: Option<Box<dyn Witness>>,
    ails: Ails,
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ails {
    Nothing,
    /// There is no room; what only deletes passes.
    Full,
    /// The next commit fails half-way.
    Fails,
    /// One did, and no more are taken until the store is opened again.
    Failed,
}

impl Disk {
    pub fn new(seed: u64) -> Self {
        let state = State {
            revision: Revision::ZERO,
            entries: BTreeMap::new(),
            past: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            witness: None,
            ails: Ails::Nothing,
        };
        let (turn, tip) = (tokio::sync::Mutex::default(), Shown::new(Revision::ZERO));
        Self(Arc::new(Inner { state: Mutex::new(state), turn, tip }))
    }

    /// From now on this sees every commit.
    pub fn show(&self, witness: impl Witness + 'static) {
        self.state().witness = Some(Box::new(witness));
    }

    /// There is no room on it, until [`Disk::empty`].
    pub fn fill(&self) {
        self.ail(Ails::Nothing, Ails::Full);
    }

    /// There is room on it again.
    pub fn empty(&self) {
        self.ail(Ails::Full, Ails::Nothing);
    }

    /// The next commit fails half-way, and those after it at once, until [`Disk::heal`].
    pub fn fail(&self) {
        self.ail(Ails::Nothing, Ails::Fails);
    }

    /// It was opened again.
    pub fn heal(&self) {
        self.ail(Ails::Fails, Ails::Nothing);
        self.ail(Ails::Failed, Ails::Nothing);
    }

    /// What changed from this revision on, below a prefix, and up to where that is all.
    pub fn since(&self, from: Revision, prefix: &Prefix) -> (Vec<Event>, Revision) {
        let state = self.state();
        let begin = state.past.partition_point(|event| event.revision < from);
        let new = state.past[begin..].iter().filter(|event| prefix.contains(event.key()));
        (new.cloned().collect(), state.revision)
    }

    /// Its newest revision.
    pub fn tip(&self) -> &Shown<Revision> {
        &self.0.tip
    }

    fn ail(&self, before: Ails, after: Ails) {
        let mut state = self.state();
        if state.ails == before {
            state.ails = after;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the disk takes now: mostly a moment, at times long.
    async fn work(&self) {
        let millis = {
            let random = &mut self.state().random;
            if random.u8(..) < 8 { random.u64(50..400) } else { random.u64(0..4) }
        };
        sleep(Duration::from_millis(millis)).await;
    }

    /// In the middle of it the coordinator may die: before it happened, or after and before it
    /// heard of it.
    async fn write(&self, commit: Commit) -> Result<Revision, CommitError> {
        let turn = self.0.turn.lock().await;
        self.work().await;
        let done = self.state().take(commit);
        if let Ok(revision) = done {
            self.0.tip.set(revision);
        }
        drop(turn);
        self.work().await;
        done
    }
}

impl State {
    /// Applies it, if the disk is well.
    fn take(&mut self, commit: Commit) -> Result<Revision, CommitError> {
        let fault = |why: &str| Fault::new(std::io::Error::other(why.to_owned()));
        let deletes = commit.writes().iter().all(|write| matches!(write, Write::Delete(_)));
        match self.ails {
            Ails::Full if !deletes => Err(CommitError::Full(fault("there is no room"))),
            Ails::Nothing | Ails::Full => self.apply(commit),
            Ails::Fails => {
                self.ails = Ails::Failed;
                if self.random.bool() {
                    self.apply(commit)?;
                }
                Err(CommitError::OutcomeUnknown(fault("the disk failed")))
            }
            Ails::Failed => Err(CommitError::Unavailable(fault("the disk failed before"))),
        }
    }

    fn apply(&mut self, commit: Commit) -> Result<Revision, CommitError> {
        for precondition in commit.preconditions() {
            if !precondition.holds(self.entries.get(precondition.key())) {
                return Err(CommitError::Conflict { key: precondition.key().clone() });
            }
        }
        let revision = self.revision.next();
        let mut events = Vec::new();
        for write in commit.writes() {
            let change = match write {
                Write::Put(key, value) => {
                    let created = self.entries.get(key).map_or(revision, |entry| entry.created);
                    let (key, value) = (key.clone(), value.clone());
                    let entry = Entry { key: key.clone(), value, created, modified: revision };
                    self.entries.insert(key, entry.clone());
                    Change::Put(entry)
                }
                Write::Delete(key) if self.entries.remove(key).is_some() => {
                    Change::Delete(key.clone())
                }
                Write::Delete(_) => continue,
            };
            events.push(Event { revision, change });
        }
        if events.is_empty() {
            return Ok(self.revision);
        }
        events.sort_by(|a, b| a.key().cmp(b.key()));
        self.revision = revision;
        if let Some(witness) = &mut self.witness {
            witness.committed(revision, &events);
        }
        self.past.extend(events);
        Ok(revision)
    }

    fn page(&self, range: &Range) -> Page {
        let (start, end) = (range.start(), range.end());
        let inside =
            |key: &Key| key.as_bytes() >= start && end.is_none_or(|end| key.as_bytes() < end);
        let limit = range.max_entries() as usize;
        let mut entries: Vec<_> = self
            .entries
            .values()
            .filter(|entry| inside(&entry.key))
            .take(limit + 1)
            .cloned()
            .collect();
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|last| range.after(&last.key));
        Page { entries, next, revision: self.revision }
    }
}

impl Backend for Disk {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, ReadError>> {
        Box::pin(async move { Ok(self.state().entries.get(key).cloned()) })
    }

    fn range(&self, range: Range) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(async move { Ok(self.state().page(&range)) })
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, CommitError>> {
        Box::pin(self.write(commit))
    }

    fn watch(&self, prefix: Prefix, from: Revision) -> BoxFuture<'_, Result<Watch, WatchError>> {
        let follower = Follower { disk: self.clone(), prefix, from };
        Box::pin(async move { Ok(Watch::new(follower)) })
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, ReadError>> {
        Box::pin(async move { Ok(self.state().revision) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
