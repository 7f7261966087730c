//! What is on the disk of one placement, and how it changes.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tamer_model::{NativeId, Phase, PlacementOrder, Restart, Timestamp};

use super::words;

/// Ends that are remembered. A policy that allows more within its window allows this many.
const MAX_ENDS: usize = 1000;

/// A placement and what has to outlive the agent of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What shall be kept. It never changes.
    pub order: Arc<PlacementOrder>,
    /// What shall become of it.
    pub wish: Wish,
    /// How it stands while it shall run.
    pub stand: Stand,
    /// Whether an instance was ever begun to be made. Written before, so that none is forgotten.
    #[serde(default)]
    pub begun: bool,
    /// The instance as it was seen last.
    #[serde(default)]
    pub instance: Option<NativeId>,
    /// When it ended against its wish, oldest first, within the window of its restart policy.
    #[serde(default)]
    pub ends: Vec<Timestamp>,
    /// How often it was started again.
    #[serde(default)]
    pub restarts: u32,
    /// How its last run ended.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// What was told of it last, by the wall clock.
    #[serde(default)]
    pub told: Option<Told>,
}

/// What shall become of a placement here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It shall run.
    Run,
    /// It shall go, for good.
    Go {
        /// Why, for people.
        cause: String,
        /// Whether the coordinator still names it, and so must hear that it is gone.
        named: bool,
        /// Whether it is gone.
        gone: bool,
    },
}

/// How a placement stands that shall run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// It is to be up.
    Up,
    /// It ended, and is started again after a wait.
    Down(Down),
    /// It is stopped until a coordinator wants it again.
    CutOff,
    /// It ran to its end and succeeded.
    Completed,
    /// It is not tried any more.
    Failed {
        /// Why.
        why: String,
        /// The end of its log; none while it was not read.
        log: Option<String>,
    },
}

/// An end against the wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// When it was seen.
    pub at: Timestamp,
    /// Why it ended: "exited with 1".
    pub why: String,
    /// The end of its log; none while it was not read.
    pub log: Option<String>,
    /// Whether it has to be stopped first: it runs, and is not well.
    pub stop: bool,
    /// Whether it was to be stopped: what it ended with then is not its own doing.
    #[serde(default)]
    pub unwell: bool,
}

/// What was told, and since when it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Where it stood.
    pub phase: Phase,
    /// Whether it was well.
    pub healthy: Option<bool>,
    /// Since when, by the wall clock.
    pub since: Timestamp,
}

/// Something to write down before anything is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// An instance is about to be made.
    Begun,
    /// It is up.
    Up,
    /// It ended against the wish.
    Ended(Ended),
    /// It ran to its end and succeeded.
    Completed {
        /// With which code, where the technology tells one.
        exit_code: Option<i32>,
    },
    /// It is not to be tried here at all.
    Failed {
        /// Why.
        why: String,
    },
    /// No coordinator was heard for too long.
    CutOff,
    /// Its instance is gone, as it should be.
    Gone,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When it was seen.
    pub at: Timestamp,
    /// Why.
    pub why: String,
    /// With which code, where there is one.
    pub exit_code: Option<i32>,
    /// Whether it still runs and has to be stopped.
    pub stop: bool,
    /// Whether its log may say more.
    pub logged: bool,
}

impl Kept {
    /// A placement that was just ordered.
    pub fn new(order: PlacementOrder) -> Self {
        Self {
            order: Arc::new(order),
            wish: Wish::Run,
            stand: Stand::Up,
            begun: false,
            instance: None,
            ends: Vec::new(),
            restarts: 0,
            exit_code: None,
            told: None,
        }
    }

    /// Whether it shall run.
    pub const fn wanted(&self) -> bool {
        matches!(self.wish, Wish::Run)
    }

    /// Takes the note.
    pub fn note(&mut self, note: Note) {
        match note {
            Note::Begun => self.begun = true,
            Note::Up => {
                if matches!(self.stand, Stand::Down(_)) {
                    self.restarts = self.restarts.saturating_add(1);
                }
                self.stand = Stand::Up;
            }
            Note::Ended(ended) => self.ended(ended),
            Note::Completed { exit_code } => {
                self.exit_code = exit_code;
                self.stand = Stand::Completed;
            }
            Note::Failed { why } => self.stand = Stand::Failed { why, log: Some(String::new()) },
            Note::CutOff => self.stand = Stand::CutOff,
            Note::Gone => {
                if let Wish::Go { gone, .. } = &mut self.wish {
                    *gone = true;
                }
                self.instance = None;
            }
        }
    }

    /// The log of its last run was read; empty when it says nothing.
    pub fn explained(&mut self, text: String) {
        match &mut self.stand {
            Stand::Down(Down { log, .. }) | Stand::Failed { log, .. } => *log = Some(text),
            Stand::Up | Stand::CutOff | Stand::Completed => {}
        }
    }

