//! Since when no coordinator was heard, by a clock that nobody sets.

use std::time::Duration;

use tamer_model::{Patience, Timestamp};
use tokio::time::Instant;

use super::store::LastContact;

/// How often the last contact is written down, at most and at least. It is what an agent that is
/// restarted may be wrong by.
const COARSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// Whether a coordinator is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// None is, since then by the [`Steady`] clock.
    Away(Timestamp),
    /// A session is up, and has not told yet what it wants.
    Here,
    /// A session is up, and what it wants is known.
    Listed,
}

/// A clock that begins with the wall's time and never jumps.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    wall: Timestamp,
    begun: Instant,
}

impl Steady {
    /// A clock that shows `wall` now.
    pub fn new(wall: Timestamp) -> Self {
        Self { wall, begun: Instant::now() }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        self.wall.plus(self.begun.elapsed())
    }

    /// When it will show `at`.
    pub fn instant(&self, at: Timestamp) -> Instant {
        // A century is never waited for, and fits every clock.
        self.begun + at.since(self.wall).min(Duration::from_secs(100 * 365 * 86_400))
    }
}

impl Contact {
    /// How it begins: what was silence before the agent ended is silence still, and so was the
    /// time in which there was no agent.
    pub fn resumed(last: Option<LastContact>, now: Timestamp) -> Self {
        let silent = last.map_or(Duration::ZERO, |LastContact { at, silent_ms }| {
            now.since(at).saturating_add(Duration::from_millis(silent_ms))
        });
        let silent = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        Self::Away(Timestamp::from_millis(now.as_millis().saturating_sub(silent)))
    }

    /// What is written down of it.
    pub fn last(self, now: Timestamp) -> LastContact {
        let silent = match self {
            Self::Away(since) => now.since(since),
            Self::Here | Self::Listed => Duration::ZERO,
        };
        LastContact { at: now, silent_ms: u64::try_from(silent.as_millis()).unwrap_or(u64::MAX) }
    }

    /// When a placement with this patience is stopped for want of a coordinator.
    pub fn ends(self, patience: Patience) -> Option<Timestamp> {
        match (self, patience) {
            (Self::Away(since), Patience::After(span)) => Some(since.plus(span.duration())),
            (Self::Away(_), Patience::Never) | (Self::Here | Self::Listed, _) => None,
        }
    }
}

/// How often the last contact is to be written down for placements with these patiences; never when
/// none of them ends.
pub fn write_every(patiences: impl Iterator<Item = Patience>) -> Option<Duration> {
    let spans = patiences.filter_map(|patience| match patience {
        Patience::After(span) => Some(span.duration() / 4),
        Patience::Never => None,
    });
    spans.min().map(|span| span.clamp(COARSE.0, COARSE.1))
}

#[cfg(test)]
mod tests {
    use tamer_model::Span;

    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_restart_does_not_extend_the_patience() {
        let before = Contact::Away(at(1000));
        let last = before.last(at(1040));
        let after = Contact::resumed(Some(last), at(1050));
        let patience = Patience::After(Span::from_secs(60));
        assert_eq!(after.ends(patience), before.ends(patience));
        // Also where the clock was set back meanwhile; what is lost is the time in between.
        let after = Contact::resumed(Some(last), at(500));
        assert_eq!(after.ends(patience), Some(at(520)));
        assert_eq!(after.ends(Patience::Never), None);
    }

    #[test]
    fn a_session_ends_the_silence() {
        for contact in [Contact::Here, Contact::Listed] {
            assert_eq!(contact.ends(Patience::After(Span::from_secs(1))), None);
            let last = contact.last(at(10));
            assert_eq!(Contact::resumed(Some(last), at(11)), Contact::Away(at(10)));
        }
        assert_eq!(Contact::resumed(None, at(11)), Contact::Away(at(11)));
    }

    #[test]
    fn it_is_written_down_no_more_often_than_it_matters() {
        let after = |seconds| Patience::After(Span::from_secs(seconds));
        let every = |patiences: &[Patience]| write_every(patiences.iter().copied());
        assert_eq!(every(&[]), None);
        assert_eq!(every(&[Patience::Never]), None);
        assert_eq!(every(&[after(3600), Patience::Never]), Some(COARSE.1));
        assert_eq!(every(&[after(3600), after(20)]), Some(Duration::from_secs(5)));
        assert_eq!(every(&[after(1)]), Some(COARSE.0));
    }
}
