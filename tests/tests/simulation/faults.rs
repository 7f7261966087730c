//! The single things that go wrong.

use std::time::Duration;

use tokio::time::sleep;

use super::agent;
use super::chaos::{Chaos, Good};
use super::ledger::runs;
use super::machine::{Fate, Life, Mortal, slow_disk};
use super::run::Sabotage;
use super::world::{self, End};

impl Chaos {
    pub fn agent_begins(&mut self, number: usize) {
        while self.agents.try_join_next().is_some() {}
        let machine = self.machines[number].clone();
        if self.sabotage == Sabotage::ForgetsFile {
            let _ = std::fs::remove_file(machine.folder.join("placements"));
        }
        let replace = slow_disk(self.random.u64(..));
        // Each life has a disk of its own speed.
        let life = agent::live(machine, self.seat.clone(), self.trace.clone(), replace);
        let fate = Fate::new();
        let task = self.agents.spawn(Mortal::new(life, fate.clone()));
        if let Some(before) = self.lives[number].replace(Life { fate, task, dies: false }) {
            before.end(None);
        }
    }

    pub fn agent_dies(&mut self, number: usize) {
        let polls = self.random.bool().then(|| self.random.u32(..40));
        let Some(life) = &mut self.lives[number] else { return };
        // It is ended for sure when the next one begins.
        if std::mem::replace(&mut life.dies, true) {
            return;
        }
        life.end(polls);
        let noticed = self.random.bool();
        self.trace.tell(format_args!(
            "h{number:02}'s agent dies ({polls:?}, {})",
            if noticed { "seen" } else { "unseen" }
        ));
        if !noticed {
            self.machines[number].line.fail(false, false);
        }
        self.later(0..20, Good::Agent(number));
    }

    pub fn reboots(&mut self, number: usize) {
        let machine = self.machines[number].clone();
        self.trace.tell(format_args!("h{number:02} reboots"));
        machine.line.fail(false, self.random.bool());
        if let Some(life) = self.lives[number].take() {
            life.end(None);
        }
        for instance in machine.technology.behind().into_iter().filter(runs) {
            world::end(&machine, &self.ledger, &instance.native, End::Told);
        }
        self.later(3..30, Good::Agent(number));
    }

    pub fn breaks(&mut self, number: usize) {
        let (agent, coordinator) = (self.random.bool(), self.random.bool());
        self.trace.tell(format_args!("h{number:02}'s connection breaks ({agent}, {coordinator})"));
        self.machines[number].line.fail(agent, coordinator);
    }

    /// Some hosts are parted from the coordinator.
    pub fn parts(&mut self) {
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

    pub fn slows(&mut self, number: usize) {
        let most = self.random.u64(100..4000);
        self.trace.tell(format_args!("h{number:02}'s line takes up to {most} ms"));
        self.machines[number].line.delay((most / 4, most));
        self.later(5..40, Good::Fast(number));
    }

    pub async fn coordinator_dies(&mut self) {
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

    pub fn instance_ends(&mut self, number: usize) {
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
        let id = &managed[self.random.usize(..managed.len())].native;
        let end = [End::Told, End::Told, End::Silent, End::Removed][self.random.usize(..4)];
        self.trace.tell(format_args!("h{number:02}: {id} ends, and nobody asked for it: {end:?}"));
        world::end(machine, &self.ledger, id, end);
    }

    pub fn technology_dies(&mut self, number: usize) {
        self.trace.tell(format_args!("h{number:02}'s technology dies"));
        self.machines[number].technology.die();
        self.later(1..30, Good::Technology(number));
    }

    pub fn technology_hangs(&mut self, number: usize) {
        self.trace.tell(format_args!("h{number:02}'s technology hangs"));
        self.machines[number].technology.hang();
        self.later(1..30, Good::Answers(number));
    }

    /// The coordinator's disk is full for a while.
    pub fn disk_fills(&mut self) {
        self.trace.tell("the coordinator's disk is full");
        self.seat.disk().fill();
        self.later(1..15, Good::Disk);
    }

    /// A commit fails half-way, and nobody knows whether it happened; from then on the disk takes
    /// none, until the coordinator was started anew.
    pub async fn disk_breaks(&mut self) {
        if self.seat.coordinator().is_none() {
            return;
        }
        self.trace.tell("the coordinator's disk fails at the next commit");
        self.seat.disk().fail();
        sleep(Duration::from_millis(self.random.u64(1..4000))).await;
        self.coordinator_dies().await;
    }
}
