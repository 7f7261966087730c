//! All that says when a schedule's batches begin.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tamer_model::{Problem, ScheduleName, Timestamp};

use crate::{Opening, When, Window, Zone, jitter};

/// The longest jitter.
pub const MAX_JITTER: Duration = Duration::from_secs(24 * 3600);
/// An occurrence begins at most this long after its time, or never: whatever made it late. The
/// coordinator remembers for twice as long which batches it made.
pub const MAX_CATCH_UP: Duration = Duration::from_secs(12 * 3600);
/// How late an occurrence that was missed may begin, unless the schedule says otherwise.
pub const DEFAULT_CATCH_UP: Duration = Duration::from_secs(600);

/// When the batches of a schedule begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// When they are due.
    pub when: When,
    /// By whose clocks.
    #[serde(default)]
    pub zone: Zone,
    /// When they may begin and run; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What happens when one is due and the one before has not ended.
    #[serde(default)]
    pub overlap: Overlap,
    /// Each begins at most this many milliseconds after it is due; how many is drawn. It is cut
    /// short where the next one is due, or the window closes.
    #[serde(default)]
    pub jitter_ms: u64,
    /// One that was missed begins if that is at most so many milliseconds ago; 0: never.
    #[serde(default = "default_catch_up")]
    pub catch_up_ms: u64,
}

/// What happens when a batch is due and the one before has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// It begins when the other has ended. Only one waits; further ones are left out.
    Wait,
    /// It begins beside the other.
    Allow,
    /// The other is cancelled, and it begins when that has ended.
    Replace,
}

/// An occurrence to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upcoming {
    /// When it is due.
    pub due: Timestamp,
    /// When it begins: that and its jitter.
    pub begins: Timestamp,
}

/// The most occurrences that are looked at for one that is in the window.
const SEARCH: usize = 1000;

const fn default_catch_up() -> u64 {
    DEFAULT_CATCH_UP.as_millis() as u64
}

impl Timing {
    /// What is due at `when` by UTC, with nothing special about it.
    pub fn new(when: When) -> Self {
        Self {
            when,
            zone: Zone::UTC,
            window: None,
            overlap: Overlap::Skip,
            jitter_ms: 0,
            catch_up_ms: default_catch_up(),
        }
    }

    /// Checks what a peer sent, as a whole; the parts were checked when they were read.
    ///
    /// # Errors
    ///
    /// A span that is too long.
    pub fn validate(self) -> Result<Self, Problem> {
        let hours = |most: Duration| most.as_secs() / 3600;
        if Duration::from_millis(self.jitter_ms) > MAX_JITTER {
            let message = format!("the jitter is longer than {} hours", hours(MAX_JITTER));
            return Err(Problem::field("jitter", message));
        }
        if Duration::from_millis(self.catch_up_ms) > MAX_CATCH_UP {
            let message = format!("catch-up is longer than {} hours", hours(MAX_CATCH_UP));
            return Err(Problem::field("catch_up", message));
        }
        Ok(self)
    }

    /// Checks that something of it is still to come after `now`.
    ///
    /// # Errors
    ///
    /// A time that has passed, an expression that no day fits, a window that is never open then.
    pub fn check(&self, name: &ScheduleName, now: Timestamp) -> Result<(), Problem> {
        if !self.upcoming(name, now, 1).is_empty() {
            return Ok(());
        }
        match (&self.when, self.due_after(now)) {
            (When::At(at), None) => {
                let message = format!("{} has passed", self.zone.show(*at));
                Err(Problem::field("at", message).remedy("give a time that is still to come"))
            }
            (When::Cron(cron), None) => {
                Err(Problem::field("cron", format!("no day ever fits {cron:?}")))
            }
            (When::At(_) | When::Cron(_), Some(due)) => {
                let due = self.zone.show(due);
                let message = format!("it would never begin: at {due} the window is closed");
                Err(Problem::field("window", message)
                    .remedy("widen the window, or check that both mean the same zone"))
            }
        }
    }

    /// The first time after `after` at which it is due.
    pub fn due_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.when.due_after(&self.zone, after)
    }

    /// When an occurrence begins: `due` and its jitter. Occurrences begin in the order in which they
    /// are due.
    pub fn begins(&self, name: &ScheduleName, due: Timestamp) -> Timestamp {
        let room = |until: Timestamp| until.as_millis().saturating_sub(due.as_millis() + 1);
        let mut most = self.jitter_ms;
        if most == 0 {
            return due;
        }
        if let Some(next) = self.due_after(due) {
            most = most.min(room(next));
        }
        match self.opening(due) {
            Opening::Until(closes) => most = most.min(room(closes)),
            Opening::Always | Opening::Closed => {}
        }
        due.plus(Duration::from_millis(jitter::drawn(name, due, most)))
    }

    /// How its window stands at `at`.
    pub fn opening(&self, at: Timestamp) -> Opening {
        self.window.as_ref().map_or(Opening::Always, |window| window.at(&self.zone, at))
    }

    /// The next occurrences that the window lets begin, at most `count`.
    pub fn upcoming(&self, name: &ScheduleName, after: Timestamp, count: usize) -> Vec<Upcoming> {
        let mut found = Vec::new();
        let mut at = after;
        for _ in 0..SEARCH {
            let Some(due) = self.due_after(at) else { break };
            at = match (self.opening(due), &self.window) {
                (Opening::Closed, Some(window)) => {
                    // On to the end of what is closed: an occurrence may be due every second.
                    let Some(opens) = window.opens_after(&self.zone, due) else { break };
                    Timestamp::from_millis(opens.as_millis() - 1)
                }
                (Opening::Closed | Opening::Until(_) | Opening::Always, _) => {
                    found.push(Upcoming { due, begins: self.begins(name, due) });
                    due
                }
            };
            if found.len() >= count {
                break;
            }
        }
        found
    }
}

impl Overlap {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Skip, Self::Wait, Self::Allow, Self::Replace];

    /// The word of flags and the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Wait => "wait",
            Self::Allow => "allow",
            Self::Replace => "replace",
        }
    }
}

impl FromStr for Overlap {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|overlap| overlap.as_str() == text).ok_or_else(|| {
            Problem::field("overlap", format!("{text:?} says nothing about overlaps"))
                .remedy("use skip, wait, allow or replace")
        })
    }
}
