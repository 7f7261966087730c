//! The owner of what runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use tamer_model::{Outcome, Problem, TaskEnd, TaskId, Work};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::waiting::{Place, Waiting};
use super::worker::{Teller, Worker};
use super::{
    Attached, CHUNKS, EVENTS, Event, HeldTask, MAX_ORDERED, MAX_RUNNING, PROGRESS, REQUESTS,
    Request, TasksHandle,
};
use crate::exec::{Chunk, Stop};
use crate::journal::{Held, Journal, JournalError};
use crate::spool::Spool;
use crate::work::{Progress, Workshop};

/// The tasks of this host. Made and run by `run`.
pub struct Tasks {
    journal: Journal,
    requests: mpsc::Receiver<Request>,
    /// What is worked on, and how to end it. A task is never worked on twice at once.
    running: BTreeMap<TaskId, Taken>,
    /// What waits for its turn.
    waiting: Waiting,
    shop: Workshop,
    spool: Spool,
    workers: JoinSet<TaskId>,
    /// Set when the agent stops: nothing is started any more, what happened is still told.
    stopping: bool,
    /// The session of the moment.
    events: Teller,
    output: watch::Sender<Option<mpsc::Sender<Chunk>>>,
    progress: watch::Sender<Option<mpsc::Sender<Progress>>>,
}

/// A task that is worked on.
#[derive(Debug)]
struct Taken {
    place: Place,
    stop: watch::Sender<Option<Stop>>,
}

