//! Everything that goes wrong, and when.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::ledger::Ledger;
use super::machine::{Life, Machine};
use super::run::Sabotage;
use super::seat::Seat;
use super::trace::Trace;

pub struct Chaos {
    pub machines: Vec<Arc<Machine>>,
    pub lives: Vec<Option<Life>>,
    pub seat: Seat,
    pub ledger: Ledger,
    pub trace: Trace,
    pub random: fastrand::Rng,
    pub sabotage: Sabotage,
    pub agents: JoinSet<()>,
    /// What is to be made good, and when.
    later: Vec<(Instant, Good)>,
}

/// The end of something bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Good {
    Agent(usize),
    Coordinator,
    Disk,
    Line(usize),
    Fast(usize),
    Technology(usize),
    Answers(usize),
}

impl Chaos {
    pub fn new(
        machines: Vec<Arc<Machine>>,
        seat: Seat,
        ledger: Ledger,
        trace: Trace,
        seed: u64,
        sabotage: Sabotage,
    ) -> Self {
        Self {
            lives: machines.iter().map(|_| None).collect(),
            machines,
            seat,
            ledger,
            trace,
            random: fastrand::Rng::with_seed(seed),
            sabotage,
            later: Vec::new(),
            agents: JoinSet::new(),
        }
    }

    /// How long the faults last.
    pub fn lasts(&mut self) -> Duration {
        Duration::from_secs(self.random.u64(25..80))
    }

    /// Until something happens again.
    pub fn pause(&mut self) -> Duration {
        Duration::from_millis(match self.random.u8(..10) {
            0 => self.random.u64(2000..9000),
            1..=3 => self.random.u64(0..20),
            _ => self.random.u64(50..2000),
        })
    }

    /// Whether what happens next is a fault, and not something that people do.
    pub fn is_next(&mut self) -> bool {
        self.random.u8(..4) > 0
    }

    pub fn begin_all(&mut self) {
        (0..self.machines.len()).for_each(|number| self.agent_begins(number));
    }

    /// Something goes wrong, and what was to be made good by now is.
    pub async fn act(&mut self) {
        self.make_good(Some(Instant::now())).await;
        let number = self.random.usize(..self.machines.len());
        match self.random.u8(..26) {
            0..=3 => self.agent_dies(number),
            4 => self.reboots(number),
            5..=7 => self.breaks(number),
            8..=10 => self.parts(),
            11 | 12 => self.slows(number),
            13..=15 => self.coordinator_dies().await,
            16..=19 => self.instance_ends(number),
            20 | 21 => self.technology_dies(number),
            22 | 23 => self.technology_hangs(number),
            24 => self.disk_fills(),
            _ => self.disk_breaks().await,
        }
    }

    /// Everything is made good.
    pub async fn end(&mut self) {
        // What was told to die at a later await point has done so by then.
        sleep(Duration::from_secs(1)).await;
        self.make_good(None).await;
    }

    async fn make_good(&mut self, until: Option<Instant>) {
        let (due, later) = std::mem::take(&mut self.later)
            .into_iter()
            .partition(|(at, _)| until.is_none_or(|until| *at <= until));
        self.later = later;
        for (_, good) in Vec::from_iter::<Vec<(Instant, Good)>>(due) {
            self.good(good).await;
        }
    }

    async fn good(&mut self, good: Good) {
        match good {
            Good::Agent(number) => self.agent_begins(number),
            Good::Coordinator => {
                // It may have failed meanwhile, and somebody starts the program anew.
                self.seat.disk().heal();
                self.seat.begin().await;
            }
            Good::Disk => self.seat.disk().empty(),
            Good::Line(number) => self.machines[number].line.cut(false),
            Good::Fast(number) => self.machines[number].line.delay((0, 5)),
            Good::Technology(number) => self.machines[number].technology.come_back(),
            Good::Answers(number) => self.machines[number].technology.unhang(),
        }
        self.trace.tell(format_args!("good again: {good:?}"));
    }

    /// It is good again after so many seconds, unless that was to happen before.
    pub fn later(&mut self, seconds: std::ops::Range<u64>, good: Good) {
        if self.later.iter().all(|(_, other)| *other != good) {
            let millis = self.random.u64(seconds.start * 1000..seconds.end * 1000);
            self.later.push((Instant::now() + Duration::from_millis(millis), good));
        }
    }
}
