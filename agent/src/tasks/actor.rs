//! The owner of what runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use tamer_model::{Problem, TaskEnd, TaskId, Work};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::worker::{Teller, Worker};
use super::{
    Attached, CHUNKS, EVENTS, Event, HeldTask, MAX_RUNNING, REQUESTS, Request, TasksHandle,
};
use crate::exec::{Chunk, Stop};
use crate::journal::{Held, Journal, JournalError};

/// The tasks of this host. Made and run by `run`.
#[derive(Debug)]
pub struct Tasks {
    journal: Journal,
    requests: mpsc::Receiver<Request>,
    /// What is worked on, and how to end it. A task is never worked on twice at once.
    running: BTreeMap<TaskId, watch::Sender<Option<Stop>>>,
    workers: JoinSet<TaskId>,
    /// Set when the agent stops: nothing is started any more, what happened is still told.
    stopping: bool,
    /// The session of the moment.
    events: Teller,
    output: watch::Sender<Option<mpsc::Sender<Chunk>>>,
}

impl Tasks {
    /// Makes the owner and its handle.
    pub fn new(journal: Journal) -> (Self, TasksHandle) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        let tasks = Self {
            journal,
            requests,
            running: BTreeMap::new(),
            workers: JoinSet::new(),
            stopping: false,
            events: Teller::new(),
            output: watch::Sender::new(None),
        };
        (tasks, TasksHandle { requests: sender })
    }

    /// Ends what an earlier life of the agent left, then serves until it is stopped.
    pub async fn run(mut self) -> Result<(), Arc<JournalError>> {
        for (task, held) in self.journal.held().await? {
            match held {
                Held::Starting { at } => self.work(task, |worker| worker.recover(at, None)),
                Held::Started { at, process } => {
                    self.work(task, move |worker| worker.recover(at, Some(process)));
                }
                Held::Ended { .. } => {}
            }
        }
        loop {
            // Both branches are cancel-safe: a queue, and a set that keeps what was not taken.
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => self.handle(request).await?,
                    None => return Ok(()),
                },
                Some(ended) = self.workers.join_next() => self.reap(ended),
            }
        }
    }

    async fn handle(&mut self, request: Request) -> Result<(), Arc<JournalError>> {
        match request {
            Request::Attach { reply } => {
                let attached = self.attach().await?;
                let _ = reply.send(attached);
            }
            Request::Start { task, work } => self.start(task, work).await?,
            Request::Cancel { task } => match self.running.get(&task) {
                Some(stop) => ask(stop, Stop::Cancelled),
                None => self.work(task, Worker::cancel_unstarted),
            },
            Request::Forget { task } => self.journal.forgotten(task).await,
            Request::Stop { reply } => {
                self.stop().await;
                let _ = reply.send(());
            }
        }
        Ok(())
    }

    async fn attach(&mut self) -> Result<Attached, Arc<JournalError>> {
        let (events_in, events) = mpsc::channel(EVENTS);
        let (output_in, output) = mpsc::channel(CHUNKS);
        // First the link, then the look: what happens between is told twice rather than never.
        self.events.turn_to(events_in);
        self.output.send_replace(Some(output_in));
        let held = self.journal.held().await?.into_iter().map(held_task).collect();
        Ok(Attached { held, events, output })
    }

    async fn start(
        &mut self,
        task: TaskId,
        work: Result<Work, Problem>,
    ) -> Result<(), Arc<JournalError>> {
        if self.stopping {
            // Not written down, so the coordinator finds that it is not held, and decides.
            return Ok(());
        }
        if self.running.contains_key(&task) {
            return self.tell_start_again(task).await;
        }
        // A task that is known already takes no place: its end is told again.
        if self.running.len() >= MAX_RUNNING && !self.journal.held().await?.contains_key(&task) {
            let reason = format!("the host already runs {MAX_RUNNING} commands");
            self.tell(Event::Refused { task, end: TaskEnd::never_started(reason) });
            return Ok(());
        }
        self.work(task, move |worker| worker.start(work));
        Ok(())
    }

    async fn tell_start_again(&mut self, task: TaskId) -> Result<(), Arc<JournalError>> {
        if let Some(Held::Started { at, .. }) = self.journal.held().await?.get(&task) {
            self.tell(Event::Started { task, at: *at });
        }
        Ok(())
    }

    /// Gives a task to a worker of its own.
    fn work<F>(&mut self, task: TaskId, work: impl FnOnce(Worker) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop_in, stop) = watch::channel(None);
        let worker = Worker {
            task,
            journal: self.journal.clone(),
            stop,
            events: self.events.clone(),
            output: self.output.subscribe(),
        };
        let work = work(worker);
        self.running.insert(task, stop_in);
        self.workers.spawn(async move {
            work.await;
            task
        });
    }

    fn reap(&mut self, ended: Result<TaskId, tokio::task::JoinError>) {
        match ended {
            Ok(task) => drop(self.running.remove(&task)),
            // A bug. The process was killed with the future, and the journal still says that it
            // started; the next life of the agent tells it as interrupted, and until then the
            // task stays taken.
            Err(error) => tracing::error!(%error, "the work on a task panicked"),
        }
    }

    /// Ends everything that runs and waits for the ends to be written.
    async fn stop(&mut self) {
        self.stopping = true;
        for stop in self.running.values() {
            ask(stop, Stop::AgentStops);
        }
        while let Some(ended) = self.workers.join_next().await {
            self.reap(ended);
        }
    }

    fn tell(&self, event: Event) {
        self.events.tell(event);
    }
}

/// Asks a worker to end its command. The first reason stands.
fn ask(worker: &watch::Sender<Option<Stop>>, reason: Stop) {
    worker.send_if_modified(|stop| {
        let first = stop.is_none();
        if first {
            *stop = Some(reason);
        }
        first
    });
}

fn held_task((task, held): (TaskId, Held)) -> HeldTask {
    let (ended, started_at) = match held {
        Held::Starting { .. } => (false, None),
        Held::Started { at, .. } => (false, Some(at)),
        Held::Ended { .. } => (true, None),
    };
    HeldTask { task, ended, started_at }
}
