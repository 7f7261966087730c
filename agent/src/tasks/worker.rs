//! The work on one task, from the order to the end on disk.

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{
    CommandSpec, DEFAULT_GRACE, InstanceOrder, KeptOutput, Outcome, Problem, TaskEnd, TaskId,
    Timestamp, Unsent,
};
use tamer_provider::registry::Registry;
use tokio::sync::{mpsc, watch};

use super::Event;
use crate::exec::{self, Chunk, LiveView, Output, Stop};
use crate::journal::{Held, Journal, JournalError, ProcessMark, Start};
use crate::problem::chain;
use crate::{clock, platform, providers};

/// Between attempts to write an end that the disk did not take; doubles up to the second value.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What a task's work needs.
pub(super) struct Worker {
    pub task: TaskId,
    pub journal: Journal,
    pub stop: watch::Receiver<Option<Stop>>,
    pub events: Teller,
    pub output: watch::Receiver<Option<mpsc::Sender<Chunk>>>,
}

impl Worker {
    /// Runs the command unless the journal knows the task.
    pub async fn start(self, command: Result<CommandSpec, Problem>) {
        let command = match command {
            Ok(command) => command,
            Err(problem) => return self.end_unstarted(refusal(&problem)).await,
        };
        let at = clock::now();
        match self.journal.starting(self.task, at).await {
            Ok(Start::Recorded) => self.run(command, at).await,
            Ok(Start::Held(held)) => self.tell_again(held),
            Err(error) => self.not_written(&error),
        }
    }

    /// Has a provider carry out the order unless the journal knows the task.
    pub async fn order(self, providers: Registry, order: InstanceOrder) {
        let at = clock::now();
        match self.journal.asking(self.task, at).await {
            Ok(Start::Recorded) => self.perform(&providers, order, at).await,
            Ok(Start::Held(held)) => self.tell_again(held),
            Err(error) => self.not_written(&error),
        }
    }

    async fn perform(self, providers: &Registry, order: InstanceOrder, at: Timestamp) {
        if let Some(end) = self.stopped_early() {
            return self.end(end, KeptOutput::default()).await;
        }
        tracing::info!(task = %self.task, order = providers::name(&order), "ordered");
        self.tell(Event::Started { task: self.task, at });
        let live = LiveView::new(self.task, self.output.clone());
        let (end, output) = providers::perform(providers, order, at, self.stop.clone(), live).await;
        tracing::info!(task = %self.task, outcome = end.outcome.as_str(), "ended");
        self.end(end, output).await;
    }

    /// Makes sure that a task that does not run never starts, and tells its end.
    pub async fn cancel_unstarted(self) {
        let reason = "it was cancelled before it started";
        self.end_unstarted(TaskEnd::never_started(Unsent::Cancelled, reason)).await;
    }

    /// Ends what an earlier life of the agent left of a task, and tells it as interrupted.
    pub async fn recover(self, at: Timestamp, process: Option<ProcessMark>) {
        let marker = self.task.to_string();
        let ended = platform::end_leftovers(process.as_ref(), &marker, DEFAULT_GRACE).await;
        let reason = match (ended, process) {
            (true, _) => "the agent was restarted while it ran; what was left of it was ended",
            (false, Some(_)) => "the agent was restarted while it ran",
            (false, None) => "the agent was restarted while it was being started",
        };
        tracing::warn!(task = %self.task, reason, "a task was interrupted");
        let end = TaskEnd {
            started_at: Some(at),
            ..TaskEnd::without_times(Outcome::Interrupted, reason)
        };
        self.end(end, KeptOutput::default()).await;
    }

    /// Tells an order that an earlier life of the agent gave a provider as interrupted.
    pub async fn recover_order(self, at: Timestamp) {
        let reason = "the agent was restarted while a provider worked on it; what the technology \
                      had begun may have gone on";
        tracing::warn!(task = %self.task, reason, "a task was interrupted");
        let end = TaskEnd {
            started_at: Some(at),
            ..TaskEnd::without_times(Outcome::Interrupted, reason)
        };
        self.end(end, KeptOutput::default()).await;
    }

