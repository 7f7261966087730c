//! The work on one task, from the order to the end on disk.

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{DEFAULT_GRACE, KeptOutput, Outcome, TaskEnd, TaskId, Timestamp, Unsent, Work};
use tokio::sync::{mpsc, watch};

use super::Event;
use crate::exec::{Chunk, LiveView, Output, Stop};
use crate::journal::{Deed, Held, Journal, JournalError, Open, Start};
use crate::problem::chain;
use crate::spool::Spool;
use crate::work::{self, Job, Parts, Progress, Workshop};
use crate::{clock, platform};

/// Between attempts to write an end that the disk did not take; doubles up to the second value.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What a task's work needs.
pub(super) struct Worker {
    pub task: TaskId,
    pub journal: Journal,
    pub stop: watch::Receiver<Option<Stop>>,
    pub events: Teller,
    pub output: watch::Receiver<Option<mpsc::Sender<Chunk>>>,
    pub spool: Spool,
    pub progress: watch::Receiver<Option<mpsc::Sender<Progress>>>,
}

impl Worker {
    /// Does the work unless the journal knows the task.
    pub async fn start(self, shop: Workshop, work: Result<Work, Box<TaskEnd>>) {
        let work = match work {
            Ok(work) => work,
            Err(end) => return self.end_unstarted(*end).await,
        };
        let at = clock::now();
        match self.journal.begin(self.task, at, work::first_deed(&work)).await {
            Ok(Start::Recorded) => self.perform(&shop, work, at).await,
            Ok(Start::Held(held)) => self.tell_again(held),
            Err(error) => self.not_written(&error),
        }
    }

    /// Makes sure that a task that does not run never starts, and tells its end.
    pub async fn cancel_unstarted(self) {
        let reason = "it was cancelled before it started";
        self.end_unstarted(TaskEnd::never_started(Unsent::Cancelled, reason)).await;
    }

    /// Ends what an earlier life of the agent left of a task, and tells it as interrupted.
    pub async fn recover(self, open: Open) {
        let Open { at, step, deed, process } = open;
        let ended = match deed {
            Deed::Process => {
                let marker = work::marker(self.task, step);
                platform::end_leftovers(process.as_ref(), &marker, DEFAULT_GRACE).await
            }
            // The technology or a later attempt goes on with it.
            Deed::Provider | Deed::File => false,
        };
        let during = step.map(|step| format!(" in step {step}")).unwrap_or_default();
        let what = match (deed, ended, process.is_some()) {
            (Deed::Process, true, _) => "while it ran; what was left of it was ended",
            (Deed::Process, false, true) => "while it ran",
            (Deed::Process, false, false) => "while it was being started",
            (Deed::Provider, _, _) => {
                "while a provider worked on it; what the technology had begun may have gone on"
            }
            (Deed::File, _, _) => {
                "while a file was on its way; what had come of it is kept for another attempt"
            }
        };
        let reason = format!("the agent was restarted{during} {what}");
        tracing::warn!(task = %self.task, reason, "a task was interrupted");
        let end = TaskEnd {
            started_at: Some(at),
            ..TaskEnd::without_times(Outcome::Interrupted, reason)
        };
        self.end(end, KeptOutput::default()).await;
    }

    async fn perform(self, shop: &Workshop, work: Work, at: Timestamp) {
        if let Some(end) = self.stopped_early() {
            return self.end(end, KeptOutput::default()).await;
        }
        let mut job = self.job(&work, at);
        let end = work::perform(shop, &mut job, work).await;
        tracing::info!(task = %self.task, outcome = end.outcome.as_str(), "ended");
        self.end(end, job.into_kept()).await;
    }

    fn job(&self, work: &Work, at: Timestamp) -> Job {
        let live = LiveView::new(self.task, self.output.clone());
        let (events, task) = (self.events.clone(), self.task);
        Job::new(Parts {
            task,
            at,
            deed: work::first_deed(work),
            output: Output::new(live, work::output_limit(work) as usize)
                .spooled(self.spool.begin(task)),
            stop: self.stop.clone(),
            journal: self.journal.clone(),
            begun: Box::new(move || events.tell(Event::Started { task, at })),
            progress: self.progress.clone(),
        })
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
            Held::Open(open) if open.has_begun() => {
                self.tell(Event::Started { task: self.task, at: open.at });
            }
            // Another worker holds it and will tell.
            Held::Open(_) => {}
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
