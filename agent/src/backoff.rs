//! How long to wait before dialling again: full jitter, so that ten thousand agents that lost the
//! same coordinator at the same moment come back spread out.

use std::time::Duration;

const BASE: Duration = Duration::from_millis(500);
/// The cap during the first minute of failures, and after it.
const CAP_FIRST: Duration = Duration::from_secs(15);
const CAP_LATER: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_secs(60);
/// A session that lived this long was a good one: the next failure starts from the base.
const GOOD: Duration = Duration::from_secs(30);

/// Failures in a row.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    attempt: u32,
    waited: Duration,
}

impl Backoff {
    /// How long to wait after one more failure; `random` is in 0..1.
    pub fn next(&mut self, random: f64) -> Duration {
        let cap = if self.waited < FIRST { CAP_FIRST } else { CAP_LATER };
        let ceiling = BASE.saturating_mul(1 << self.attempt.min(16)).min(cap);
        self.attempt += 1;
        let wait = ceiling.mul_f64(random.clamp(0.0, 1.0));
        self.waited += wait;
        wait
    }

    /// Takes note of how long a session lived.
    pub fn lived(&mut self, how_long: Duration) {
        if how_long >= GOOD {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_stay_within_their_bounds(random in proptest::collection::vec(0.0..1.0f64, 1..200)) {
            let mut backoff = Backoff::default();
            let waits: Vec<_> = random.iter().map(|random| backoff.next(*random)).collect();
            prop_assert!(waits[0] <= BASE);
            prop_assert!(waits.iter().all(|wait| *wait <= CAP_LATER));
            backoff.lived(GOOD);
            prop_assert!(backoff.next(0.999) <= BASE);
        }

        /// A stampede: of ten thousand agents that failed the same number of times, no tenth of
        /// the window gets more than its share and a fifth of it.
        #[test]
        fn a_stampede_spreads_out(seed: u64, failures in 5usize..12) {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut buckets = [0u32; 10];
            for _ in 0..10_000 {
                let mut backoff = Backoff { attempt: failures as u32, waited: Duration::ZERO };
                let wait = backoff.next(random.f64());
                buckets[((wait.as_secs_f64() / CAP_FIRST.as_secs_f64() * 10.0) as usize).min(9)] += 1;
            }
            prop_assert!(buckets.iter().all(|count| (800..=1200).contains(count)), "{:?}", buckets);
        }
    }
}
