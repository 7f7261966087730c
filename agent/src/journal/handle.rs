//! The journal's thread and the handle to it. What arrives while a sync runs shares the next one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tamer_model::{JournalId, KeptOutput, TaskEnd, TaskId, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::{Deed, Held, JournalError, JournalFile, ProcessMark, Start};

/// Requests that may wait. Each is one task's step. At most [`crate::tasks::MAX_WORKED`]
/// tasks take steps, so it is full only when the disk hangs or when many that wait are cancelled at
/// once; then the tasks wait.
const QUEUE: usize = 256;
/// Requests that share one sync.
const GROUP: usize = 256;

/// A handle to the journal. Cheap to clone; the thread ends with the last of them.
#[derive(Debug, Clone)]
pub struct Journal {
    requests: mpsc::Sender<Request>,
    id: JournalId,
    /// How many tasks are held; written by the thread alone.
    count: Arc<AtomicUsize>,
}

/// What a group's steps are told when it could not be written: one error, many readers.
type Shared<T> = Result<T, Arc<JournalError>>;
type Reply<T> = oneshot::Sender<Shared<T>>;
/// A task whose end is asked for, and by whom.
type Read = (TaskId, Reply<Option<(TaskEnd, KeptOutput)>>);

#[derive(Debug)]
enum Request {
    Begin { task: TaskId, at: Timestamp, deed: Deed, reply: Reply<Start> },
    Next { task: TaskId, step: Option<u16>, deed: Deed, reply: Reply<()> },
    Started { task: TaskId, process: ProcessMark },
    Ended { task: TaskId, ended: Box<(TaskEnd, KeptOutput)>, reply: Reply<()> },
    Forgotten { task: TaskId },
    Read { task: TaskId, reply: Reply<Option<(TaskEnd, KeptOutput)>> },
    Held { reply: oneshot::Sender<BTreeMap<TaskId, Held>> },
}

impl Journal {
    /// Opens the journal of `folder` and starts its thread. Join it after the last handle is gone.
    pub fn open(
        folder: &Path,
        fresh: JournalId,
    ) -> Result<(Self, thread::JoinHandle<()>), JournalError> {
        let file = JournalFile::open(folder, fresh)?;
        if file.cut() > 0 {
            tracing::warn!(bytes = file.cut(), "cut the torn end of the journal");
        }
        let id = file.id();
        let (requests, waiting) = mpsc::channel(QUEUE);
        let count = Arc::new(AtomicUsize::new(file.held().len()));
        let counted = count.clone();
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || run(file, waiting, &counted))
            .map_err(|source| JournalError::Io {
                what: "start the thread of",
                path: folder.join("journal"),
                source,
            })?;
        Ok((Self { requests, id, count }, thread))
    }

    /// The journal's id.
    pub fn id(&self) -> JournalId {
        self.id
    }

    /// How many tasks it held when it last wrote.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Writes down that the task is about to begin with `deed`. When this returns `Recorded`, it is
    /// on disk.
    pub async fn begin(&self, task: TaskId, at: Timestamp, deed: Deed) -> Shared<Start> {
        self.ask(|reply| Request::Begin { task, at, deed, reply }).await?
    }

    /// Writes down that a task is about to go on with `deed`, which is this step of it, counted
    /// from 1. When this returns, it is on disk.
    pub async fn next(&self, task: TaskId, step: Option<u16>, deed: Deed) -> Shared<()> {
        self.ask(|reply| Request::Next { task, step, deed, reply }).await?
    }

    /// Writes down which process was started. Waits for room, not for the disk.
    pub async fn started(&self, task: TaskId, process: ProcessMark) {
        let _ = self.requests.send(Request::Started { task, process }).await;
    }

    /// Writes down an end. When this returns, it outlasts this program, and is on the way to the
    /// disk.
    pub async fn ended(&self, task: TaskId, end: TaskEnd, output: KeptOutput) -> Shared<()> {
        let ended = Box::new((end, output));
        self.ask(|reply| Request::Ended { task, ended, reply }).await?
    }

    /// Forgets a task whose end the coordinator has. Waits for room, not for the disk.
    pub async fn forgotten(&self, task: TaskId) {
        let _ = self.requests.send(Request::Forgotten { task }).await;
    }

    /// Reads an end back, or nothing when the journal holds none for the task.
    pub async fn read_end(&self, task: TaskId) -> Shared<Option<(TaskEnd, KeptOutput)>> {
        self.ask(|reply| Request::Read { task, reply }).await?
    }

    /// What the journal holds.
    pub async fn held(&self) -> Shared<BTreeMap<TaskId, Held>> {
        self.ask(|reply| Request::Held { reply }).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Shared<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| Arc::new(JournalError::Closed))?;
        answer.await.map_err(|_| Arc::new(JournalError::Closed))
    }
}

/// What is answered once the group is written.
enum Waiting {
    Start(Reply<Start>),
    Written(Reply<()>),
}

fn run(mut file: JournalFile, mut requests: mpsc::Receiver<Request>, count: &AtomicUsize) {
    while let Some(first) = requests.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = requests.try_recv()
        {
            group.push(next);
        }
        let mut waiting = Vec::new();
        let mut reads = Vec::new();
        for request in group {
            stage(&mut file, request, &mut waiting, &mut reads);
        }
        let outcome = file.commit().map_err(Arc::new);
        count.store(file.held().len(), Ordering::Relaxed);
        if let Err(error) = &outcome {
            tracing::error!(error = %crate::problem::chain(error), "the journal cannot be written");
        }
        // A receiver that is gone was cancelled; nobody waits for the answer.
        for waiting in waiting {
            match waiting {
                Waiting::Start(reply) => {
                    drop(reply.send(outcome.clone().map(|()| Start::Recorded)))
                }
                Waiting::Written(reply) => drop(reply.send(outcome.clone())),
            }
        }
        for (task, reply) in reads {
            drop(reply.send(file.read_end(task).map_err(Arc::new)));
        }
        // The coordinator is told of an end while the disk takes it.
        if file.is_unsettled()
            && let Err(error) = file.settle()
        {
            tracing::error!(error = %crate::problem::chain(&error), "the journal cannot be synced");
        }
    }
}

fn stage(
    file: &mut JournalFile,
    request: Request,
    waiting: &mut Vec<Waiting>,
    reads: &mut Vec<Read>,
) {
    match request {
        Request::Begin { task, at, deed, reply } => {
            begin(file.begin(task, at, deed), reply, waiting);
        }
        Request::Next { task, step, deed, reply } => {
            file.next(task, step, deed);
            waiting.push(Waiting::Written(reply));
        }
        Request::Started { task, process } => file.started(task, process),
        Request::Ended { task, ended, reply } => {
            let (end, output) = *ended;
            file.ended(task, end, &output);
            waiting.push(Waiting::Written(reply));
        }
        Request::Forgotten { task } => file.forgotten(task),
        Request::Read { task, reply } => reads.push((task, reply)),
        Request::Held { reply } => drop(reply.send(file.held().clone())),
    }
}

fn begin(start: Start, reply: Reply<Start>, waiting: &mut Vec<Waiting>) {
    match start {
        Start::Recorded => waiting.push(Waiting::Start(reply)),
        held @ Start::Held(_) => drop(reply.send(Ok(held))),
    }
}
