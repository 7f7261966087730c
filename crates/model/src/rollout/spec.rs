//! How a batch shall proceed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Amount;
use crate::Problem;

/// How a batch proceeds over its targets. The default sends to all at once and stops for nothing.
/// Durations are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rollout {
    /// The first wave, however the others are cut.
    pub canary: Option<Amount>,
    /// How what comes after the canary is cut into waves.
    pub waves: WaveSizes,
    /// The most targets in flight at once.
    pub max_in_flight: Option<Amount>,
    /// What happens between one wave and the next.
    pub pause: Pause,
    /// How many targets may fail; with one more the batch trips.
    pub max_failed: Option<Amount>,
    /// How many targets may turn out to be unreachable; with one more the batch trips.
    pub max_unreachable: Option<Amount>,
    /// The share of a wave that must have succeeded before the next begins, in hundredths of a
    /// percent.
    pub success: Option<u32>,
    /// What happens when it trips.
    pub on_trip: OnTrip,
    /// The sends of a wave are spread over this time.
    pub jitter_ms: u64,
    /// The most sends in any second.
    pub rate: Option<u32>,
    /// In which order.
    pub order: Order,
    /// Decides what is drawn: the order, the jitter.
    pub seed: u64,
    /// Which ends are tried again.
    pub retry: Retry,
    /// What happens to targets that cannot be reached.
    pub offline: Offline,
    /// After this long nothing new is sent, and what runs is ended.
    pub deadline_ms: Option<u64>,
}

/// The sizes of the waves after the canary.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaveSizes {
    /// One wave of all.
    #[default]
    One,
    /// Waves of this size.
    Each(Amount),
    /// Waves of these sizes; the last is repeated.
    Listed(Vec<Amount>),
    /// A wave of this size, then each twice the one before.
    Doubling(Amount),
}

/// What happens between waves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// The next begins at once.
    #[default]
    No,
    /// It begins after this many milliseconds.
    For(u64),
    /// It begins when a person says so.
    UntilResumed,
}

/// What happens when a budget is overspent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTrip {
    /// What was not sent never is.
    #[default]
    Stop,
    /// Nothing is sent until a person says so.
    Pause,
    /// As a stop, and the declared undo runs on what had succeeded.
    Undo,
}

/// The order of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// By name, backwards.
    Reverse,
    /// Drawn with the seed.
    Random,
}

/// Which ends are tried again, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// How often a target is tried in all.
    pub attempts: u32,
    /// After which ends. An interrupted task may have done its work: it is tried again only when
    /// that is said out loud.
    pub on: BTreeSet<Retryable>,
    /// Before the second attempt; each later wait is twice the one before, at most an hour.
    pub backoff_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        let on = BTreeSet::from([Retryable::Failed, Retryable::TimedOut]);
        Self { attempts: 1, on, backoff_ms: 1000 }
    }
}

/// What happens to a target that cannot be reached when its turn has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offline {
    /// It never starts.
    #[default]
    Skip,
    /// It is waited for, for this many milliseconds from its turn on.
    Wait(u64),
    /// Every target must be reachable before anything is sent.
    Require,
}

/// The ends that may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the ends")]
pub enum Retryable {
    Failed,
    TimedOut,
    Refused,
    Interrupted,
}

/// From here on a duration is a slip of the pen: a year.
const LONGEST_MS: u64 = 365 * 24 * 3_600_000;
const MOST_WAVES: usize = 1000;

impl Rollout {
    /// Checks that it makes sense for so many targets.
    pub fn check(&self, targets: u32) -> Result<(), Problem> {
        let error = |field: &str, what: String| {
            Err(Problem::field(format!("rollout.{field}"), format!("{field}: {what}")))
        };
        if let Some(canary) = self.canary {
            let size = canary.size_of(targets);
            if size == 0 && targets > 0 {
                let told = error("canary", "it holds no target".to_owned());
                return told.map_err(|problem| problem.remedy("give it one target at least"));
            }
            if size > targets {
                let what = format!("it holds {size} targets and there are {targets}");
                let remedy = "give fewer, or a share such as 10%; or choose more targets";
                return error("canary", what).map_err(|problem| problem.remedy(remedy));
            }
        }
        let sizes = match &self.waves {
            WaveSizes::One => &[][..],
            WaveSizes::Each(size) | WaveSizes::Doubling(size) => std::slice::from_ref(size),
            WaveSizes::Listed(sizes) => sizes,
        };
        if matches!(&self.waves, WaveSizes::Listed(sizes) if sizes.is_empty() || sizes.len() > MOST_WAVES)
        {
            return error("waves", format!("list between 1 and {MOST_WAVES} of them"));
        }
        if sizes.iter().any(|size| matches!(size, Amount::Count(0) | Amount::Share(0))) {
            return error("waves", "a wave holds no target".to_owned());
        }
        let shares: u32 =
            sizes.iter().map(|s| if let Amount::Share(share) = s { *share } else { 0 }).sum();
        if matches!(self.waves, WaveSizes::Listed(_)) && shares > 10_000 {
            return error("waves", format!("together they are {}%", f64::from(shares) / 100.0));
        }
        if matches!(self.max_in_flight, Some(Amount::Count(0) | Amount::Share(0))) {
            return error("max_in_flight", "nothing could ever be sent".to_owned());
        }
        if self.rate == Some(0) {
            return error("rate", "nothing could ever be sent".to_owned());
        }
        if self.success.is_some_and(|share| share > 10_000) {
            return error("success", "more than 100%".to_owned());
        }
        if self.retry.attempts == 0 || self.retry.attempts > 100 {
            return error("retry.attempts", "not between 1 and 100".to_owned());
        }
        let waits = [
            ("pause", if let Pause::For(ms) = self.pause { ms } else { 0 }),
            ("offline", if let Offline::Wait(ms) = self.offline { ms } else { 0 }),
            ("jitter", self.jitter_ms),
            ("retry.backoff", self.retry.backoff_ms),
            ("deadline", self.deadline_ms.unwrap_or(0)),
        ];
        match waits.iter().find(|(_, ms)| *ms > LONGEST_MS) {
            Some((field, _)) => error(field, "longer than a year".to_owned()),
            None if self.deadline_ms == Some(0) => {
                error("deadline", "it has passed already".to_owned())
            }
            None => Ok(()),
        }
    }
}

impl Retryable {
    /// Every one, in the order of the words.
    pub const ALL: [Self; 4] = [Self::Failed, Self::TimedOut, Self::Refused, Self::Interrupted];

    /// The word of flags and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }
}
