//! Deciding a group of commits: each sees the store as the ones before it leave it.
//!
//! Nothing here is done to the engine. What comes out is one batch to apply, the events to tell,
//! and an answer for each commit that is true once the batch is synced.

use std::collections::btree_map::Entry as Slot;

use super::{
    engine::{Batch, Engine, Step},
    fault::{EngineError, guarded},
    history::Moment,
};
use crate::{Change, Commit, CommitError, Entry, Event, Fault, Key, Precondition, Revision, Write};

pub(crate) struct Group<'a> {
    engine: &'a dyn Engine,
    base: Revision,
    pub batch: Batch,
    pub moments: Vec<Moment>,
}

impl<'a> Group<'a> {
    /// An empty group on a store that is at `base`.
    pub fn new(engine: &'a dyn Engine, base: Revision) -> Self {
        let batch = Batch { tip: base, ..Batch::default() };
        Self { engine, base, batch, moments: Vec::new() }
    }

    /// Adds a commit, or says why not and stays as it was.
    pub fn add(&mut self, commit: Commit) -> Result<Revision, CommitError> {
        let missed = guarded(|| self.first_broken(&commit)).map_err(unreadable)?;
        if let Some(key) = missed {
            return Err(CommitError::Conflict { key });
        }
        for write in commit.writes() {
            guarded(|| self.load(write.key())).map_err(unreadable)?;
        }
        let revision = self.batch.tip.next();
        let events: Vec<_> = commit
            .writes()
            .iter()
            .filter_map(|write| self.step(write, revision))
            .map(|change| Event { revision, change })
            .collect();
        if !events.is_empty() {
            self.moments.push(Moment::new(events));
            self.batch.tip = revision;
        }
        Ok(self.batch.tip)
    }

    /// The batch to apply, if anything changed. What was only looked at is left out of it.
    pub fn finish(mut self) -> Option<(Batch, Vec<Moment>)> {
        self.batch.changes.retain(|_, step| step.before != step.after);
        (self.batch.tip > self.base).then_some((self.batch, self.moments))
    }

    fn first_broken(&self, commit: &Commit) -> Result<Option<Key>, EngineError> {
        for precondition in commit.preconditions() {
            if !self.holds(precondition)? {
                return Ok(Some(precondition.key().clone()));
            }
        }
        Ok(None)
    }

    fn holds(&self, precondition: &Precondition) -> Result<bool, EngineError> {
        match self.batch.changes.get(precondition.key()) {
            Some(step) => Ok(precondition.holds(step.after.as_ref())),
            None => Ok(precondition.holds(self.engine.get(precondition.key())?.as_ref())),
        }
    }

    fn load(&mut self, key: &Key) -> Result<(), EngineError> {
        if let Slot::Vacant(slot) = self.batch.changes.entry(key.clone()) {
            let before = self.engine.get(key)?;
            slot.insert(Step { after: before.clone(), before });
        }
        Ok(())
    }

    fn step(&mut self, write: &Write, revision: Revision) -> Option<Change> {
        let step = self.batch.changes.get_mut(write.key()).expect("`load` put it there");
        match write {
            Write::Put(key, value) => {
                let created = step.after.as_ref().map_or(revision, |entry| entry.created);
                let (key, value) = (key.clone(), value.clone());
                let entry = Entry { key, value, created, modified: revision };
                step.after = Some(entry.clone());
                Some(Change::Put(entry))
            }
            Write::Delete(key) => step.after.take().map(|_| Change::Delete(key.clone())),
        }
    }
}

fn unreadable(error: EngineError) -> CommitError {
    CommitError::Unavailable(Fault::new(error))
}
