//! What ends work before its time: a cancel, the agent's own stop, or the time it was given.

use std::time::Duration;

use tamer_model::{Outcome, Problem, TaskEnd};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::exec::Stop;

/// Whether work is to go on. Clones watch the same.
#[derive(Debug, Clone)]
pub struct Halt {
    stop: watch::Receiver<Option<Stop>>,
    /// When its time is over, and how much it had.
    deadline: Option<(Instant, Duration)>,
}

/// Why work is not to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody cancelled it.
    Cancelled,
    /// The agent itself is stopping.
    AgentStops,
    /// It had this long.
    TimedOut(Duration),
}

/// Why work that is no command did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was ended before its time.
    Halted(Cause),
    /// Something is wrong.
    Problem(Problem),
}

impl Halt {
    /// Watches `stop`, and the time from now on.
    pub fn new(stop: watch::Receiver<Option<Stop>>, timeout_ms: Option<u64>) -> Self {
        let deadline = |ms| {
            let limit = Duration::from_millis(ms);
            // A time that no clock can count to never comes.
            Some((Instant::now().checked_add(limit)?, limit))
        };
        Self { stop, deadline: timeout_ms.and_then(deadline) }
    }

    /// Waits until work is not to go on. Cancel-safe. Without anybody left to ask for it and
    /// without a deadline that never comes.
    pub async fn caused(&mut self) -> Cause {
        let Self { stop, deadline } = self;
        // Both are cancel-safe: a watch and a timer.
        tokio::select! {
            biased;
            cause = stopped(stop) => cause,
            cause = over(*deadline) => cause,
        }
    }

    /// Waits for `work`, which is dropped when it is not to go on.
    pub async fn or<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            cause = self.caused() => Err(Failure::Halted(cause)),
            done = work => Ok(done),
        }
    }

    /// Fails when work is not to go on; for loops that wait for nothing else that would tell.
    pub async fn check(&mut self) -> Result<(), Failure> {
        self.or(std::future::ready(())).await
    }
}

async fn stopped(stop: &mut watch::Receiver<Option<Stop>>) -> Cause {
    match stop.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone()) {
        Some(Stop::Cancelled) => Cause::Cancelled,
        Some(Stop::AgentStops) => Cause::AgentStops,
        None => std::future::pending().await,
    }
}

async fn over(deadline: Option<(Instant, Duration)>) -> Cause {
    match deadline {
        Some((at, limit)) => {
            sleep_until(at).await;
            Cause::TimedOut(limit)
        }
        None => std::future::pending().await,
    }
}

impl Cause {
    /// The end of a task that was ended so. `doing` says what it did: "the file was sent";
    /// `after` what stays of that, or nothing.
    pub fn end(self, doing: &str, after: &str) -> TaskEnd {
        let (outcome, why) = match self {
            Self::Cancelled => (Outcome::Cancelled, "it was cancelled".to_owned()),
            Self::AgentStops => (Outcome::Interrupted, "the agent was stopped".to_owned()),
            Self::TimedOut(limit) => {
                let limit = humantime::format_duration(limit);
                (Outcome::TimedOut, format!("its time of {limit} was over"))
            }
        };
        TaskEnd::without_times(outcome, format!("{why} while {doing}{after}"))
    }
}

impl Failure {
    /// The end of a task that failed so, as [`Cause::end`] tells it.
    pub fn end(self, doing: &str, after: &str) -> TaskEnd {
        match self {
            Self::Halted(cause) => cause.end(doing, after),
            Self::Problem(problem) => TaskEnd::failed(problem),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_cause_ends_work_and_nothing_else_does() {
        let (sender, stop) = watch::channel(None);
        let mut halt = Halt::new(stop.clone(), Some(50));
        assert_eq!(halt.or(async { 7 }).await, Ok(7));
        let limit = Duration::from_millis(50);
        let over = halt.or(std::future::pending::<()>()).await;
        assert_eq!(over, Err(Failure::Halted(Cause::TimedOut(limit))));
        sender.send_replace(Some(Stop::Cancelled));
        assert_eq!(halt.check().await, Err(Failure::Halted(Cause::Cancelled)));
        let mut left = Halt::new(stop, None);
        drop(sender);
        assert_eq!(left.caused().await, Cause::Cancelled, "what was asked for stands");
        let nobody = watch::channel(None).1;
        let waited = tokio::time::timeout(limit, Halt::new(nobody, Some(u64::MAX)).caused()).await;
        assert!(waited.is_err());
    }
}
