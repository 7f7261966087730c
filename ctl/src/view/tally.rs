//! How many targets stand where, kept as they change.

use tamer_model::{Outcome, TaskEnd, Unsent};

use crate::contract::TaskState;
use crate::output::Tone;

/// Where a target stands, as people are told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Succeeded,
    Failed,
    TimedOut,
    Interrupted,
    Refused,
    /// It never started, for its host could not be reached.
    Unreachable,
    /// It never started, for another reason.
    NeverStarted,
    Cancelled,
    Running,
    /// It was sent, and its agent did not answer yet.
    Sent,
    Pending,
}

/// How many targets stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally([u32; Kind::ALL.len()]);

impl Kind {
    /// Every one, in the order in which people are told and a bar is filled.
    pub const ALL: [Self; 11] = [
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Interrupted,
        Self::Refused,
        Self::Unreachable,
        Self::NeverStarted,
        Self::Cancelled,
        Self::Running,
        Self::Sent,
        Self::Pending,
    ];

    /// The kind of a state.
    pub const fn of(state: &TaskState) -> Self {
        match state {
            TaskState::Pending => Self::Pending,
            TaskState::Dispatched => Self::Sent,
            TaskState::Running => Self::Running,
            TaskState::Ended(end) => Self::of_end(end),
        }
    }

    const fn of_end(end: &TaskEnd) -> Self {
        match end.outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed { .. } => Self::Failed,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Refused => Self::Refused,
            Outcome::Interrupted => Self::Interrupted,
            Outcome::NeverStarted => match end.unsent {
                Some(Unsent::Unreachable) => Self::Unreachable,
                Some(Unsent::Deadline | Unsent::Tripped | Unsent::Cancelled) | None => {
                    Self::NeverStarted
                }
            },
        }
    }

    /// What people call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Interrupted => "interrupted",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::NeverStarted => "never started",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::Sent => "sent",
            Self::Pending => "pending",
        }
    }

    /// Its tone.
    pub const fn tone(self) -> Tone {
        match self {
            Self::Succeeded => Tone::Good,
            Self::Failed
            | Self::TimedOut
            | Self::Interrupted
            | Self::Refused
            | Self::Unreachable => Tone::Bad,
            Self::Running | Self::Sent => Tone::Busy,
            Self::NeverStarted | Self::Cancelled => Tone::Plain,
            Self::Pending => Tone::Dim,
        }
    }

    /// Its part of a bar. Told apart without colours too, with the blocks that every console has.
    pub const fn block(self) -> char {
        match self {
            Self::Succeeded => '█',
            Self::Failed
            | Self::TimedOut
            | Self::Interrupted
            | Self::Refused
            | Self::Unreachable
            | Self::NeverStarted
            | Self::Cancelled => '▓',
            Self::Running | Self::Sent => '▒',
            Self::Pending => '░',
        }
    }

    /// Whether it is an end.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Running | Self::Sent | Self::Pending)
    }

    /// Whether it is an end that somebody should look at: what was given up for another's failure
    /// is none.
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::TimedOut | Self::Interrupted | Self::Refused | Self::Unreachable
        )
    }
}

impl Tally {
    /// One more.
    pub const fn add(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// One less.
    pub const fn remove(&mut self, kind: Kind) {
        self.0[kind as usize] -= 1;
    }

    /// How many there are of a kind.
    pub const fn of(&self, kind: Kind) -> u32 {
        self.0[kind as usize]
    }

    /// Everything.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Those that ended.
    pub fn ended(&self) -> u32 {
        self.sum(Kind::is_end)
    }

    /// Those that were sent and have no end.
    pub const fn in_flight(&self) -> u32 {
        self.of(Kind::Sent) + self.of(Kind::Running)
    }

    /// The same, with targets that nothing was told of as pending ones.
    #[must_use]
    pub fn of_all(mut self, targets: u32) -> Self {
        self.0[Kind::Pending as usize] += targets.saturating_sub(self.total());
        self
    }

    /// The kinds there are any of.
    pub fn told(&self) -> impl Iterator<Item = (Kind, u32)> {
        Kind::ALL.into_iter().map(|kind| (kind, self.of(kind))).filter(|(_, count)| *count > 0)
    }

    fn sum(&self, of: impl Fn(Kind) -> bool) -> u32 {
        Kind::ALL.into_iter().filter(|kind| of(*kind)).map(|kind| self.of(kind)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_place() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at, "{kind:?}");
        }
    }

    #[test]
    fn what_could_not_be_reached_is_told_apart() {
        let never = |unsent| TaskState::Ended(TaskEnd::never_started(unsent, "because"));
        assert_eq!(Kind::of(&never(Unsent::Unreachable)), Kind::Unreachable);
        assert_eq!(Kind::of(&never(Unsent::Tripped)), Kind::NeverStarted);
    }

    #[test]
    fn targets_that_nothing_is_known_of_are_pending() {
        let mut tally = Tally::default();
        tally.add(Kind::Running);
        let all = tally.of_all(5);
        assert_eq!((all.of(Kind::Pending), all.total(), all.in_flight()), (4, 5, 1));
        assert_eq!(all.of_all(3), all, "fewer targets than tasks take nothing away");
    }
}
