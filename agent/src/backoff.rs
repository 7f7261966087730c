//! How long to wait before dialling again: full jitter, so that ten thousand agents that lost the
//! same coordinator at the same moment come back spread out.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const BASE: Duration = Duration::from_millis(500);
/// The cap during the first minute of failures, and after it.
const CAP_FIRST: Duration = Duration::from_secs(15);
const CAP_LATER: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_secs(60);
/// A session that lived this long was a good one: the next failure starts from the base.
const GOOD: Duration = Duration::from_secs(30);

/// The longest wait that is configured: 50 ms to an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Longest(Duration);

/// A text that is no such wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLongest(String);

/// Failures in a row.
#[derive(Debug, Clone)]
pub struct Backoff {
    attempt: u32,
    waited: Duration,
    longest: Longest,
}

impl Backoff {
    /// No failure yet.
    pub const fn new(longest: Longest) -> Self {
        Self { attempt: 0, waited: Duration::ZERO, longest }
    }

    /// How long to wait after one more failure; `random` is in 0..1.
    pub fn next(&mut self, random: f64) -> Duration {
        let cap = if self.waited < FIRST { CAP_FIRST } else { CAP_LATER };
        let ceiling = BASE.saturating_mul(1 << self.attempt.min(16)).min(cap).min(self.longest.0);
        self.attempt += 1;
        let wait = ceiling.mul_f64(random.clamp(0.0, 1.0));
        self.waited += wait;
        wait
    }

    /// Takes note of how long a session lived.
    pub fn lived(&mut self, how_long: Duration) {
        if how_long >= GOOD {
            *self = Self::new(self.longest);
        }
    }
}

impl Default for Longest {
    fn default() -> Self {
        Self(CAP_LATER)
    }
}

impl FromStr for Longest {
    type Err = InvalidLongest;

    fn from_str(text: &str) -> Result<Self, InvalidLongest> {
        let range = Duration::from_millis(50)..=Duration::from_secs(3600);
        match humantime::parse_duration(text) {
            Ok(wait) if range.contains(&wait) => Ok(Self(wait)),
            Ok(_) | Err(_) => Err(InvalidLongest(text.to_owned())),
        }
    }
}

impl fmt::Display for InvalidLongest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no time between 50ms and 1h", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_stay_within_their_bounds(random in proptest::collection::vec(0.0..1.0f64, 1..200)) {
            let mut backoff = Backoff::new(Longest::default());
            let waits: Vec<_> = random.iter().map(|random| backoff.next(*random)).collect();
            prop_assert!(waits[0] <= BASE);
            prop_assert!(waits.iter().all(|wait| *wait <= CAP_LATER));
            backoff.lived(GOOD);
            prop_assert!(backoff.next(0.999) <= BASE);
        }

        #[test]
        fn no_wait_is_longer_than_configured(random in proptest::collection::vec(0.0..1.0f64, 1..50)) {
            let mut backoff = Backoff::new("200ms".parse().expect("a wait"));
            prop_assert!(random.iter().all(|r| backoff.next(*r) <= Duration::from_millis(200)));
        }

        /// A stampede: of ten thousand agents that failed the same number of times, no tenth of
        /// the window gets more than its share and a fifth of it.
        #[test]
        fn a_stampede_spreads_out(seed: u64, failures in 5usize..12) {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut buckets = [0u32; 10];
            for _ in 0..10_000 {
                let mut backoff = Backoff { attempt: failures as u32, ..Backoff::new(Longest::default()) };
                let wait = backoff.next(random.f64());
                buckets[((wait.as_secs_f64() / CAP_FIRST.as_secs_f64() * 10.0) as usize).min(9)] += 1;
            }
            prop_assert!(buckets.iter().all(|count| (800..=1200).contains(count)), "{:?}", buckets);
        }
    }
}
