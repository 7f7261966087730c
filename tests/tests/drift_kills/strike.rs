//! How somebody dies, and is there again.

use jiff::Timestamp;
use tamer_drift::Digest;
use tamer_tests::until;

use super::SETTLED;
use super::damage::harm;
use super::deed::Deed;
use super::disk::{Held, differ};
use super::fleet::{Fleet, HOSTS};
use super::memory::Memory;
use super::moment::{Aim, Moment, Victims};
use super::tally::{Phase, Tally};

/// Who was away, and what changed meanwhile.
#[derive(Default)]
pub struct Away {
    /// Hosts whose agents were dead.
    pub hosts: Vec<usize>,
    /// From when to when.
    pub from: Timestamp,
    pub to: Timestamp,
    /// What lay on the disks when somebody died.
    pub before: Vec<Held>,
    /// Files of each host that changed while it was dead.
    pub changed: Vec<usize>,
    /// Its memory was deleted.
    pub forgot: Option<usize>,
    /// The node that was harmed.
    pub harmed: Option<Digest>,
}

impl Fleet {
    /// Kills at the moment that was drawn, and starts again.
    pub fn strike(
        &mut self,
        moment: &mut Moment,
        known: &[Option<String>],
        tally: &mut Tally,
    ) -> Away {
        let Moment { victims, host, aim, .. } = *moment;
        self.wait_for(host, aim, &known[host]);
        for agent in &mut self.agents {
            agent.process.announce("no session: ");
        }
        let mut away = Away { from: Timestamp::now(), before: self.held(), ..Away::default() };
        if victims.has_coordinator() {
            self.coordinator.process.kill();
        }
        if victims.has_agent() {
            self.agents[host].process.kill();
            away.hosts.push(host);
        }
        tally.struck(self.phase(host, &known[host]), victims, known[host].is_none());
        self.meanwhile(moment, &mut away);
        away.to = Timestamp::now();
        self.again(host, victims, away.harmed.is_some());
        away
    }

    /// What happens while somebody is dead.
    fn meanwhile(&mut self, moment: &mut Moment, away: &mut Away) {
        let Moment { host, deed, edits, .. } = *moment;
        if deed.lets_change_meanwhile() && edits[1] > 0 {
            self.edit(moment, edits[1]);
        }
        match deed {
            Deed::Forget => {
                Memory::forget(&self.agent_data(host));
                away.forgot = Some(host);
            }
            Deed::Harm(how) => {
                let (data, root) =
                    (self.coordinator.settings.data.clone(), self.disks[host].root());
                let agent = self.agent_data(host);
                away.harmed = Some(harm(&data, &agent, root, how, &mut moment.draws));
            }
            Deed::Edit | Deed::Take | Deed::Set | Deed::Accept => {}
        }
        let after = self.held();
        let both = away.before.iter().zip(&after);
        away.changed = both.map(|(before, after)| differ(before, after).len()).collect();
    }

    /// Starts whoever died.
    fn again(&mut self, host: usize, victims: Victims, harmed: bool) {
        if victims.has_coordinator() {
            self.coordinator.restart();
        }
        if harmed {
            let process = &mut self.coordinator.process;
            process.announce("a node of an inventory was damaged");
            process.announce("nodes of inventories are not swept while one is missing");
        }
        if victims.has_agent() {
            self.agents[host].restart();
            self.agents[host].process.announce("no session: ");
        }
        self.ctl().all_ready(HOSTS, SETTLED);
    }

    fn wait_for(&self, host: usize, aim: Aim, known: &Option<String>) {
        let after = match aim {
            Aim::After(after) => after,
            Aim::Told(after) => {
                until("a picture is written down", SETTLED, || match self.written(host) {
                    Some(root) if Some(&root) != known.as_ref() => Ok(()),
                    root => Err(format!("{root:?}")),
                });
                after
            }
        };
        // The moment itself is what was drawn: there is nothing to wait for.
        std::thread::sleep(after);
    }

    /// The roots that agents have written down.
    pub fn known_roots(&self) -> Vec<Option<String>> {
        (0..HOSTS).map(|host| self.written(host)).collect()
    }

    fn written(&self, host: usize) -> Option<String> {
        Memory::read(&self.agent_data(host)).map(|memory| memory.root)
    }

    /// What was going on on a host when somebody died.
    fn phase(&self, host: usize, known: &Option<String>) -> Phase {
        let written = self.written(host);
        if written == *known {
            return Phase::Look;
        }
        let on_record = |root: &String| self.coordinator.process.stderr().contains(root.as_str());
        if written.as_ref().is_some_and(on_record) { Phase::Between } else { Phase::Upload }
    }
}
