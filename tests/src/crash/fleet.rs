//! One coordinator and eight agents that live through a whole campaign, in many lives.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tamer_proto::wire;

use super::check::{Seen, check};
use super::control::{Control, Trouble};
use super::order::Orders;
use super::scenario::{Person, Scenario};
use super::{Kill, effects, lives};
use crate::{Agent, AgentSettings, Coordinator, CoordinatorSettings, within};

/// How many hosts a batch has.
pub const HOSTS: usize = 8;
/// A batch of a second, two restarts, and a machine that does other things too.
pub(super) const ENDS: Duration = Duration::from_secs(60);
/// Between two looks at who died and what the batch does.
const LOOK: Duration = Duration::from_millis(10);

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// The coordinator.
    Coordinator,
    /// The agent at this place.
    Agent(usize),
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coordinator => f.write_str("coordinator"),
            Self::Agent(place) => f.write_str(&name(*place)),
        }
    }
}

/// The fleet.
pub struct Fleet {
    // Dropped first: an agent warns when its coordinator goes away.
    pub(super) agents: Vec<Agent>,
    pub(super) coordinator: Coordinator,
    pub(super) control: Control,
    /// The ids of the hosts, by place.
    pub(super) hosts: Vec<String>,
    pub(super) orders: Vec<(Victim, Orders)>,
    pub(super) folder: PathBuf,
    pub(super) run: u64,
    /// Who died in this run, and the end of the log of that life.
    pub(super) died: Vec<(Victim, String)>,
    /// What is left of the order: who dies together with the one who has it, and where the next
    /// life of that one dies.
    pub(super) with: Option<usize>,
    pub(super) again: Option<(Victim, String)>,
    /// Who ended in this run and had not been ordered to.
    pub(super) unordered: Option<String>,
}

/// What came of one run.
#[derive(Debug)]
pub struct Run {
    /// How many died.
    pub died: usize,
    /// What every program passed.
    pub passed: Vec<(Victim, Vec<String>)>,
}

impl Fleet {
    /// Starts it, with everything in `folder`, and waits until everybody is in session.
    ///
    /// # Panics
    /// When that does not come to pass.
    pub fn start(folder: &Path) -> Self {
        let orders = |victim: Victim| Orders::of(folder, &victim.to_string());
        let env = vec![orders(Victim::Coordinator).environment()];
        let settings = CoordinatorSettings { env, ..CoordinatorSettings::here(folder) };
        let coordinator = Coordinator::start(settings);
        let address = coordinator.address.parse().expect("an address");
        let mut control =
            Control::new(&coordinator.settings.data, address).expect("the coordinator answers");
        let token = control.token(HOSTS as u32).expect("a token");
        let start = |place| {
            let mut settings = AgentSettings::here(folder, &name(place), &coordinator, &token)
                .set("redial_longest", "100ms")
                .set("providers.docker.enabled", "false")
                .set("providers.podman.enabled", "false")
                .set("providers.libvirt.enabled", "false");
            settings.env.push(orders(Victim::Agent(place)).environment());
            Agent::start(settings)
        };
        let agents: Vec<_> = (0..HOSTS).map(start).collect();
        let victims = (0..HOSTS).map(Victim::Agent).chain([Victim::Coordinator]);
        let orders = victims.map(|victim| (victim, orders(victim))).collect();
        let mut fleet = Self {
            agents,
            coordinator,
            control,
            hosts: Vec::new(),
            orders,
            folder: folder.to_owned(),
            run: 0,
            died: Vec::new(),
            with: None,
            again: None,
            unordered: None,
        };
        fleet.agents.iter_mut().for_each(|agent| lives::announce(&mut agent.process));
        fleet.hosts = within(ENDS, || fleet.control.hosts().map_err(debug).and_then(all_ready))
            .unwrap_or_else(|last| panic!("not all hosts are ready: {last}"));
        fleet
    }

