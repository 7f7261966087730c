//! What people do to a workload and its hosts.

use tamer_model::{Run, Timestamp};
use tamer_scheduler::desire::Draining;

use crate::world::{Dice, Host, Nature, World, host};

impl World {
    /// A person applies a change of what copies are.
    pub fn apply(&mut self, nature: Nature) {
        self.workload.version += 1;
        self.workload.template = self.workload.version;
        self.workload.update = None;
        self.natures.insert(self.workload.template, nature);
    }

    /// A person goes back to a template.
    pub fn revert(&mut self, to: u32) {
        self.workload.version += 1;
        self.workload.template = to;
        self.workload.update = None;
    }

    pub fn scale(&mut self, to: u32) {
        self.workload.version += 1;
        self.workload.spec.run = match self.workload.spec.run {
            Run::Count(_) => Run::Count(to),
            Run::EveryHost => Run::EveryHost,
            Run::ToCompletion { parallelism, .. } => {
                Run::ToCompletion { completions: to.max(1), parallelism }
            }
        };
    }

    pub fn drain(&mut self, number: u8, deadline: Option<u64>) {
        let deadline = deadline.map(|ms| Timestamp::from_millis(self.now.as_millis() + ms));
        let host = self.hosts.get_mut(&host(number)).expect("it is there");
        host.drain = Some(Draining { deadline, keep_every_host: false });
    }

    /// Something that a person does.
    pub fn act(&mut self, dice: &mut Dice) {
        let number = 1 + dice.below(self.hosts.len() as u64) as u8;
        let id = host(number);
        match dice.below(16) {
            0 | 1 => self.scale(dice.below(7) as u32),
            2 | 3 => self.apply(Nature::Good),
            4 => self.apply(Nature::Fails),
            5 => self.apply(Nature::Unwell),
            6 => self.revert(1 + dice.below(u64::from(self.workload.template)) as u32),
            7 => self.workload.stopped = !self.workload.stopped,
            8 => self.drain(number, None),
            9 => {
                let deadline = dice.below(60_000);
                self.drain(number, Some(deadline));
            }
            10 | 11 => self.hosts.get_mut(&id).expect("it is there").drain = None,
            12 => {
                let host = self.hosts.get_mut(&id).expect("it is there");
                host.unfit = !host.unfit;
            }
            13 if self.hosts.len() < 9 => {
                let next = host(self.hosts.len() as u8 + 1);
                self.hosts.insert(next, Host { room: 3, ..Host::default() });
            }
            14 if dice.chance(30) => self.remove_host(id),
            _ => self.balance(dice),
        }
    }

    /// Moves a copy, where the limit leaves something.
    fn balance(&mut self, dice: &mut Dice) {
        if self.workload.spec.run == Run::EveryHost || self.workload.stopped {
            return;
        }
        let desire = self.desire();
        let alone = |index: u32| {
            let of = |copy: &&crate::world::Copy| copy.record.index == index;
            self.copies.values().filter(of).count() == 1
        };
        let copies: Vec<_> = self
            .copies
            .values()
            .filter(|copy| copy.record.template == self.workload.template)
            .filter(|copy| copy.record.wanted() && alone(copy.record.index))
            .map(|copy| (copy.record.id, copy.record.host))
            .collect();
        let hosts: Vec<_> =
            self.hosts.iter().filter(|(_, host)| host.takes()).map(|(id, _)| *id).collect();
        if desire.spare == 0 || !desire.demands.is_empty() || copies.is_empty() || hosts.is_empty()
        {
            return;
        }
        let (id, from) = copies[dice.below(copies.len() as u64) as usize];
        let to = hosts[dice.below(hosts.len() as u64) as usize];
        if self.well(id) && to != from && self.copies[&id].told == self.copies[&id].real {
            self.rebalance(id, to);
        }
    }
}
