//! What is known of one target.

use tamer_model::{Outcome, Retryable, TaskEnd, Timestamp, Unsent};

/// One target: a host, an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// The attempts that were made, oldest first.
    pub attempts: Vec<Attempt>,
    /// Its end, once and for all, when it was written down.
    pub end: Option<(End, Timestamp)>,
}

/// Whether a target can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Yes.
    Ready,
    /// It was heard a moment ago and is not now: it is neither sent to nor given up.
    Unsure,
    /// Not now.
    Away,
    /// It takes no new work.
    Cordoned,
    /// It is no part of the fleet any more.
    Gone,
}

/// One time that a target was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// When it was written down that it goes out. From then on it is in flight.
    pub sent_at: Timestamp,
    /// How it ended, and when that was known.
    pub end: Option<(End, Timestamp)>,
}

/// The ends that an attempt, and a target, can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed,
    /// Its own time ran out.
    TimedOut,
    /// A person, or the deadline, ended it.
    Cancelled,
    /// Its host takes no work, or a policy forbade it.
    Refused,
    /// It started, and how it ended cannot be known.
    Interrupted,
    /// It never started, and never will.
    NeverStarted(Unsent),
}

/// Where a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was not tried, or is to be tried again.
    Waiting,
    /// It was tried, and the end of that is not known.
    InFlight,
    /// It has its end.
    Ended(End),
}

impl Target {
    /// Where it stands.
    pub fn phase(&self) -> Phase {
        match (self.end, self.attempts.last()) {
            (Some((end, _)), _) => Phase::Ended(end),
            (None, Some(Attempt { end: None, .. })) => Phase::InFlight,
            (None, _) => Phase::Waiting,
        }
    }

    /// The end of its last attempt, when it is known.
    pub fn last_end(&self) -> Option<(End, Timestamp)> {
        self.attempts.last().and_then(|attempt| attempt.end)
    }
}

impl End {
    /// As one of those that may be tried again.
    pub const fn retryable(self) -> Option<Retryable> {
        match self {
            Self::Failed => Some(Retryable::Failed),
            Self::TimedOut => Some(Retryable::TimedOut),
            Self::Refused => Some(Retryable::Refused),
            Self::Interrupted => Some(Retryable::Interrupted),
            Self::Succeeded | Self::Cancelled | Self::NeverStarted(_) => None,
        }
    }

    /// Whether it counts against the budget of failures. What may have happened does: an operator
    /// who allows three failures has not allowed three mysteries more.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Interrupted | Self::Refused)
    }

    /// Whether it counts against the budget of unreachable targets.
    pub const fn is_unreachable(self) -> bool {
        matches!(self, Self::NeverStarted(Unsent::Unreachable))
    }
}

impl From<&TaskEnd> for End {
    fn from(end: &TaskEnd) -> Self {
        match end.outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed { .. } => Self::Failed,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Refused => Self::Refused,
            Outcome::Interrupted => Self::Interrupted,
            // An agent that was told to end what it had not begun: nobody else leaves the reason out.
            Outcome::NeverStarted => Self::NeverStarted(end.unsent.unwrap_or(Unsent::Cancelled)),
        }
    }
}