    /// It was stopped because it had to be.
    pub fn stopped(&mut self) {
        if let Stand::Down(down) = &mut self.stand {
            down.stop = false;
        }
    }

    /// When one that is down is started again.
    pub fn again_at(&self, down: &Down) -> Timestamp {
        down.at.plus(wait(&self.order.restart, self.ends.len()))
    }

    /// After another life of the agent: a clock that was set back must not make it wait for years.
    pub fn reckon_from(&mut self, now: Timestamp) {
        for at in &mut self.ends {
            *at = now.min(*at);
        }
        if let Stand::Down(down) = &mut self.stand {
            down.at = now.min(down.at);
        }
    }

    fn ended(&mut self, ended: Ended) {
        let Ended { at, why, exit_code, stop, logged } = ended;
        let Restart { attempts, window, .. } = self.order.restart;
        self.ends.retain(|end| at.since(*end) < window.duration());
        self.ends.push(at);
        let most = (attempts as usize).min(MAX_ENDS);
        self.exit_code = exit_code.or(self.exit_code);
        let log = (!logged).then(String::new);
        self.stand = if self.ends.len() > most {
            self.ends.truncate(MAX_ENDS);
            Stand::Failed { why: words::given_up(&why, &self.order.restart), log }
        } else {
            Stand::Down(Down { at, why, log, stop, unwell: stop })
        };
    }
}

/// How long to wait before the start that follows so many ends.
fn wait(restart: &Restart, ends: usize) -> Duration {
    let doublings = u32::try_from(ends.saturating_sub(1)).unwrap_or(u32::MAX).min(40);
    let longest = restart.longest.duration();
    restart
        .backoff
        .duration()
        .checked_mul(1 << doublings.min(31))
        .map_or(longest, |wait| wait.min(longest))
}

#[cfg(test)]
pub mod testing {
    use tamer_model::{InstanceSpec, Patience, Span};

    use super::*;

    /// A placement of this number, of an image of the technology in memory.
    pub fn order(number: u8) -> PlacementOrder {
        let id = tamer_model::PlacementId::from_bytes([number; 10]);
        let name = format!("web-0-{}", id.to_string().trim_start_matches("p-"));
        PlacementOrder {
            id,
            workload: "web".parse().expect("a name"),
            index: u32::from(number),
            template: 1,
            provider: "fake".parse().expect("a name"),
            instance: Box::new(InstanceSpec {
                name: Some(name.parse().expect("a name")),
                image: Some(tamer_provider::fake::IMAGE.to_owned()),
                ..InstanceSpec::default()
            }),
            completes: false,
            restart: Restart {
                attempts: 3,
                window: Span::from_secs(600),
                backoff: Span::from_secs(1),
                longest: Span::from_secs(3),
            },
            health: None,
            stop_after: Patience::Never,
            stop_grace: Span::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(kept: &mut Kept, at: u64) {
        kept.note(Note::Ended(Ended {
            at: Timestamp::from_millis(at),
            why: "exited with 1".to_owned(),
            exit_code: Some(1),
            stop: false,
            logged: true,
        }));
    }

    fn again(kept: &Kept) -> u64 {
        match &kept.stand {
            Stand::Down(down) => kept.again_at(down).as_millis(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_then_it_has_failed() {
        let mut kept = Kept::new(testing::order(1));
        for (at, until) in [(0, 1000), (10_000, 12_000), (20_000, 23_000)] {
            end(&mut kept, at);
            assert_eq!(again(&kept), until);
            kept.note(Note::Up);
        }
        assert_eq!(kept.restarts, 3);
        end(&mut kept, 30_000);
        assert!(matches!(&kept.stand, Stand::Failed { log: None, .. }), "{:?}", kept.stand);
    }

    #[test]
    fn what_ended_before_the_window_is_forgotten() {
        let mut kept = Kept::new(testing::order(1));
        for at in 0..20 {
            end(&mut kept, at * 300_000);
            assert!(again(&kept) <= at * 300_000 + 2000);
        }
        assert!(kept.ends.len() <= 2, "{:?}", kept.ends);
    }

    #[test]
    fn without_attempts_the_first_end_is_the_last() {
        let mut order = testing::order(1);
        order.restart.attempts = 0;
        let mut kept = Kept::new(order);
        end(&mut kept, 0);
        assert!(matches!(kept.stand, Stand::Failed { .. }));
    }

    #[test]
    fn a_clock_that_was_set_back_delays_nothing() {
        let mut kept = Kept::new(testing::order(1));
        end(&mut kept, 1_000_000_000);
        kept.reckon_from(Timestamp::from_millis(5000));
        assert_eq!(again(&kept), 6000);
    }

    #[test]
    fn no_wait_is_longer_than_the_longest() {
        let restart = testing::order(1).restart;
        for ends in [2, 3, 31, 32, 33, 64, 100_000] {
            assert!(wait(&restart, ends) <= restart.longest.duration(), "{ends}");
        }
        assert_eq!(wait(&restart, 50), restart.longest.duration());
    }
}