    /// Runs a batch while one passing of a point kills, or nobody dies.
    ///
    /// # Errors
    /// What a promise was broken by, with all that is known.
    pub fn run(&mut self, scenario: Scenario, kill: Option<&Kill>) -> Result<Run, String> {
        self.run += 1;
        self.died.clear();
        self.with = kill.and_then(|kill| kill.with);
        self.again = kill.and_then(|kill| Some((kill.victim, kill.again.clone()?)));
        for (victim, orders) in &self.orders {
            let point = kill.filter(|kill| kill.victim == *victim);
            orders.give(self.run, point.map(|kill| kill.point.as_str()));
        }
        let ran = self.batch(scenario);
        let passed =
            self.orders.iter().map(|(victim, orders)| (*victim, orders.passed())).collect();
        self.orders.iter().for_each(|(_, orders)| orders.take_back());
        let run = Run { died: self.died.len(), passed };
        let ran = ran.and_then(|()| self.settled());
        match self.unordered.take().map_or(ran, Err) {
            Ok(()) => Ok(run),
            Err(why) => Err(format!("{why}\n{}", self.story(&run))),
        }
    }

    /// Drives a batch to its end and checks what is told of it.
    fn batch(&mut self, scenario: Scenario) -> Result<(), String> {
        let effects_file = self.folder.join(format!("effects-{}", self.run));
        let spec = scenario.spec(&self.hosts, &effects_file);
        let request = format!("crash-{}", self.run);
        let begun = Instant::now();
        let mut person = Person::default();
        let mut batch = None;
        loop {
            self.revive();
            let looked = self.look(batch.as_ref(), &request, &spec).and_then(|seen| {
                let effects = effects::read(&effects_file);
                scenario.act(&mut person, &mut self.control, &seen, &effects).map(|()| seen)
            });
            match looked {
                Ok(seen) if seen.ended_at.is_some() => break batch = Some(seen),
                Ok(seen) => batch = Some(seen),
                Err(Trouble::Gone(_)) => {}
                Err(Trouble::Broken(why)) => return Err(why),
                Err(Trouble::Refused(status)) => return Err(format!("refused: {status:?}")),
            }
            if begun.elapsed() > ENDS {
                let tasks = batch.as_ref().map(|batch| self.control.tasks(&batch.id));
                return Err(format!("no end within {ENDS:?}: {batch:#?}\n{tasks:#?}"));
            }
            std::thread::sleep(LOOK);
        }
        let batch = batch.expect("it ended");
        let tasks = within(ENDS, || {
            self.revive();
            self.control.tasks(&batch.id).map_err(debug)
        })?;
        let harmed: BTreeSet<usize> = self
            .died
            .iter()
            .filter_map(|(victim, _)| match victim {
                Victim::Coordinator => None,
                Victim::Agent(place) => Some(*place),
            })
            .collect();
        let seen = Seen {
            scenario,
            hosts: &self.hosts,
            harmed,
            effects: effects::read(&effects_file),
            batch,
            tasks,
        };
        check(&seen).map_err(|why| format!("{}\n{seen:#?}", why.join("\n")))
    }

    /// The batch of this run, made if it is not known to be there.
    fn look(
        &mut self,
        known: Option<&wire::Batch>,
        request: &str,
        spec: &wire::BatchSpec,
    ) -> Result<wire::Batch, Trouble> {
        match known {
            Some(batch) => self.control.batch(&batch.id),
            // Asking again is the same request.
            None => self.control.create(request, spec),
        }
    }

    /// All that helps to understand a failure.
    fn story(&self, run: &Run) -> String {
        let mut story = String::new();
        for (victim, log) in &self.died {
            let passed = run.passed.iter().find(|(whose, _)| whose == victim);
            let passed = passed.map(|(_, passed)| passed.join(" ")).unwrap_or_default();
            story += &format!("--- {victim} died; it had passed: {passed}\n--- its log:\n{log}\n");
        }
        let coordinator = self.coordinator.process.stderr();
        story += &format!("--- the coordinator that runs now:\n{coordinator}\n");
        for (place, agent) in self.agents.iter().enumerate() {
            let log = agent.process.stderr();
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(8)..].join("\n");
            story += &format!("--- the last of {}:\n{last}\n", name(place));
        }
        story
    }
}

pub(super) fn name(place: usize) -> String {
    format!("host{}", place + 1)
}

fn all_ready(hosts: Vec<wire::Host>) -> Result<Vec<String>, String> {
    let ready = hosts.iter().filter(|host| host.state == "ready").count();
    match ready == HOSTS {
        true => Ok(hosts.into_iter().map(|host| host.id).collect()),
        false => Err(format!("{ready} hosts are ready")),
    }
}

fn debug(error: Trouble) -> String {
    format!("{error:?}")
}
