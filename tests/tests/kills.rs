//! Kills: a coordinator, an agent or both die in the middle of batches, at seeded moments. What
//! was acknowledged stays, every task ends truthfully, and nothing runs twice.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a failure is told by its seed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tamer_tests::{
    Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Process, program, soak, states,
    until,
};

const AGENTS: usize = 3;
const MOMENTS: u64 = 20;
/// Batches in flight at the moment of a kill.
const BATCHES: usize = 3;
const SETTLED: Duration = Duration::from_secs(60);

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victims {
    Coordinator,
    Agent,
    Both,
}

#[test]
fn killed_at_seeded_moments() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut fleet = Fleet::start(folder.path());
    let first = std::env::var("TAMER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + MOMENTS * soak() {
        fleet.moment(seed);
    }
    // A campaign that met no running task would show nothing.
    println!("{} batches acknowledged; ends: {:?}", fleet.acknowledged.len(), fleet.ends());
    assert!(fleet.ends().get("interrupted").is_some_and(|count| *count > 0), "{:?}", fleet.ends());
}

struct Fleet {
    // Dropped first: an agent warns when its coordinator goes away.
    agents: Vec<Agent>,
    coordinator: Coordinator,
    /// Every command appends its task's name to this file.
    effects: PathBuf,
    /// What tamerctl said was done, and must be there for ever: the ids of batches.
    acknowledged: Vec<String>,
    /// The value of the label that was last acknowledged.
    label: Option<String>,
}

impl Fleet {
    fn start(folder: &Path) -> Self {
        let coordinator = Coordinator::start(CoordinatorSettings::here(folder));
        let ctl = coordinator.ctl();
        let token = ctl.token(AGENTS);
        let agent = |number| {
            Agent::start(AgentSettings::here(
                folder,
                &format!("host{number}"),
                &coordinator,
                &token,
            ))
        };
        let agents = (0..AGENTS).map(agent).collect();
        ctl.all_ready(AGENTS, SETTLED);
        let effects = folder.join("effects");
        Self { coordinator, agents, effects, acknowledged: Vec::new(), label: None }
    }

    fn ctl(&self) -> Ctl {
        self.coordinator.ctl()
    }

    fn moment(&mut self, seed: u64) {
        let mut draws = fastrand::Rng::with_seed(seed);
        let victims = [Victims::Coordinator, Victims::Agent, Victims::Both][draws.usize(..3)];
        let victim = draws.usize(..AGENTS);
        let delay = Duration::from_millis(draws.u64(..600));
        let busy = Duration::from_millis(draws.u64(..600));
        println!("seed {seed}: {victims:?}, host{victim}, after {delay:?}, commands of {busy:?}");
        // Whoever is left alone warns of the other's death.
        for agent in &mut self.agents {
            agent.process.announce("no session: ");
        }

        let command =
            format!("echo $TAMER_TASK >> {}; sleep {}", self.effects.display(), busy.as_secs_f64());
        let ctl = self.ctl();
        let asked: Vec<Process> = (0..BATCHES)
            .map(|_| {
                let arguments = ["-o", "json", "run", "--detach", "--", "sh", "-c", &command];
                Process::tool("tamerctl run", &mut ctl.command(&arguments))
            })
            .collect();
        let label = format!("seed={seed}");
        let labelled =
            Process::tool("label", &mut ctl.command(&["host", "label", "host0", &label]));

        std::thread::sleep(delay);
        if victims != Victims::Agent {
            self.coordinator.process.kill();
        }
        if victims != Victims::Coordinator {
            self.agents[victim].process.kill();
        }
        if victims != Victims::Agent {
            self.coordinator.restart();
        }
        if victims != Victims::Coordinator {
            self.agents[victim].restart();
            self.agents[victim].process.announce("a task was interrupted");
            self.agents[victim].process.announce("no session: ");
            // A record that was being written when the program died was acknowledged to nobody.
            self.agents[victim].process.announce("cut the torn end of the journal");
        }

        // Whose request was under way asks again, and must not be served twice.
        let answers: Vec<_> = asked.into_iter().map(|asked| asked.finish(SETTLED)).collect();
        let labelled = labelled.finish(SETTLED);
        // A moment that kills the coordinator may have acknowledged few of its batches, or none.
        let earlier = self.acknowledged.len();
        for answer in answers.iter().filter(|answer| answer.code() == 0) {
            let batch: Value = serde_json::from_slice(&answer.stdout).expect("json");
            self.acknowledged.push(batch["batch"].as_str().expect("an id").to_owned());
        }
        if labelled.code() == 0 {
            self.label = Some(seed.to_string());
        }
        self.settle();
        self.check(victims, &format!("host{victim}"), draws.bool(), earlier);
    }

