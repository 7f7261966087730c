//! One task while it is worked on: what it writes, what is written down of it, and who is told.

use std::time::Duration;

use tamer_model::{Code, KeptOutput, Problem, StreamKind, TaskEnd, TaskId, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Halt;
use crate::exec::{Output, Stop};
use crate::journal::{Deed, Journal, ProcessMark};
use crate::problem::chain;

/// Between two tellings of how far a file is.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// How far a task is that moves a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which task.
    pub task: TaskId,
    /// Bytes moved.
    pub done: u64,
    /// Bytes to move.
    pub total: u64,
}

/// A task that was written into the journal and has no end yet.
pub struct Job {
    /// Which.
    pub task: TaskId,
    /// When it began, by the agent's clock.
    pub at: Timestamp,
    /// What it writes.
    pub output: Output,
    /// Where it is to end before its time.
    pub stop: watch::Receiver<Option<Stop>>,
    journal: Journal,
    /// What the journal says is under way.
    written: (Option<u16>, Deed),
    step: Option<u16>,
    /// Tells that it began; once.
    begun: Option<Box<dyn FnOnce() + Send>>,
    progress: watch::Receiver<Option<mpsc::Sender<Progress>>>,
    /// When progress was last told.
    told: Option<Instant>,
}

/// What a job is made of.
pub struct Parts {
    /// Its task.
    pub task: TaskId,
    /// When it began.
    pub at: Timestamp,
    /// What the journal says it began with.
    pub deed: Deed,
    /// Where its output goes.
    pub output: Output,
    /// Where it is to end before its time.
    pub stop: watch::Receiver<Option<Stop>>,
    /// Where its steps are written down.
    pub journal: Journal,
    /// Tells that it began.
    pub begun: Box<dyn FnOnce() + Send>,
    /// Who hears how far a file is.
    pub progress: watch::Receiver<Option<mpsc::Sender<Progress>>>,
}

impl Job {
    /// The job of a task that the journal has just taken.
    pub fn new(parts: Parts) -> Self {
        let Parts { task, at, deed, output, stop, journal, begun, progress } = parts;
        Self {
            task,
            at,
            output,
            stop,
            journal,
            written: (None, deed),
            step: None,
            begun: Some(begun),
            progress,
            told: None,
        }
    }

    /// What was kept of its output.
    pub fn into_kept(self) -> KeptOutput {
        self.output.into_kept()
    }

    /// From here on it is this step of a sequence, counted from 1.
    pub fn step(&mut self, number: u16) {
        self.step = Some(number);
    }

    /// What names it in the environment of its processes. The processes of one step are not those
    /// of another: what a step left behind on purpose outlives the next one.
    pub fn marker(&self) -> String {
        marker(self.task, self.step)
    }

    /// Writes down what is about to be done, unless that is what the journal says. It is on disk
    /// when this returns; otherwise it must not be done, and this is the task's end.
    pub async fn about_to(&mut self, deed: Deed) -> Result<(), Box<TaskEnd>> {
        let next = (self.step, deed);
        if self.written == next {
            return Ok(());
        }
        let written = self.journal.next(self.task, self.step, deed).await;
        written.map_err(|error| {
            let message = format!("what comes next could not be written down: {}", chain(&error));
            let problem = Problem::new(Code::DataFolder, message)
                .remedy("make room in the agent's data folder, and give it the right to write");
            Box::new(TaskEnd::failed(problem))
        })?;
        self.written = next;
        Ok(())
    }

    /// Writes down which process was started.
    pub async fn runs(&mut self, process: ProcessMark) {
        self.journal.started(self.task, process).await;
    }

    /// Tells that the task has begun. A task begins once, whatever it does after that.
    pub fn begun(&mut self) {
        if let Some(tell) = self.begun.take() {
            tell();
        }
    }

    /// What ends it before its time, with so many milliseconds from now on.
    pub fn halt(&self, timeout_ms: Option<u64>) -> Halt {
        Halt::new(self.stop.clone(), timeout_ms)
    }

    /// Writes a line to its standard output.
    pub fn print(&mut self, line: &str) {
        self.output.write(StreamKind::Stdout, line.as_bytes());
        self.output.write(StreamKind::Stdout, b"\n");
    }

    /// Tells how far a file is, at most a few times a second and at its end. Who does not listen
    /// or is behind misses it: the next one says more.
    pub fn progress(&mut self, done: u64, total: u64) {
        let due = self.told.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY);
        if !due && done < total {
            return;
        }
        self.told = Some(Instant::now());
        if let Some(listener) = &*self.progress.borrow() {
            let _ = listener.try_send(Progress { task: self.task, done, total });
        }
    }
}

/// What names a task, or one step of it, in the environment of its processes.
pub fn marker(task: TaskId, step: Option<u16>) -> String {
    match step {
        None => task.to_string(),
        Some(step) => format!("{task}:{step}"),
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{BatchId, HostId, JournalId};

    use super::*;
    use crate::exec::LiveView;

    fn task() -> TaskId {
        TaskId::of_host(BatchId::from_bytes([1; 10]), HostId::from_bytes([2; 10]))
    }

    #[tokio::test]
    async fn progress_is_told_a_few_times_a_second_and_at_the_end() {
        let temp = tempfile::tempdir().expect("a folder");
        let id = JournalId::from_bytes([7; 10]);
        let (journal, _thread) = Journal::open(temp.path(), id).expect("a journal");
        let (listener, mut told) = mpsc::channel(16);
        let mut job = Job::new(Parts {
            task: task(),
            at: Timestamp::from_millis(1),
            deed: Deed::File,
            output: Output::new(LiveView::new(task(), watch::channel(None).1), 10),
            stop: watch::channel(None).1,
            journal,
            begun: Box::new(|| ()),
            progress: watch::channel(Some(listener)).1,
        });
        tokio::time::pause();
        for done in 0..=1000 {
            tokio::time::advance(Duration::from_millis(1)).await;
            job.progress(done, 1000);
        }
        drop(job);
        let mut all = Vec::new();
        while let Some(progress) = told.recv().await {
            all.push(progress.done);
        }
        assert_eq!(all, [0, 200, 400, 600, 800, 1000]);
    }

    #[test]
    fn each_attempt_and_each_step_has_a_name_of_its_own() {
        let names = [
            marker(task(), None),
            marker(task().attempt(1), None),
            marker(task(), Some(1)),
            marker(task(), Some(11)),
            marker(task().attempt(1), Some(1)),
        ];
        let apart: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(apart.len(), names.len(), "{names:?}");
    }
}
