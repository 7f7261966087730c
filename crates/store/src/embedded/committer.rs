//! The one thread that writes.
//!
//! It takes all commits that are waiting, decides them as a group, applies them as one batch, syncs
//! once, and only then shows the result and answers. What arrives during a sync is the next group,
//! so a busy store shares its syncs and an idle one waits for nothing.

use std::{collections::VecDeque, io, sync::Arc, thread};

use tamer_crash::point;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{
    engine::Batch,
    fault::{EngineError, guarded},
    group::Group,
    history::{History, Moment},
    tip::TipFile,
    view::{Home, View},
};
use crate::{
    Commit, CommitError, Fault, MAX_COMMIT_BYTES, Revision, WatchError, Write,
    commit::MAX_COMMIT_OPS,
};

/// Bounds of a group. The bytes are those of one commit, which sled's segment size builds on; the
/// operations bound the pages one batch can touch.
const GROUP_COMMITS: usize = 256;
const GROUP_OPS: usize = 4 * MAX_COMMIT_OPS;
const GROUP_BYTES: usize = MAX_COMMIT_BYTES;

pub(crate) type Answer = Result<Revision, CommitError>;

/// A commit that waits for its answer.
pub(crate) struct Request {
    pub commit: Commit,
    pub answer: oneshot::Sender<Answer>,
    /// Its share of the room for waiting commits, given back when it is answered.
    pub room: OwnedSemaphorePermit,
}

pub(crate) struct Committer {
    pub queue: mpsc::Receiver<Request>,
    pub home: Arc<Home>,
    pub view: Arc<View>,
    pub history: Arc<History>,
    pub revision: Revision,
    pub tip: Option<TipFile>,
    pub reserve_bytes: u64,
}

#[derive(Debug, Error)]
#[error("{free} bytes are free where the store is, and {reserve} are kept in reserve")]
struct NoRoom {
    free: u64,
    reserve: u64,
}

#[derive(Debug, Error)]
#[error("the free space where the store is cannot be told")]
struct UnknownRoom(#[source] io::Error);

impl Committer {
    /// Works until every handle is gone and all that was queued is answered; then lets go of the
    /// engine and its folder.
    pub fn run(mut self) {
        let mut waiting = VecDeque::new();
        while let Some(requests) = self.next_group(&mut waiting) {
            self.process(requests);
        }
        self.history.end(WatchError::Closed);
        self.view.close();
    }

    /// Waits for a commit, and takes along what else is there, within bounds.
    fn next_group(&mut self, waiting: &mut VecDeque<Request>) -> Option<Vec<Request>> {
        if waiting.is_empty() {
            waiting.push_back(self.queue.blocking_recv()?);
            // Callers answered a moment ago are just coming back: let them in.
            thread::yield_now();
        }
        while waiting.len() < GROUP_COMMITS
            && let Ok(request) = self.queue.try_recv()
        {
            waiting.push_back(request);
        }
        let (mut ops, mut bytes) = (0, 0);
        let fits = waiting.iter().take_while(|request| {
            ops += request.commit.writes().len() + request.commit.preconditions().len();
            bytes += request.commit.size();
            ops <= GROUP_OPS && bytes <= GROUP_BYTES
        });
        // Whatever is within a commit's own limits fits a group of one.
        let count = fits.count().max(1);
        Some(waiting.drain(..count).collect())
    }

    fn process(&mut self, requests: Vec<Request>) {
        if let Some(fault) = self.view.failed() {
            for request in requests {
                answer(request.answer, Err(CommitError::Unavailable(fault.clone())));
            }
            return;
        }
        let full = self.no_room();
        let home = self.home.clone();
        let mut group = Group::new(home.engine.as_ref(), self.revision);
        let mut decided = Vec::with_capacity(requests.len());
        for Request { commit, answer, room } in requests {
            let outcome = match &full {
                Some(fault) if adds_data(&commit) => Err(CommitError::Full(fault.clone())),
                Some(_) | None => group.add(commit),
            };
            decided.push((answer, outcome, room));
        }
        let done = group.finish().map_or(Ok(()), |(batch, moments)| self.perform(batch, moments));
        for (sender, outcome, _room) in decided {
            answer(sender, if let Err(fault) = &done { lost(outcome, fault) } else { outcome });
        }
    }

    /// Makes a group durable, then visible.
    fn perform(&mut self, batch: Batch, moments: Vec<Moment>) -> Result<(), Fault> {
        let engine = self.home.engine.as_ref();
        self.view.hide(&batch);
        point("commit.begun");
        let applied = guarded(|| engine.apply(&batch));
        point("commit.applied");
        if let Err(error) = applied.and_then(|()| guarded(|| engine.sync())) {
            return Err(self.stop(error));
        }
        point("commit.synced");
        self.revision = batch.tip;
        self.view.reveal(batch.tip);
        self.history.append(moments);
        // A tripwire for the next opening; without it nothing is lost but the tripwire.
        let _ = self.tip.as_mut().map(|tip| tip.record(batch.tip));
        point("commit.shown");
        Ok(())
    }

    /// After a failed apply or sync nobody knows what the disk holds: no commit is taken until the
    /// store has been opened, and so recovered, again.
    fn stop(&self, error: EngineError) -> Fault {
        let fault = Fault::new(error);
        tracing::error!(
            error = &fault as &dyn std::error::Error,
            "the store stopped taking commits; it can still be read; restart to recover"
        );
        self.view.fail(fault.clone());
        self.history.end(WatchError::Unavailable(fault.clone()));
        fault
    }

    fn no_room(&self) -> Option<Fault> {
        let folder = self.home.folder.as_ref().filter(|_| self.reserve_bytes > 0)?;
        match fs4::available_space(&folder.dir) {
            Ok(free) if free >= self.reserve_bytes => None,
            Ok(free) => Some(Fault::new(NoRoom { free, reserve: self.reserve_bytes })),
            Err(error) => Some(Fault::new(UnknownRoom(error))),
        }
    }
}

fn adds_data(commit: &Commit) -> bool {
    commit.writes().iter().any(|write| matches!(write, Write::Put(..)))
}

/// The answer to a commit whose group failed. What it decided was decided on a state that may
/// never have been, so a refusal is taken back too.
fn lost(outcome: Answer, fault: &Fault) -> Answer {
    Err(match outcome {
        Ok(_) => CommitError::OutcomeUnknown(fault.clone()),
        Err(CommitError::Conflict { .. }) => CommitError::Unavailable(fault.clone()),
        Err(other) => other,
    })
}

fn answer(sender: oneshot::Sender<Answer>, outcome: Answer) {
    // Who no longer waits for the answer does not want it.
    let _ = sender.send(outcome);
}
