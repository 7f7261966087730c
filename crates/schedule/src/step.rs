//! What a schedule does now.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tamer_model::{ScheduleName, Timestamp};

use crate::{Opening, Timing};

/// What a schedule does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing, for ever: it is never due again.
    Never,
    /// Nothing until then.
    Wait(Timestamp),
    /// What was due then begins.
    Begin {
        /// The time that was due.
        due: Timestamp,
        /// When the window closes.
        closes: Option<Timestamp>,
    },
    /// What was due then is left out.
    Pass {
        /// The time that was due.
        due: Timestamp,
        /// Why.
        why: Passed,
    },
}

/// Why an occurrence did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// Nobody was there to begin it, and it is too late now.
    Missed,
    /// The window was closed.
    Window,
    /// The one before had not ended.
    Overlap,
    /// The schedule was disabled while it waited.
    Disabled,
}

/// What begins no later than this is not missed: timers and a busy machine are late too.
const ON_TIME: Duration = Duration::from_secs(10);

impl Timing {
    /// What to do at `now`, when everything that was due until `settled` has been seen to. Of
    /// several that were missed only the last one counts.
    ///
    /// A clock that is set back makes `now` earlier than `settled`: then nothing is due until time
    /// has caught up, so nothing happens twice.
    pub fn step(&self, name: &ScheduleName, settled: Timestamp, now: Timestamp) -> Step {
        let Some(first) = self.due_after(settled) else { return Step::Never };
        let begins = self.begins(name, first);
        if begins > now {
            return Step::Wait(begins);
        }
        let due = self.last_begun(name, settled, now).unwrap_or(first);
        if self.is_too_late(now.since(self.begins(name, due))) {
            return Step::Pass { due, why: Passed::Missed };
        }
        match self.opening(now) {
            Opening::Closed => Step::Pass { due, why: Passed::Window },
            Opening::Until(closes) => Step::Begin { due, closes: Some(closes) },
            Opening::Always => Step::Begin { due, closes: None },
        }
    }

    /// Whether an occurrence that has not begun `late` after it should have never will.
    fn is_too_late(&self, late: Duration) -> bool {
        late > Duration::from_millis(self.catch_up_ms).max(ON_TIME)
    }

    /// The last occurrence that should have begun by now.
    fn last_begun(
        &self,
        name: &ScheduleName,
        settled: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let due = self.when.last_due(&self.zone, settled, now)?;
        if self.begins(name, due) <= now {
            return Some(due);
        }
        // It is due and its jitter is not over; the one before it was due, and began, earlier.
        let before = Timestamp::from_millis(due.as_millis() - 1);
        self.when.last_due(&self.zone, settled, before)
    }
}

impl Passed {
    /// The word of the `json` contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Window => "window",
            Self::Overlap => "overlap",
            Self::Disabled => "disabled",
        }
    }
}