impl Tasks {
    /// Makes the owner and its handle. What tasks do is done in the `shop`; what they write goes to
    /// the `spool`.
    pub fn new(journal: Journal, shop: Workshop, spool: Spool) -> (Self, TasksHandle) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        let tasks = Self {
            journal,
            requests,
            running: BTreeMap::new(),
            waiting: Waiting::default(),
            shop,
            spool,
            workers: JoinSet::new(),
            stopping: false,
            events: Teller::new(),
            output: watch::Sender::new(None),
            progress: watch::Sender::new(None),
        };
        (tasks, TasksHandle { requests: sender })
    }

    /// Ends what an earlier life of the agent left, then serves until it is stopped.
    pub async fn run(mut self) -> Result<(), Arc<JournalError>> {
        for (task, held) in self.journal.held().await? {
            match held {
                Held::Open(open) => self.work(task, Place::End, |worker| worker.recover(open)),
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
                Some(ended) = self.workers.join_next() => {
                    self.reap(ended);
                    self.next();
                }
            }
        }
    }

    async fn handle(&mut self, request: Request) -> Result<(), Arc<JournalError>> {
        match request {
            Request::Attach { reply } => {
                let attached = self.attach().await?;
                let _ = reply.send(attached);
            }
            Request::Start { task, work } => self.start(task, *work).await?,
            Request::Cancel { task } => match self.running.get(&task) {
                Some(taken) => ask(&taken.stop, Stop::Cancelled),
                None => {
                    self.waiting.remove(task);
                    self.work(task, Place::End, Worker::cancel_unstarted);
                }
            },
            Request::Forget { task } => {
                self.spool.remove(task);
                self.journal.forgotten(task).await;
            }
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
        let (progress_in, progress) = mpsc::channel(PROGRESS);
        // First the link, then the look: what happens between is told twice rather than never.
        self.events.turn_to(events_in);
        self.output.send_replace(Some(output_in));
        self.progress.send_replace(Some(progress_in));
        // Not held, so they are sent again or are never to start; either way not from here.
        self.waiting.clear();
        let mut held: BTreeMap<_, _> = self.journal.held().await?;
        while let Some(ended) = self.workers.try_join_next() {
            self.reap(ended);
        }
        // What is worked on and not written yet will be: told as not held, it could start behind
        // the back of who believes that.
        let unwritten = self.running.keys().filter(|task| !held.contains_key(task));
        let unwritten: Vec<_> = unwritten
            .map(|task| HeldTask { task: *task, ended: false, started_at: None })
            .collect();
        let held = std::mem::take(&mut held).into_iter().map(held_task).chain(unwritten).collect();
        Ok(Attached { held, events, output, progress })
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
        let work = match work {
            Ok(work) => self.shop.accept(work),
            Err(problem) => Err(Box::new(refusal(&problem))),
        };
        let place = work.as_ref().map_or(Place::Command, Place::of);
        match work {
            Ok(work) if Place::WAITED.contains(&place) => self.wait(task, place, work).await,
            work => self.begin(task, work).await,
        }
    }

    /// Begins what does not wait: there is a place, or there is none.
    async fn begin(
        &mut self,
        task: TaskId,
        work: Result<Work, Box<TaskEnd>>,
    ) -> Result<(), Arc<JournalError>> {
        // A task that is known already takes no place: its end is told again.
        if self.taken(Place::Command) >= MAX_RUNNING && !self.is_held(task).await? {
            let reason = format!("the host already runs {MAX_RUNNING} commands");
            self.tell_no_room(task, reason);
            return Ok(());
        }
        let shop = self.shop.clone();
        self.work(task, Place::Command, move |worker| worker.start(shop, work));
        Ok(())
    }

    async fn wait(
        &mut self,
        task: TaskId,
        place: Place,
        work: Work,
    ) -> Result<(), Arc<JournalError>> {
        if self.waiting.contains(task) {
            return Ok(());
        }
        // What is worked on is in the journal, or soon will be.
        let held = self.journal.count().max(self.running.len());
        if self.waiting.len() + held >= MAX_ORDERED && !self.is_held(task).await? {
            let reason = format!("the host already has {MAX_ORDERED} tasks that wait or run");
            self.tell_no_room(task, reason);
            return Ok(());
        }
        self.waiting.push(task, place, work);
        self.next();
        Ok(())
    }

    /// Gives what waits to workers, as much as there are places.
    fn next(&mut self) {
        for place in Place::WAITED {
            for _ in self.taken(place)..place.bound() {
                let Some((task, work)) = self.waiting.next(place) else { break };
                let shop = self.shop.clone();
                self.work(task, place, move |worker| worker.start(shop, Ok(work)));
            }
        }
    }

    fn tell_no_room(&self, task: TaskId, reason: String) {
        let end = TaskEnd::without_times(Outcome::NeverStarted, reason);
        self.tell(Event::Refused { task, end });
    }

    fn taken(&self, place: Place) -> usize {
        self.running.values().filter(|taken| taken.place == place).count()
    }

    async fn is_held(&self, task: TaskId) -> Result<bool, Arc<JournalError>> {
        Ok(self.journal.held().await?.contains_key(&task))
    }

    async fn tell_start_again(&mut self, task: TaskId) -> Result<(), Arc<JournalError>> {
        if let Some(Held::Open(open)) = self.journal.held().await?.get(&task)
            && open.has_begun()
        {
            self.tell(Event::Started { task, at: open.at });
        }
        Ok(())
    }

    /// Gives a task to a worker of its own.
    fn work<F>(&mut self, task: TaskId, place: Place, work: impl FnOnce(Worker) -> F)
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
            spool: self.spool.clone(),
            progress: self.progress.subscribe(),
        };
        let work = work(worker);
        self.running.insert(task, Taken { place, stop: stop_in });
        self.workers.spawn(async move {
            work.await;
            task
        });
    }

    fn reap(&mut self, ended: Result<TaskId, tokio::task::JoinError>) {
        match ended {
            Ok(task) => drop(self.running.remove(&task)),
            // A bug of ours; those of providers are caught. The process was killed with the future, and the journal still says that it
            // started; the next life of the agent tells it as interrupted, and until then the
            // task stays taken.
            Err(error) => tracing::error!(%error, "the work on a task panicked"),
        }
    }

    /// Ends everything that runs and waits for the ends to be written.
    async fn stop(&mut self) {
        self.stopping = true;
        self.waiting.clear();
        for taken in self.running.values() {
            ask(&taken.stop, Stop::AgentStops);
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

/// The end of a task whose work was not understood.
fn refusal(problem: &Problem) -> TaskEnd {
    let field = problem.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
    TaskEnd::refused(format!("the host does not take it: {field}{problem}"))
}

fn held_task((task, held): (TaskId, Held)) -> HeldTask {
    let (ended, started_at) = match held {
        Held::Open(open) => {
            (false, Some(&open).filter(|open| open.has_begun()).map(|open| open.at))
        }
        Held::Ended { .. } => (true, None),
    };
    HeldTask { task, ended, started_at }
}
