//! How much of the machine looking may take: all collectors together have half of one processor.
//!
//! Whoever reads much says after each piece of work how long it took, and pauses for as long as all
//! of them together are ahead of their share. Time spent in a read that waits counts as work up to a
//! bound, so a slow disk slows a collector down a little and never stops the others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Work is counted in pieces of at least this long: a pause for less costs more than it saves.
const PIECE: Duration = Duration::from_millis(5);
/// The most that one piece counts: beyond it the time was spent waiting.
const MOST: Duration = Duration::from_millis(50);
/// How far ahead of their share all of them may be before anyone pauses, so that a small look is
/// done at once.
const AHEAD: Duration = Duration::from_millis(200);
/// The longest pause at once.
const LONGEST: Duration = Duration::from_millis(500);

/// The share that everybody who looks has in common. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pace(Arc<Share>);

#[derive(Debug)]
struct Share {
    /// How long one pauses for each unit of work: 1 gives half of a processor, 0 all of it.
    rest: u32,
    /// When the work so far is paid for.
    paid: Mutex<Instant>,
}

/// One who works at this pace, on a thread that may block.
#[derive(Debug)]
pub struct Worker {
    pace: Pace,
    since: Instant,
}

impl Pace {
    /// Half of a processor for all.
    pub fn half() -> Self {
        Self::resting(1)
    }

    /// Without pauses: for tests and measurements of the work alone.
    pub fn free() -> Self {
        Self::resting(0)
    }

    /// Begins to work.
    pub fn worker(&self) -> Worker {
        Worker { pace: self.clone(), since: Instant::now() }
    }

    fn resting(rest: u32) -> Self {
        Self(Arc::new(Share { rest, paid: Mutex::new(Instant::now()) }))
    }

    /// Counts work that ended at `now`, and says how long to pause.
    fn count(&self, work: Duration, now: Instant) -> Duration {
        if self.0.rest == 0 {
            return Duration::ZERO;
        }
        let work = work.min(MOST);
        let mut paid = self.0.paid.lock().unwrap_or_else(PoisonError::into_inner);
        // What was not used earlier is not kept.
        let began = now.checked_sub(work).unwrap_or(now);
        *paid = (*paid).max(began) + work * (1 + self.0.rest);
        paid.saturating_duration_since(now + AHEAD).min(LONGEST)
    }
}

impl Worker {
    /// Called between pieces of work; pauses when it is time to.
    pub fn breathe(&mut self) {
        let worked = self.since.elapsed();
        if worked >= PIECE {
            let pause = self.pace.count(worked, Instant::now());
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
            self.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long all of them pause when so many work for so long in pieces.
    fn paused(pace: &Pace, pieces: u32, piece: Duration) -> Duration {
        let mut now = Instant::now();
        let mut all = Duration::ZERO;
        for _ in 0..pieces {
            now += piece;
            let pause = pace.count(piece, now);
            now += pause;
            all += pause;
        }
        all
    }

    #[test]
    fn long_work_has_half_and_short_work_does_not_wait() {
        let piece = Duration::from_millis(10);
        assert_eq!(paused(&Pace::half(), 10, piece), Duration::ZERO);
        let pause = paused(&Pace::half(), 1000, piece).as_secs_f64();
        assert!((9.0..11.0).contains(&pause), "{pause} s of pauses for 10 s of work");
        assert_eq!(paused(&Pace::free(), 1000, piece), Duration::ZERO);
    }

    #[test]
    fn one_that_waits_on_a_disk_does_not_stop_the_others() {
        let pace = Pace::half();
        let now = Instant::now();
        pace.count(Duration::from_secs(3600), now);
        assert_eq!(pace.count(Duration::from_millis(10), now), Duration::ZERO);
    }
}
