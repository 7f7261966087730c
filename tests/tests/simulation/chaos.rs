//! Everything that goes wrong, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tamer_agent::placements::Replace;
use tamer_model::InstanceState;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::agent;
use super::ledger::{Ledger, runs};
use super::machine::{Fate, Life, Machine, Mortal};
use super::run::Sabotage;
use super::seat::Seat;
use super::trace::Trace;
use super::world;

pub struct Chaos {
    machines: Vec<Arc<Machine>>,
    lives: Vec<Option<Life>>,
    seat: Seat,
    ledger: Ledger,
    trace: Trace,
    random: fastrand::Rng,
    sabotage: Sabotage,
    /// What is to be made good, and when.
    later: Vec<(Instant, Good)>,
    agents: JoinSet<()>,
    /// How many agents began: each has disks of its own speed.
    begun: Arc<AtomicU64>,
}

/// The end of something bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Good {
    Agent(usize),
    Coordinator,
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
            begun: Arc::default(),
        }
    }

    /// How long the faults last.
    pub fn lasts(&mut self) -> Duration {
        Duration::from_secs(self.random.u64(60..240))
    }

    /// Until something happens again.
    pub fn pause(&mut self) -> Duration {
        Duration::from_millis(match self.random.u8(..10) {
            0 => self.random.u64(3000..12_000),
            1..=3 => self.random.u64(0..20),
            _ => self.random.u64(100..3000),
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
        match self.random.u8(..24) {
            0..=3 => self.agent_dies(number),
            4 => self.reboots(number),
            5..=7 => self.breaks(number),
            8..=10 => self.parts(),
            11 | 12 => self.slows(number),
            13..=15 => self.coordinator_dies().await,
            16..=19 => self.instance_ends(number),
            20 | 21 => self.technology_dies(number),
            _ => self.technology_hangs(number),
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
            Good::Coordinator => self.seat.begin().await,
            Good::Line(number) => self.machines[number].line.cut(false),
            Good::Fast(number) => self.machines[number].line.delay((0, 5)),
            Good::Technology(number) => self.machines[number].technology.come_back(),
            Good::Answers(number) => self.machines[number].technology.unhang(),
        }
        self.trace.tell(format_args!("good again: {good:?}"));
    }

    fn later(&mut self, seconds: std::ops::Range<u64>, good: Good) {
        if self.later.iter().all(|(_, other)| *other != good) {
            let millis = self.random.u64(seconds.start * 1000..seconds.end * 1000);
            self.later.push((Instant::now() + Duration::from_millis(millis), good));
        }
    }

    fn agent_begins(&mut self, number: usize) {
        while self.agents.try_join_next().is_some() {}
        let machine = self.machines[number].clone();
        if self.sabotage == Sabotage::ForgetsFile {
            let _ = std::fs::remove_file(machine.folder.join("placements"));
        }
        let seed = self.begun.fetch_add(1, Ordering::Relaxed) ^ self.random.u64(..);
        let replace = slow_disk(seed);
        let life = agent::live(machine, self.seat.clone(), self.trace.clone(), replace);
        let fate = Fate::new();
        let task = self.agents.spawn(Mortal::new(life, fate.clone()));
        if let Some(before) = self.lives[number].replace(Life { fate, task }) {
            before.end(None);
        }
    }

    fn agent_dies(&mut self, number: usize) {
        let Some(life) = self.lives[number].take() else { return };
        let polls = self.random.bool().then(|| self.random.u32(..40));
        let noticed = self.random.bool();
        self.trace.tell(format_args!(
            "h{number:02}'s agent dies ({polls:?}, {})",
            if noticed { "seen" } else { "unseen" }
        ));
        if !noticed {
            self.machines[number].line.fail(false, false);
        }
        life.end(polls);
        self.later(0..20, Good::Agent(number));
    }

    fn reboots(&mut self, number: usize) {
        let machine = self.machines[number].clone();
        self.trace.tell(format_args!("h{number:02} reboots"));
        machine.line.fail(false, self.random.bool());
        if let Some(life) = self.lives[number].take() {
            life.end(None);
        }
        for instance in machine.technology.behind().into_iter().filter(runs) {
            world::end(&machine, &self.ledger, &instance.native, InstanceState::Failed);
        }
        self.later(3..30, Good::Agent(number));
    }

    fn breaks(&mut self, number: usize) {
        let (agent, coordinator) = (self.random.bool(), self.random.bool());
        self.trace.tell(format_args!("h{number:02}'s connection breaks ({agent}, {coordinator})"));
        self.machines[number].line.fail(agent, coordinator);
    }

    /// Some hosts are parted from the coordinator.
    fn parts(&mut self) {
        let most = if self.random.u8(..4) == 0 { self.machines.len() } else { 5 };
        let many = self.random.usize(1..=most);
        let last = self.random.u64(1..60);
        for _ in 0..many {
            let number = self.random.usize(..self.machines.len());
            self.machines[number].line.cut(true);
            self.trace.tell(format_args!("h{number:02} is cut off"));
            self.later(last..last + 2, Good::Line(number));
        }
    }

    fn slows(&mut self, number: usize) {
        let most = self.random.u64(100..4000);
        self.trace.tell(format_args!("h{number:02}'s line takes up to {most} ms"));
        self.machines[number].line.delay((most / 4, most));
        self.later(5..40, Good::Fast(number));
    }

    async fn coordinator_dies(&mut self) {
        if self.seat.coordinator().is_none() {
            return;
        }
        let seen = self.random.bool();
        let polls = self.random.bool().then(|| self.random.u32(..200));
        self.trace.tell(format_args!("the coordinator dies ({polls:?}, {seen})"));
        if let Some(polls) = polls {
            self.seat.seal(polls);
            sleep(Duration::from_millis(self.random.u64(1..50))).await;
        }
        if !seen {
            self.machines.iter().for_each(|machine| machine.line.fail(false, false));
        }
        self.seat.end();
        self.later(0..20, Good::Coordinator);
    }

    fn instance_ends(&mut self, number: usize) {
        let machine = &self.machines[number];
        let managed: Vec<_> = machine
            .technology
            .behind()
            .into_iter()
            .filter(|instance| instance.managed && runs(instance))
            .collect();
        if managed.is_empty() {
            return;
        }
        let instance = &managed[self.random.usize(..managed.len())];
        self.trace.tell(format_args!("h{number:02}: {} dies by itself", instance.native));
        world::end(machine, &self.ledger, &instance.native, InstanceState::Failed);
    }

    fn technology_dies(&mut self, number: usize) {
        self.trace.tell(format_args!("h{number:02}'s technology dies"));
        self.machines[number].technology.die();
        self.later(1..30, Good::Technology(number));
    }

    fn technology_hangs(&mut self, number: usize) {
        self.trace.tell(format_args!("h{number:02}'s technology hangs"));
        self.machines[number].technology.hang();
        self.later(1..30, Good::Answers(number));
    }
}

/// A disk that takes its time and writes for sure; whoever dies meanwhile has written, or not.
fn slow_disk(seed: u64) -> Replace {
    let drawn = Arc::new(AtomicU64::new(seed));
    Arc::new(move |path, bytes| {
        let seed = drawn.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mut random = fastrand::Rng::with_seed(seed);
        Box::pin(async move {
            let most = if random.u8(..) < 8 { 300 } else { 4 };
            sleep(Duration::from_millis(random.u64(..most))).await;
            let mut new = path.clone().into_os_string();
            new.push(".new");
            std::fs::write(&new, bytes)?;
            std::fs::rename(&new, path)?;
            sleep(Duration::from_millis(random.u64(..most))).await;
            Ok(())
        })
    })
}