    /// How many tasks of acknowledged batches ended how.
    fn ends(&self) -> BTreeMap<String, usize> {
        let mut ends = BTreeMap::new();
        for id in &self.acknowledged {
            let (batch, _) = self.ctl().json_code(&["batch", "show", id]);
            for state in states(&batch["tasks"]).into_values() {
                *ends.entry(state).or_default() += 1;
            }
        }
        ends
    }

    fn settle(&self) {
        let ctl = self.ctl();
        ctl.all_ready(AGENTS, SETTLED);
        until("every batch ended", SETTLED, || {
            let running = ctl.json(&["status"])["running_batches"].clone();
            if running == 0 { Ok(()) } else { Err(format!("{running} batches run")) }
        });
    }

    /// Looks at every acknowledged batch of this moment, or at all since the beginning.
    fn check(&mut self, victims: Victims, victim: &str, all: bool, recent: usize) {
        let ctl = self.ctl();
        if let Some(value) = &self.label {
            let hosts = ctl.json(&["host", "ls"]);
            let host =
                hosts.as_array().and_then(|hosts| hosts.iter().find(|h| h["name"] == "host0"));
            // A label that was stored and not acknowledged may be newer.
            let stored =
                host.expect("host0")["labels"]["seed"].as_str().expect("a label").to_owned();
            let number = |text: &str| text.parse::<u64>().expect("a seed");
            assert!(
                number(&stored) >= number(value),
                "label {value} was acknowledged, {stored} is there"
            );
        }
        let effects = effects(&self.effects);
        let twice: Vec<_> = effects.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "ran more than once: {twice:?}");
        let batches = if all { &self.acknowledged[..] } else { &self.acknowledged[recent..] };
        for (number, id) in batches.iter().enumerate() {
            let now = !all || number >= recent;
            let (batch, _) = ctl.json_code(&["batch", "show", id]);
            let tasks =
                batch["tasks"].as_array().unwrap_or_else(|| panic!("the tasks of {id}: {batch:#}"));
            assert_eq!(tasks.len(), AGENTS, "{batch:#}");
            for task in tasks {
                let unharmed = now && (victims == Victims::Coordinator || task["name"] != victim);
                truthful(id, task, &effects, unharmed);
            }
        }
    }
}

fn truthful(batch: &str, task: &Value, effects: &BTreeMap<String, usize>, unharmed: bool) {
    let host = task["host"].as_str().expect("a host");
    let happened = effects.keys().any(|effect| effect.contains(batch) && effect.contains(host));
    let state = task["state"].as_str().expect("a state");
    let fits = match state {
        "succeeded" => happened,
        "never_started" => !happened && !unharmed,
        "interrupted" => !unharmed,
        // No command here fails, runs out of time or is cancelled.
        _ => false,
    };
    assert!(fits, "batch {batch}: effect {happened}, host unharmed {unharmed}, told {task:#}");
}

/// How often each task wrote its line.
fn effects(file: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(file).unwrap_or_default().lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn an_agent_that_dies_in_a_task_says_interrupted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut fleet = Fleet::start(folder.path());
    let started = folder.path().join("started");
    let script = format!("echo x >> {}; sleep 30", started.display());
    let ctl = fleet.ctl();
    let batch = ctl.json(&["run", "--detach", "--", "sh", "-c", &script]);
    let id = batch["batch"].as_str().expect("an id");
    until("all started", SETTLED, || match fs::read_to_string(&started) {
        Ok(lines) if lines.lines().count() == AGENTS => Ok(()),
        seen => Err(format!("{seen:?}")),
    });
    for agent in &mut fleet.agents {
        agent.process.kill();
        agent.restart();
        agent.process.announce("a task was interrupted");
    }
    fleet.settle();
    let (batch, code) = ctl.json_code(&["batch", "show", id]);
    assert_eq!(batch["state"], "failed", "{batch:#}");
    assert!(
        batch["tasks"].as_array().expect("tasks").iter().all(|task| task["state"] == "interrupted"),
        "{batch:#}"
    );
    assert!(code == 0 || code == 1, "`batch show` ended with {code}");
    assert_eq!(fs::read_to_string(&started).map(|lines| lines.lines().count()).ok(), Some(AGENTS));
    assert!(program("tamerctl").exists());
}
