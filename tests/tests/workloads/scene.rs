//! Three hosts with a Docker Engine each, cut apart by namespaces, and how they are asked.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tamer_peers::docker::Docker;
use tamer_peers::image::BUSYBOX;
use tamer_tests::{
    Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Ended, Finds, Lab, technology,
    until,
};
use tempfile::TempDir;

/// What a debug build on two busy cores does in a second or two may take this long.
pub const SOON: Duration = Duration::from_secs(60);
pub const HOSTS: usize = 3;
/// Does nothing, and ends when it is asked to.
const IDLER: &str = "trap 'exit 0' TERM; sleep 1000000 & wait";

/// Those who ask are dropped before those who are asked.
pub struct Scene {
    pub ctl: Ctl,
    pub agents: Vec<Agent>,
    pub coordinator: Coordinator,
    pub engines: Vec<Docker>,
    pub lab: Lab,
    folder: TempDir,
}

/// A copy as an engine has it, told by the labels that the agent put on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    pub host: usize,
    pub index: String,
    pub template: String,
    pub placement: String,
    pub container: String,
    pub running: bool,
}

impl Scene {
    /// Starts everything at once.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("tw").tempdir().expect("a folder");
        let path = folder.path();
        let lab = Lab::new(HOSTS + 1);
        let (engines, coordinator) = thread::scope(|scope| {
            let engine = |number: usize| {
                let own = path.join(format!("engine{number}"));
                fs::create_dir(&own).expect("a folder");
                technology::docker(&own)
            };
            let engines: Vec<_> =
                (1..=HOSTS).map(|number| scope.spawn(move || engine(number))).collect();
            let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), path));
            let engines = engines.into_iter().map(|one| one.join().expect("it said why"));
            (engines.collect::<Vec<_>>(), coordinator)
        });
        let ctl = coordinator.ctl();
        let token = ctl.token(HOSTS);
        let agent = |number: usize| {
            let name = format!("host{number}");
            let settings = AgentSettings::on(lab.place(number), path, &name, &token);
            let at = Finds::At(format!("{}:8443", lab.address(0)));
            let mut agent = Agent::start(
                AgentSettings { finds: at, ..settings }
                    .set("providers.docker.endpoint", &engines[number - 1].endpoint())
                    .set("providers.podman.enabled", "false")
                    .set("providers.libvirt.enabled", "false")
                    .set("redial_longest", "1s"),
            );
            announce(&mut agent);
            agent
        };
        let agents = (1..=HOSTS).map(agent).collect();
        ctl.all_ready(HOSTS, SOON);
        let scene = Self { ctl, agents, coordinator, engines, lab, folder };
        for number in 1..=HOSTS {
            scene.provider_is_there(number);
            let zone = format!("zone={}", ["a", "b", "c"][number - 1]);
            scene.ctl.json(&["host", "label", &format!("host{number}"), &zone]);
        }
        scene
    }

    fn provider_is_there(&self, number: usize) {
        until(&format!("docker of host{number}"), SOON, || {
            let told = self.ctl.json(&["host", "show", &format!("host{number}")]);
            let all = told["provider_status"].as_array().map(Vec::as_slice).unwrap_or_default();
            match all.iter().any(|one| one["name"] == "docker" && one["available"] == true) {
                true => Ok(()),
                false => Err(format!("{:#}", told["provider_status"])),
            }
        });
    }

    /// `kill -9` of a host's agent.
    pub fn kill_agent(&mut self, host: usize) {
        let process = &mut self.agents[host - 1].process;
        process.kill();
        process.wait(Duration::from_secs(10));
    }

    /// Starts it again on what it kept.
    pub fn start_agent(&mut self, host: usize) {
        let agent = &mut self.agents[host - 1];
        agent.restart();
        announce(agent);
        agent.process.logged("session is up", SOON);
        self.ctl.all_ready(HOSTS, SOON);
    }

    /// Takes away what a part that failed has left, so that the others tell of themselves alone.
    pub fn clear(&self) {
        for host in 1..=HOSTS {
            self.ctl.run(&["host", "uncordon", &format!("host{host}")]);
        }
        let rows = self.ctl.json(&["workload", "ls"]);
        for row in rows.as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = row["workload"].as_str().unwrap_or_default();
            self.ctl.run(&["workload", "rm", "--yes", "--wait", "--timeout", "60s", name]);
        }
    }

    /// What the engine of a host says.
    #[track_caller]
    pub fn docker(&self, host: usize, arguments: &[&str]) -> String {
        let engine = &self.engines[host - 1];
        let endpoint = engine.endpoint();
        let arguments = [&["-H", &endpoint], arguments].concat();
        engine.beside("docker", &arguments).expect("docker's own client")
    }

    /// The copies of a workload as the engines have them, whatever the fleet believes.
    #[track_caller]
    pub fn copies(&self, workload: &str) -> Vec<Copy> {
        let filter = format!("label=tamer.workload={workload}");
        let format = "{{.ID}} {{.State}} {{.Label \"tamer.index\"}} {{.Label \"tamer.template\"}} {{.Label \"tamer.placement\"}}";
        let ask = ["ps", "-a", "--no-trunc", "--filter", &filter, "--format", format];
        let row = |host: usize, line: &str| {
            let parts: Vec<&str> = line.split(' ').collect();
            let [container, state, index, template, placement] = parts[..] else {
                panic!("{line:?}")
            };
            Copy {
                host,
                index: index.to_owned(),
                template: template.to_owned(),
                placement: placement.to_owned(),
                container: container.to_owned(),
                running: state == "running",
            }
        };
        let mut copies: Vec<_> = (1..=HOSTS)
            .flat_map(|host| {
                let told = self.docker(host, &ask);
                told.lines().map(|line| row(host, line)).collect::<Vec<_>>()
            })
            .collect();
        copies.sort();
        copies
    }

    /// Waits until the copies that the engines have are as wanted.
    #[track_caller]
    pub fn copies_are(
        &self,
        workload: &str,
        what: &str,
        wanted: impl Fn(&[Copy]) -> bool,
    ) -> Vec<Copy> {
        until(&format!("{workload}: {what}"), SOON, || {
            let copies = self.copies(workload);
            if wanted(&copies) { Ok(copies) } else { Err(format!("{copies:#?}")) }
        })
    }

    /// Waits until so many copies run and no others are there, and the fleet says so too.
    #[track_caller]
    pub fn runs(&self, workload: &str, count: usize) -> Vec<Copy> {
        let all = |copies: &[Copy]| copies.len() == count && copies.iter().all(|one| one.running);
        let copies = self.copies_are(workload, &format!("{count} run"), all);
        until(&format!("the fleet knows the {count} of {workload}"), SOON, || {
            let row = self.row(workload);
            let told = ["wanted", "running"].map(|key| row["copies"][key].as_u64());
            if told == [Some(count as u64); 2] { Ok(()) } else { Err(format!("{row:#}")) }
        });
        copies
    }

    /// What `workload ls` tells of one.
    #[track_caller]
    pub fn row(&self, workload: &str) -> Value {
        let listed = self.ctl.json(&["workload", "ls"]);
        let rows = listed.as_array().map(Vec::as_slice).unwrap_or_default();
        rows.iter().find(|row| row["workload"] == workload).cloned().unwrap_or_default()
    }

    /// Waits until a workload is in this state.
    #[track_caller]
    pub fn state_is(&self, workload: &str, state: &str) -> Value {
        until(&format!("{workload} is {state}"), SOON, || {
            let row = self.row(workload);
            if row["state"] == state { Ok(row) } else { Err(format!("{row:#}")) }
        })
    }

    /// A workload's file: idlers, `count` of them, with more lines of TOML.
    pub fn file(&self, name: &str, count: usize, more: &str) -> String {
        self.file_of(name, count, IDLER, more)
    }

    /// The same of a command.
    pub fn file_of(&self, name: &str, count: usize, command: &str, more: &str) -> String {
        let text = format!(
            "name = \"{name}\"\nprovider = \"docker\"\nrun = {{ count = {count} }}\nstop_grace = \"3s\"\n{more}\n\n\
             [instance]\nimage = \"{BUSYBOX}\"\npull = \"never\"\ncommand = [\"sh\", \"-c\", \"{command}\"]\n\n\
             [resources]\ncpu = \"10m\"\n",
        );
        let path = self.folder.path().join(format!("{name}.toml"));
        fs::write(&path, text).expect("a file");
        path.to_str().expect("text").to_owned()
    }

    /// Applies a file and waits for what comes of it.
    #[track_caller]
    pub fn apply(&self, file: &str, more: &[&str]) -> Ended {
        self.ctl.run(&[&["workload", "apply", "--yes", "-f", file], more].concat())
    }

    /// Applies a file that must be taken, and does not wait for its copies.
    #[track_caller]
    pub fn take(&self, file: &str) {
        let ended = self.apply(file, &["--detach"]);
        assert!(ended.code() == 0, "{ended:#?}");
    }

    /// Removes a workload, and waits until nothing of it is left.
    #[track_caller]
    pub fn remove(&self, workload: &str) {
        let ended = self.ctl.run(&["workload", "rm", "--yes", workload]);
        assert!(ended.code() == 0, "{ended:#?}");
        self.copies_are(workload, "all are gone", <[Copy]>::is_empty);
        until(&format!("{workload} is no longer known"), SOON, || match self.row(workload) {
            Value::Null => Ok(()),
            row => Err(format!("{row:#}")),
        });
    }
}

/// What agents warn of here: coordinators and cables go away, and containers end.
fn announce(agent: &mut Agent) {
    for warning in ["no session: ", " it ended ", "no coordinator was heard for too long"] {
        agent.process.announce(warning);
    }
}

/// How many copies each host has.
pub fn by_host(copies: &[Copy]) -> BTreeMap<usize, usize> {
    copies.iter().fold(BTreeMap::new(), |mut hosts, copy| {
        *hosts.entry(copy.host).or_default() += 1;
        hosts
    })
}

/// Holds for a while: every look in that time finds it so.
#[track_caller]
pub fn holds(what: &str, span: Duration, look: impl Fn() -> Result<(), String>) {
    let begun = Instant::now();
    while begun.elapsed() < span {
        if let Err(seen) = look() {
            panic!("{what}: not after {:?}: {seen}", begun.elapsed());
        }
    }
}
