//! Many agents that return at once, as after a restart of this coordinator.
//!
//! Each return costs handshakes and a greeting, and two cores let in a few hundred a second: of ten
//! thousand, the last one waits at the door for longer than silence lasts. That is not its silence.
//! The silence of hosts without a session counts from when the door was last crowded; those with one
//! are lost as always.

/// Sessions that are opened in a window of this many milliseconds are counted together.
const WINDOW: u64 = 1000;
/// So many in a window are a crowd. Fewer are let in as they come.
const CROWD: u64 = 16;
/// A crowd counts for no longer than this, in milliseconds: agents that are sent away and come back
/// for ever must not hide hosts that are gone.
const LONGEST: u64 = 60_000;
/// Without a crowd for this long, in milliseconds, the next one is another.
const PAUSE: u64 = 10_000;

/// What is known of a crowd at the door. Times are this coordinator's steady milliseconds.
#[derive(Debug)]
pub struct Rush {
    /// When the window began, and how many sessions had been opened by then.
    window: (u64, u64),
    /// When the crowd was first seen, and last.
    crowd: Option<(u64, u64)>,
}

impl Rush {
    /// Nobody has come yet.
    pub const fn new(opened: u64, now: u64) -> Self {
        Self { window: (now, opened), crowd: None }
    }

    /// Takes in how many sessions were ever opened. Says when the door was last crowded.
    pub fn last(&mut self, opened: u64, now: u64) -> Option<u64> {
        let (begun, before) = self.window;
        let crowded = opened.saturating_sub(before) >= CROWD;
        if crowded || now.saturating_sub(begun) >= WINDOW {
            self.window = (now, opened);
        }
        if crowded {
            let same = |(_, last): &(u64, u64)| now.saturating_sub(*last) <= PAUSE;
            let since = self.crowd.filter(same).map_or(now, |(since, _)| since);
            self.crowd = Some((since, now));
        }
        self.crowd.map(|(since, last)| last.min(since + LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets so many come each 100 ms; returns when the door was last crowded, as known at the end.
    fn come(
        rush: &mut Rush,
        opened: &mut u64,
        each: u64,
        times: std::ops::Range<u64>,
    ) -> Option<u64> {
        let look = |now| {
            *opened += each;
            rush.last(*opened, now)
        };
        times.step_by(100).map(look).last().flatten()
    }

    #[test]
    fn a_few_that_return_are_no_crowd() {
        let (mut rush, mut opened) = (Rush::new(0, 0), 0);
        assert_eq!(come(&mut rush, &mut opened, 1, 0..30_000), None);
    }

    #[test]
    fn a_crowd_lasts_until_the_last_of_it_came() {
        let (mut rush, mut opened) = (Rush::new(0, 0), 0);
        assert_eq!(come(&mut rush, &mut opened, 20, 0..20_000), Some(19_900));
        assert_eq!(come(&mut rush, &mut opened, 0, 20_000..60_000), Some(19_900));
    }

    #[test]
    fn a_crowd_that_never_ends_counts_for_a_minute() {
        let (mut rush, mut opened) = (Rush::new(7, 500), 7);
        assert_eq!(come(&mut rush, &mut opened, 50, 500..300_000), Some(500 + LONGEST));
    }

    #[test]
    fn another_crowd_later_is_a_crowd_of_its_own() {
        let (mut rush, mut opened) = (Rush::new(0, 0), 0);
        come(&mut rush, &mut opened, 50, 0..1_000);
        assert_eq!(come(&mut rush, &mut opened, 0, 1_000..100_000), Some(900));
        assert_eq!(come(&mut rush, &mut opened, 50, 100_000..101_000), Some(100_900));
    }
}
