//! Whether a placement is well: how often it is asked, and what its answers amount to.

mod ask;
mod http;

use tamer_model::{Health, Timestamp};

pub use ask::{Target, ask};

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is well.
    Well,
    /// It is not, and why.
    Unwell(String),
    /// It could not be asked, which says nothing about it.
    Unasked,
}

/// The checks of one run of an instance.
#[derive(Debug)]
pub struct Pulse {
    /// Since when it runs, as far as is known.
    begun: Timestamp,
    /// When it is asked next.
    due: Timestamp,
    /// Whether it is being asked.
    asking: bool,
    failures: u32,
    successes: u32,
    verdict: Option<bool>,
    said: String,
}

impl Pulse {
    /// An instance was seen to run. `before`: what was known of it before the agent was started
    /// anew, which is believed until the checks say otherwise.
    pub const fn new(now: Timestamp, before: Option<bool>) -> Self {
        let said = String::new();
        let (failures, successes) = (0, 0);
        Self { begun: now, due: now, asking: false, failures, successes, verdict: before, said }
    }

    /// Whether it is well, and what it said last when it was not.
    pub fn verdict(&self) -> (Option<bool>, &str) {
        (self.verdict, &self.said)
    }

    /// When it is to be asked; none while it is being asked.
    pub fn due(&self) -> Option<Timestamp> {
        (!self.asking).then_some(self.due)
    }

    /// It is being asked.
    pub const fn asked(&mut self) {
        self.asking = true;
    }

    /// It answered.
    pub fn heard(&mut self, health: &Health, now: Timestamp, answer: Answer) {
        self.asking = false;
        self.due = now.plus(health.every.duration());
        match answer {
            Answer::Well => {
                self.failures = 0;
                self.successes = self.successes.saturating_add(1);
                self.said.clear();
                if self.successes >= health.successes {
                    self.verdict = Some(true);
                }
            }
            Answer::Unwell(why) => {
                self.successes = 0;
                self.said = why;
                // While it starts, failures are expected; once it was well, they are not.
                let starting = now.since(self.begun) < health.start_period.duration();
                if starting && self.verdict.is_none() {
                    return;
                }
                self.failures = self.failures.saturating_add(1);
                if self.failures >= health.failures {
                    self.verdict = Some(false);
                }
            }
            Answer::Unasked => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tamer_model::{Check, Span, TcpCheck};

    use super::*;

    fn health() -> Health {
        Health {
            check: Check::Tcp(TcpCheck { port: 1 }),
            every: Span::from_secs(1),
            timeout: Span::from_secs(1),
            start_period: Span::from_secs(10),
            failures: 3,
            successes: 2,
        }
    }

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// `w`ell, `u`nwell, `-` not asked; one a second. The verdict after each.
    fn verdicts(answers: &str, before: Option<bool>) -> String {
        let mut pulse = Pulse::new(at(0), before);
        let each = answers.chars().enumerate().map(|(second, answer)| {
            let answer = match answer {
                'w' => Answer::Well,
                'u' => Answer::Unwell("x".to_owned()),
                _ => Answer::Unasked,
            };
            pulse.heard(&health(), at(second as u64), answer);
            match pulse.verdict().0 {
                Some(true) => 'W',
                Some(false) => 'U',
                None => '.',
            }
        });
        each.collect()
    }

    #[test]
    fn so_many_in_a_row_count() {
        assert_eq!(verdicts("uwuw", None), "....");
        assert_eq!(verdicts("ww", None), ".W");
        assert_eq!(verdicts("wwuuwuuu", None), ".WWWWWWU");
        assert_eq!(verdicts("ww--uuu", None), ".WWWWWU");
    }

    #[test]
    fn while_it_starts_failures_do_not_count() {
        assert_eq!(verdicts("uuuuuuuuuuuuu", None), "............U");
        assert_eq!(verdicts("uuuuuuuuuuww", None), "...........W");
    }

    #[test]
    fn what_was_known_before_is_believed_until_it_is_wrong() {
        assert_eq!(verdicts("uuw", Some(true)), "WWW");
        assert_eq!(verdicts("uuu", Some(true)), "WWU");
    }

    #[test]
    fn it_is_asked_once_at_a_time() {
        let mut pulse = Pulse::new(at(5), None);
        assert_eq!(pulse.due(), Some(at(5)));
        pulse.asked();
        assert_eq!(pulse.due(), None);
        pulse.heard(&health(), at(7), Answer::Unasked);
        assert_eq!(pulse.due(), Some(at(8)));
    }

    proptest! {
        /// Never unwell without enough failures in a row just before.
        #[test]
        fn no_verdict_without_its_reason(answers in "[wu-]{0,40}") {
            let told = verdicts(&answers, None);
            if told.ends_with('U') && !told.trim_end_matches('U').is_empty() {
                let first = told.find('U').expect("one");
                let before = answers[..=first].replace('-', "");
                prop_assert!(before.ends_with("uuu"), "{} {}", answers, told);
            }
        }
    }
}
