//! The fleet of these tests, how it is asked, and how their stories are told.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tamer_tests::{Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Process, until};
use tempfile::TempDir;

/// What a debug build on two busy cores does in a second or two may take this long.
pub const SOON: Duration = Duration::from_secs(30);

/// A coordinator and hosts. Those who ask are dropped before those who are asked.
pub struct Scene {
    pub ctl: Ctl,
    pub agents: Vec<Agent>,
    pub coordinator: Coordinator,
    pub folder: TempDir,
}

/// A part of a story.
pub type Part = (&'static str, fn(&mut Scene));

/// Tells a story on one fleet. A part that fails hides none of the others.
///
/// # Panics
/// When a part failed, with the names of those that did.
pub fn tell(mut scene: Scene, parts: &[Part]) {
    let mut failed = Vec::new();
    for (name, part) in parts {
        let begun = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| part(&mut scene))).is_err() {
            failed.push(*name);
        }
        println!("{name}: {:?}", begun.elapsed());
    }
    assert!(failed.is_empty(), "these parts failed, each told above: {failed:?}");
}

impl Scene {
    /// So many hosts: host1 and host2 are `role=web`, the others `role=db`.
    pub fn start(hosts: usize) -> Self {
        let names: Vec<String> = (1..=hosts).map(|number| format!("host{number}")).collect();
        let mut scene = Self::of(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (at, name) in names.iter().enumerate() {
            scene.label(name, if at < 2 { "role=web" } else { "role=db" });
        }
        scene
    }

    /// Hosts of these names.
    pub fn of(names: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("tb").tempdir().expect("a folder");
        let coordinator = Coordinator::start(CoordinatorSettings::here(folder.path()));
        let ctl = coordinator.ctl();
        let mut scene = Self { ctl, agents: Vec::new(), coordinator, folder };
        scene.join(names);
        scene
    }

    /// More hosts, once they are ready.
    pub fn join(&mut self, names: &[&str]) {
        let token = self.ctl.token(names.len());
        for name in names {
            let settings = AgentSettings::here(self.folder.path(), name, &self.coordinator, &token);
            let agent = Agent::start(self.known_as(settings));
            self.agents.push(agent);
        }
        self.ctl.all_ready(self.agents.len(), SOON);
    }

    /// All hosts are this machine: a command knows its own by the program `me`, which says its
    /// name.
    fn known_as(&self, mut settings: AgentSettings) -> AgentSettings {
        let folder = self.folder.path().join(format!("{}.bin", settings.name));
        fs::create_dir(&folder).expect("a folder");
        let me = folder.join("me");
        fs::write(&me, format!("#!/bin/sh\necho {}\n", settings.name)).expect("a program");
        fs::set_permissions(&me, fs::Permissions::from_mode(0o755)).expect("its mode");
        let path = std::env::var("PATH").expect("a path");
        settings.env.push(("PATH".to_owned(), format!("{}:{path}", folder.display())));
        let quiet = ["docker", "podman", "libvirt"].map(|name| format!("providers.{name}.enabled"));
        quiet.iter().fold(settings, |settings, key| settings.set(key, "false"))
    }

    /// Labels a host.
    pub fn label(&mut self, host: &str, label: &str) {
        self.ctl.json(&["host", "label", host, label]);
    }

    /// The agent of a host.
    pub fn agent(&mut self, host: &str) -> &mut Agent {
        let agent = self.agents.iter_mut().find(|agent| agent.settings.name == host);
        agent.unwrap_or_else(|| panic!("no agent {host}"))
    }

    /// A path in the scene's own folder, as text.
    pub fn path(&self, name: &str) -> String {
        path_text(self.folder.path().join(name))
    }

    /// A file of the scene.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        path
    }

    /// What is in a file; nothing when it is not there.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs a batch to its end: what it came to, and the exit code.
    #[track_caller]
    pub fn ran(&self, arguments: &[&str]) -> (Value, i32) {
        self.ctl.json_code(&[&["run"], arguments].concat())
    }

    /// Runs a batch that must end with this exit code.
    #[track_caller]
    pub fn run(&self, code: i32, arguments: &[&str]) -> Value {
        let (batch, seen) = self.ran(arguments);
        assert!(seen == code, "run {arguments:?}: {seen}, not {code}: {batch:#}");
        batch
    }

    /// Starts a batch that nobody waits for; its id.
    #[track_caller]
    pub fn detach(&self, arguments: &[&str]) -> String {
        let told = self.ctl.json(&[&["run", "--detach"], arguments].concat());
        assert_eq!(told.as_object().map(serde_json::Map::len), Some(1), "only its id: {told:#}");
        told["batch"].as_str().unwrap_or_else(|| panic!("an id: {told:#}")).to_owned()
    }

    /// The newest batch, as lists tell of it; nothing before the first.
    #[track_caller]
    pub fn newest(&self) -> Value {
        self.ctl.json(&["batch", "ls", "--limit", "1"])[0].clone()
    }

    /// What is told of a batch.
    #[track_caller]
    pub fn show(&self, batch: &str) -> Value {
        self.ctl.json(&["batch", "show", batch])
    }

    /// Waits until a batch is as wanted.
    #[track_caller]
    pub fn becomes(&self, batch: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(&format!("{batch}: {what}"), SOON, || {
            let told = self.show(batch);
            if wanted(&told) { Ok(told) } else { Err(format!("{told:#}")) }
        })
    }

    /// Waits for the end of a batch.
    #[track_caller]
    pub fn end(&self, batch: &str) -> Value {
        self.becomes(batch, "its end", |told| told["state"] != "running")
    }

    /// Waits until a host is in this state.
    #[track_caller]
    pub fn host_is(&self, host: &str, state: &str) {
        until(&format!("{host} is {state}"), SOON, || {
            let seen = self.ctl.try_hosts()?;
            if seen.get(host).is_some_and(|seen| seen == state) {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
    }

    /// Kills an agent, which may say afterwards what it was at.
    pub fn kill(&mut self, host: &str) {
        self.agent(host).process.kill();
    }

    /// Starts an agent again, and waits until its host is ready. What was cut off it warns of.
    pub fn back(&mut self, host: &str) {
        let agent = self.agent(host);
        agent.restart();
        agent.process.announce("a task was interrupted");
        agent.process.logged("session is up", SOON);
        self.host_is(host, "ready");
    }

    /// tamerctl beside the test, until it ends.
    pub fn beside(&self, arguments: &[&str]) -> Process {
        Process::tool("tamerctl", &mut self.ctl.command(arguments))
    }
}

fn path_text(path: PathBuf) -> String {
    path.to_str().expect("text").to_owned()
}
