//! Four hosts with networks and files of their own, the first with a Docker Engine, and how they are
//! changed and asked.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tamer_peers::docker::Docker;
use tamer_tests::{
    Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Files, Finds, Lab, Process, peer,
    technology, until,
};
use tempfile::TempDir;

/// Everything has to be found within this time.
pub const FOUND: Duration = Duration::from_secs(60);
pub const HOSTS: usize = 4;

/// Those who ask are dropped before those who are asked.
pub struct Scene {
    pub ctl: Ctl,
    pub agents: Vec<Agent>,
    pub coordinator: Coordinator,
    pub engine: Docker,
    /// What listens because somebody started it by hand.
    pub listeners: Vec<Process>,
    pub files: Vec<Files>,
    _lab: Lab,
    pub folder: TempDir,
}

impl Scene {
    /// Starts everything at once, and waits until every host was looked at whole.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("td").tempdir().expect("a folder");
        let path = folder.path();
        let lab = Lab::new(HOSTS + 1);
        let (engine, coordinator) = thread::scope(|scope| {
            let engine = scope.spawn(|| technology::docker(path));
            let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), path));
            (engine.join().expect("it said why"), coordinator)
        });
        let ctl = coordinator.ctl();
        let token = ctl.token(HOSTS);
        let furnished = |number: usize| {
            let own = path.join(format!("files{number}"));
            fs::create_dir(&own).expect("a folder");
            Files::make(&own)
        };
        let files: Vec<_> = (1..=HOSTS).map(furnished).collect();
        let agent = |number: usize| {
            let place = lab.furnished(number, files[number - 1].clone());
            let name = format!("host{number}");
            let settings = AgentSettings::on(place, path, &name, &token);
            let at = Finds::At(format!("{}:8443", lab.address(0)));
            let settings = AgentSettings { finds: at, ..settings }
                .set("providers.podman.enabled", "false")
                .set("providers.libvirt.enabled", "false")
                .set("redial_longest", "1s")
                // A tenth of what is usual: what no event tells of is found by looking again.
                .set("inventory.poll", "2s")
                // When those of this machine end is no affair of the tests.
                .set("inventory.certificates", "");
            let settings = match number {
                1 => settings.set("providers.docker.endpoint", &engine.endpoint()),
                _ => settings.set("providers.docker.enabled", "false"),
            };
            Agent::start(settings)
        };
        let agents = (1..=HOSTS).map(agent).collect();
        ctl.all_ready(HOSTS, FOUND);
        let listeners = Vec::new();
        Self { ctl, agents, coordinator, engine, listeners, files, _lab: lab, folder }
    }

    /// A snapshot in which every host was seen whole, its engine too. Its id.
    #[track_caller]
    pub fn whole_snapshot(&self) -> String {
        until("a snapshot of everything", FOUND, || {
            // Refused while nothing at all is known.
            let taken = self.taken()?;
            let id = taken["snapshot"].as_str().unwrap_or_else(|| panic!("an id: {taken:#}"));
            let counts = ["hosts", "missing", "incomplete"].map(|key| taken[key].as_u64());
            if counts != [Some(HOSTS as u64), Some(0), Some(0)] {
                return Err(format!("{taken:#}"));
            }
            let held = self.ctl.json(&["snapshot", "show", id, "--host", "host1"]);
            let held = held["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_image = |key: &Value| key.as_str().is_some_and(|key| key.starts_with("image/"));
            match held.iter().any(|one| is_image(&one["key"])) {
                true => Ok(id.to_owned()),
                false => Err(format!("nothing of its engine yet: {taken:#}")),
            }
        })
    }

    fn taken(&self) -> Result<Value, String> {
        let ended = self.ctl.run(&["-o", "json", "snapshot", "take"]);
        match ended.code() {
            0 => Ok(serde_json::from_slice(&ended.stdout).expect("json")),
            _ => Err(ended.stderr),
        }
    }

    /// Runs a script on a host as somebody who is logged in there does.
    #[track_caller]
    pub fn by_hand(&self, host: usize, script: &str) {
        let ended = Process::tool("by hand", &mut self.inside(host, script)).finish(FOUND);
        assert!(ended.status.success(), "host{host}: {script}: {ended:#?}");
    }

    /// The same, for what goes on until the scene ends.
    pub fn by_hand_for_long(&mut self, host: usize, script: &str) {
        let process = Process::tool("by hand", &mut self.inside(host, script));
        self.listeners.push(process);
    }

    fn inside(&self, host: usize, script: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(peer("nsenter"));
        command.arg("--target").arg(self.agents[host - 1].process.pid().to_string());
        command.args(["--mount", "--net", "--", "sh", "-ec", script]);
        command
    }

    /// What docker's own client says.
    #[track_caller]
    pub fn docker(&self, arguments: &[&str]) -> String {
        let endpoint = self.engine.endpoint();
        let arguments = [&["-H", &endpoint], arguments].concat();
        self.engine.beside("docker", &arguments).expect("docker's own client")
    }

    /// What is different from the baseline, and the exit code that tells it.
    #[track_caller]
    pub fn drift(&self) -> (Value, i32) {
        self.ctl.json_code(&["drift"])
    }

    /// Waits for a finding that is as wanted.
    #[track_caller]
    pub fn finds(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, FOUND, || {
            let (report, _) = self.drift();
            let found = findings(&report).iter().find(|finding| wanted(finding)).cloned();
            found.ok_or_else(|| titles(&report))
        })
    }

    /// Waits until nothing differs and everything was seen.
    #[track_caller]
    pub fn has_no_drift(&self) {
        until("no drift, and everything was seen", FOUND, || match self.drift() {
            (_, 0) => Ok(()),
            (report, code) => {
                Err(format!("{code}: {} {:#}", titles(&report), report["unobserved"]))
            }
        });
    }
}

/// A package that holds nothing but itself.
#[track_caller]
pub fn package(folder: &Path, name: &str) -> String {
    let tree = folder.join(name);
    let control = format!(
        "Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: tests <tests@example.org>\n\
         Description: a package of the tests\n"
    );
    fs::create_dir_all(tree.join("DEBIAN")).expect("a folder");
    fs::write(tree.join("DEBIAN/control"), control).expect("a file");
    let file = folder.join(format!("{name}.deb"));
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "--build"]).arg(&tree).arg(&file);
    let ended = Process::tool("dpkg-deb", &mut build).finish(FOUND);
    assert!(ended.status.success(), "{ended:#?}");
    file.to_str().expect("text").to_owned()
}

/// The findings of a report.
pub fn findings(report: &Value) -> &[Value] {
    report["findings"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The hosts of a finding, sorted.
pub fn hosts(finding: &Value) -> Vec<&str> {
    let members = finding["hosts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<_> = members.iter().filter_map(|one| one["name"].as_str()).collect();
    names.sort_unstable();
    names
}

/// What a report says, short.
pub fn titles(report: &Value) -> String {
    let line = |one: &Value| {
        format!("\n  {} {} {} {:?}", one["id"], one["title"], one["origin"], hosts(one))
    };
    findings(report).iter().map(line).collect()
}
