//! How fast targets end, and how long the rest takes. Told only where there is a basis for it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::contract::Time;

/// The ends of this many seconds make the rate: long enough for a calm number, short enough to
/// follow a change of wave.
const WINDOW: u64 = 20;
/// Ends that are no accident.
const FEWEST: u32 = 5;
/// Nothing is said of a batch that was watched for less, in seconds.
const SHORTEST: f64 = 2.0;
/// The rest takes no longer than this by any guess worth telling: two days.
const LONGEST: f64 = 172_800.0;

/// Ends as they come, by second: at most [`WINDOW`] + 1 buckets.
#[derive(Debug, Default)]
pub struct Pulse {
    since: Option<Time>,
    buckets: VecDeque<(u64, u32)>,
}

impl Pulse {
    /// Everything that had ended before was told: what ends from here on is counted.
    pub fn begin(&mut self, now: Time) {
        self.since.get_or_insert(now);
    }

    /// A target ended at `now`.
    pub fn beat(&mut self, now: Time) {
        if self.since.is_none() {
            return;
        }
        let second = now.since(Time::of(0)).as_secs();
        match self.buckets.back_mut() {
            // A clock that was put back counts on where it was.
            Some((last, count)) if *last >= second => *count += 1,
            Some(_) | None => self.buckets.push_back((second, 1)),
        }
        while self.buckets.len() > WINDOW as usize + 1 {
            self.buckets.pop_front();
        }
    }

    /// Ends a second over the last while; none where too few were seen.
    pub fn rate(&self, now: Time) -> Option<f64> {
        let seen = now.since(self.since?).as_secs_f64();
        let from = now.since(Time::of(0)).as_secs().saturating_sub(WINDOW);
        let ends: u32 =
            self.buckets.iter().filter(|(second, _)| *second > from).map(|(_, count)| count).sum();
        (ends >= FEWEST && seen >= SHORTEST).then(|| f64::from(ends) / seen.min(WINDOW as f64))
    }

    /// How long `open` more ends take at the rate of now; none where that is a guess.
    pub fn left(&self, now: Time, open: u32) -> Option<Duration> {
        let seconds = f64::from(open) / self.rate(now)?;
        (seconds <= LONGEST).then(|| Duration::from_secs_f64(seconds.ceil()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::of(1_000_000_000 + millis)
    }

    #[test]
    fn a_rate_needs_a_basis() {
        let mut pulse = Pulse::default();
        (0..50).for_each(|_| pulse.beat(at(0)));
        assert_eq!(pulse.rate(at(9000)), None, "what had ended before is no pace");
        pulse.begin(at(0));
        (0..4).for_each(|_| pulse.beat(at(500)));
        assert_eq!(pulse.rate(at(9000)), None, "four ends are an accident");
        pulse.beat(at(900));
        assert_eq!(pulse.rate(at(1000)), None, "one second is too short");
        assert_eq!(pulse.rate(at(5000)), Some(1.0));
        assert_eq!(pulse.left(at(5000), 90), Some(Duration::from_secs(90)));
    }

    #[test]
    fn the_rate_follows_what_happens_now() {
        let mut pulse = Pulse::default();
        pulse.begin(at(0));
        for millis in (0..60_000).step_by(100) {
            pulse.beat(at(millis));
        }
        let fast = pulse.rate(at(60_000)).expect("a rate");
        assert!((9.0..=10.5).contains(&fast), "{fast}");
        assert_eq!(pulse.rate(at(200_000)), None, "it stands still");
        assert!(pulse.buckets.len() <= WINDOW as usize + 1);
    }

    #[test]
    fn a_clock_that_goes_back_breaks_nothing() {
        let mut pulse = Pulse::default();
        pulse.begin(at(50_000));
        (0..9).for_each(|n| pulse.beat(at(50_000 - n * 5000)));
        assert_eq!(pulse.rate(at(0)), None);
        assert!(pulse.rate(at(55_000)).is_some());
    }
}