    async fn run(self, command: CommandSpec, at: Timestamp) {
        if let Some(end) = self.stopped_early() {
            return self.end(end, KeptOutput::default()).await;
        }
        let running = match exec::launch(&command, &self.task.to_string()) {
            Ok(running) => running,
            Err(error) => return self.end(error.end(), KeptOutput::default()).await,
        };
        tracing::info!(task = %self.task, pid = running.process.pid, "started");
        self.journal.started(self.task, running.process.clone()).await;
        self.tell(Event::Started { task: self.task, at });
        let live = LiveView::new(self.task, self.output.clone());
        let mut output = Output::new(live, command.output_limit as usize);
        let end = exec::supervise(running, &command, at, self.stop.clone(), &mut output).await;
        let output = output.into_kept();
        tracing::info!(task = %self.task, outcome = end.outcome.as_str(), "ended");
        self.end(end, output).await;
    }

    /// The end of a task that was to be ended before it began.
    fn stopped_early(&self) -> Option<TaskEnd> {
        Some(match self.stop.borrow().as_ref()? {
            Stop::Cancelled => {
                TaskEnd::never_started(Unsent::Cancelled, "it was cancelled before it started")
            }
            Stop::AgentStops => {
                let reason = "the agent was stopped before it started";
                TaskEnd::without_times(Outcome::NeverStarted, reason)
            }
        })
    }

    fn not_written(&self, error: &JournalError) {
        let reason = format!("the start could not be written down: {}", chain(error));
        let end = TaskEnd::without_times(Outcome::NeverStarted, reason);
        self.tell(Event::Refused { task: self.task, end });
    }

    async fn end_unstarted(&self, end: TaskEnd) {
        self.end(end, KeptOutput::default()).await;
    }

    /// Writes the end down, then tells it. A disk that is full is waited for: an end that is not
    /// on disk is not told.
    async fn end(&self, end: TaskEnd, output: KeptOutput) {
        let (mut wait, most) = RETRY;
        while let Err(error) = self.journal.ended(self.task, end.clone(), output.clone()).await {
            if matches!(*error, JournalError::Closed) || self.agent_stops() {
                return;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(most);
        }
        self.tell(Event::Ended { task: self.task });
    }

    fn agent_stops(&self) -> bool {
        *self.stop.borrow() == Some(Stop::AgentStops)
    }

    fn tell_again(&self, held: Held) {
        match held {
            Held::Ended { .. } => self.tell(Event::Ended { task: self.task }),
            Held::Started { at, .. } | Held::Asking { at } => {
                self.tell(Event::Started { task: self.task, at })
            }
            // Another worker holds it and will tell.
            Held::Starting { .. } => {}
        }
    }

    fn tell(&self, event: Event) {
        self.events.tell(event);
    }
}

/// The way to the session of the moment.
#[derive(Debug, Clone)]
pub(super) struct Teller(Arc<watch::Sender<Option<mpsc::Sender<Event>>>>);

impl Teller {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Makes another session the one of the moment; the one before sees its queue close.
    pub fn turn_to(&self, session: mpsc::Sender<Event>) {
        self.0.send_replace(Some(session));
    }

    /// Tells the session, if there is one. One that is too far behind is cut: the next one asks
    /// for the state, and nothing is lost.
    pub fn tell(&self, event: Event) {
        let session = self.0.borrow().clone();
        if let Some(session) = session
            && let Err(mpsc::error::TrySendError::Full(_)) = session.try_send(event)
        {
            tracing::warn!("the session is too far behind with what happened and is cut");
            self.0.send_replace(None);
        }
    }
}

fn refusal(problem: &Problem) -> TaskEnd {
    let field = problem.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
    TaskEnd::refused(format!("the host does not take it: {field}{problem}"))
}
