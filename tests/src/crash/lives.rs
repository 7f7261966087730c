//! The lives of the programs of a fleet: who died is buried and started again.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::fleet::{ENDS, Fleet, Victim, name};
use super::journal;
use crate::{Coordinator, Process, Signal, within};

/// The most who die in one run: one with another, or one twice.
const DEATHS: usize = 2;

impl Fleet {
    /// Starts again who died, without an order.
    pub(super) fn revive(&mut self) {
        let coordinator_died = self.coordinator.process.poll().is_some();
        let agents = self.agents.iter_mut().enumerate();
        let mut dead: Vec<usize> =
            agents.filter_map(|(place, agent)| agent.process.poll().map(|_| place)).collect();
        if coordinator_died && let Some(place) = self.with.take() {
            self.agents[place].process.kill();
            dead.push(place);
        }
        if coordinator_died {
            let process = &mut self.coordinator.process;
            let (ended, log) = (process.poll(), process.stderr());
            self.bury(Victim::Coordinator, ended, log);
            self.restart_coordinator();
        }
        for place in dead {
            let process = &mut self.agents[place].process;
            let (ended, log) = (process.poll(), process.stderr());
            self.bury(Victim::Agent(place), ended, log);
            self.agents[place].restart();
            announce(&mut self.agents[place].process);
        }
    }

    /// Starts the coordinator until it serves: it may have the order to die before.
    fn restart_coordinator(&mut self) {
        loop {
            match Coordinator::try_start(self.coordinator.settings.clone()) {
                Ok(coordinator) => return self.coordinator = coordinator,
                Err(mut process) => {
                    let (ended, log) = (process.poll(), process.stderr());
                    assert!(
                        self.died.len() < DEATHS,
                        "no coordinator serves: {ended:?}; its log:\n{log}"
                    );
                    self.bury(Victim::Coordinator, ended, log);
                }
            }
        }
    }

    /// Takes back the order of who died, or gives the one for its next life, and keeps what it had
    /// said.
    fn bury(&mut self, victim: Victim, ended: Option<ExitStatus>, log: String) {
        // Those who abort at a point, and those who are killed with them.
        let ordered = [Signal::SIGABRT, Signal::SIGKILL].map(|signal| Some(signal as i32));
        if !ordered.contains(&ended.and_then(|status| status.signal())) {
            self.unordered = Some(format!("{victim} ended by itself: {ended:?}"));
        }
        let orders = self.orders.iter().find(|(whose, _)| *whose == victim);
        let orders = &orders.expect("everybody has orders").1;
        match self.again.take_if(|(whose, _)| *whose == victim) {
            Some((_, point)) => orders.give(self.run, Some(&point)),
            // Its passings stay for the story.
            None => orders.take_back(),
        }
        self.died.push((victim, log));
    }

    /// Waits until every journal is empty and everybody is in session again: no end is left that
    /// the coordinator does not have, and the next run begins as this one did.
    pub(super) fn settled(&mut self) -> Result<(), String> {
        within(ENDS, || {
            self.revive();
            for (place, agent) in self.agents.iter().enumerate() {
                let held = journal::held(&agent.settings.data)?;
                if !held.is_empty() {
                    return Err(format!("the journal of {} still holds {held:?}", name(place)));
                }
            }
            self.in_session()
        })
    }

    /// Whether every agent has found the life of the coordinator that runs now.
    fn in_session(&self) -> Result<(), String> {
        let sessions = |log: &str| log.matches("session is up").count();
        let lost = |log: &str| log.rfind("no session: ") > log.rfind("session is up");
        for (place, agent) in self.agents.iter().enumerate() {
            let log = agent.process.stderr();
            if sessions(&log) == 0 || lost(&log) {
                return Err(format!("{} has no session", name(place)));
            }
        }
        Ok(())
    }
}

/// What an agent may warn of while others and itself die.
pub(super) fn announce(process: &mut Process) {
    process.announce("no session: ");
    process.announce("a task was interrupted");
    process.announce("cut the torn end of the journal");
}
