//! The tasks of this host: the one owner of what runs, fed by the session, written to the journal.
//! What a task does is the affair of `work`; here is when it begins, and that its end is told.
//!
//! `run` spawns [`Tasks`] once; each session attaches, tells what happened while it lasts, and
//! goes. No task notices: commands run on, and what was not told is told in the next session.

mod actor;
#[cfg(test)]
mod orders_tests;
#[cfg(test)]
mod tests;
mod waiting;
mod worker;

use tamer_model::{Problem, TaskEnd, TaskId, Timestamp, Work};
use tokio::sync::{mpsc, oneshot};

pub use actor::Tasks;

use crate::exec::Chunk;
use crate::work::{MAX_TRANSFERS, Progress};

/// Commands, scripts and sequences of the host that run at once. One more is refused.
pub const MAX_RUNNING: usize = 64;
/// Orders that providers work on at once. More of them wait here: a host that restarts may have a
/// thousand instances to start, and each order costs the agent next to nothing.
pub const MAX_ORDERS: usize = 64;
/// Commands in instances at once; more of them wait too. A provider serves twice as many, so that
/// people still get a word in.
pub const MAX_EXECS: usize = 32;
/// What is worked on at once, of every kind.
pub const MAX_WORKED: usize = MAX_RUNNING + MAX_ORDERS + MAX_EXECS + MAX_TRANSFERS;
/// Tasks that wait or that the journal holds, ended or not. The coordinator takes no hello that tells
/// of more. Those that wait may all be cancelled at once, and then the journal holds the ends.
pub const MAX_HELD: usize = 4096;
/// Of these, what can wait may take: commands keep their places. One more is refused.
const MAX_ORDERED: usize = MAX_HELD - MAX_RUNNING;
/// Requests of a session that may wait: those of one burst of the coordinator. When it is full the
/// session does not read on.
const REQUESTS: usize = 64;
/// Events that may wait for the session: each running task has at most two, and those that
/// wait have one each when all of them are cancelled at once. The queue takes room as it fills. When it
/// is full the session is cut, and the next one is told the state instead.
const EVENTS: usize = 2 * MAX_WORKED + MAX_HELD;
/// Chunks of output that may wait for the session: 1 MiB. When it is full output is skipped.
const CHUNKS: usize = 64;
/// Tellings of how far a file is that may wait for the session: a few of each transfer. When it is
/// full they are skipped.
const PROGRESS: usize = 8 * MAX_TRANSFERS;

/// What happened to a task, for the session of the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its process was started.
    Started {
        /// The task.
        task: TaskId,
        /// When, by the agent's clock.
        at: Timestamp,
    },
    /// It ended; the journal has its end.
    Ended {
        /// The task.
        task: TaskId,
    },
    /// It was not started and the journal does not know it.
    Refused {
        /// The task.
        task: TaskId,
        /// Its end.
        end: TaskEnd,
    },
}

/// What a new session gets.
#[derive(Debug)]
pub struct Attached {
    /// What the journal holds.
    pub held: Vec<HeldTask>,
    /// What happens from now on. Closed when the session was too slow or another one attached.
    pub events: mpsc::Receiver<Event>,
    /// Output as it appears.
    pub output: mpsc::Receiver<Chunk>,
    /// How far files are.
    pub progress: mpsc::Receiver<Progress>,
}

/// A task that the journal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTask {
    /// The task.
    pub task: TaskId,
    /// Whether it ended.
    pub ended: bool,
    /// When it started, by the agent's clock, where the journal says it.
    pub started_at: Option<Timestamp>,
}

#[derive(Debug)]
enum Request {
    Attach { reply: oneshot::Sender<Attached> },
    Start { task: TaskId, work: Box<Result<Work, Problem>> },
    Cancel { task: TaskId },
    Forget { task: TaskId },
    Stop { reply: oneshot::Sender<()> },
}

/// A handle to the tasks. They end with [`TasksHandle::stop`].
#[derive(Debug, Clone)]
pub struct TasksHandle {
    requests: mpsc::Sender<Request>,
}

/// The tasks' owner is gone: the program is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the agent is stopping")]
pub struct Stopping;

impl TasksHandle {
    /// Makes the caller the session of the moment.
    pub async fn attach(&self) -> Result<Attached, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Attach { reply }).await?;
        answer.await.map_err(|_| Stopping)
    }

    /// Starts a task unless it is known; work that cannot be accepted ends it.
    pub async fn start(&self, task: TaskId, work: Result<Work, Problem>) -> Result<(), Stopping> {
        let work = Box::new(work);
        self.send(Request::Start { task, work }).await
    }

    /// Ends a task, or makes sure that it never starts.
    pub async fn cancel(&self, task: TaskId) -> Result<(), Stopping> {
        self.send(Request::Cancel { task }).await
    }

    /// Forgets a task whose end the coordinator has.
    pub async fn forget(&self, task: TaskId) -> Result<(), Stopping> {
        self.send(Request::Forget { task }).await
    }

    /// Ends every command and writes the ends down. Returns when that is done.
    pub async fn stop(&self) {
        let (reply, answer) = oneshot::channel();
        if self.send(Request::Stop { reply }).await.is_ok() {
            let _ = answer.await;
        }
    }

    async fn send(&self, request: Request) -> Result<(), Stopping> {
        self.requests.send(request).await.map_err(|_| Stopping)
    }
}
