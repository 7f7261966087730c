//! `docs/drift.md` cannot lie either: every command of it is run, on four hosts with files of their own.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tamer_tests::guide::{Guide, Step};
use tamer_tests::{
    Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Files, Finds, Lab, Process, peer,
    until,
};

use crate::scene::SOON;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/drift.md");
const HOSTS: [(&str, &str); 4] = [("web1", "web"), ("web2", "web"), ("web3", "web"), ("db1", "db")];
const COMMAND: Duration = Duration::from_secs(60);

#[test]
fn every_command_about_drift() {
    let folder = tempfile::Builder::new().prefix("tgd").tempdir().expect("a folder");
    let scene = Scene::start(folder.path());
    let page = fs::read_to_string(PAGE).expect("the page");
    let guide = Guide::read(&page);
    assert!(guide.steps.len() >= 40, "docs/drift.md was read: {guide:?}");
    let own = folder.path().join("page");
    fs::create_dir(&own).expect("a folder");
    let wrong = guide.wrong(&scene.ctl, &own, COMMAND, |step| scene.happens(step));
    assert!(wrong.is_empty(), "docs/drift.md says what is not so:\n{}", wrong.join("\n"));
}

/// Those who ask are dropped before those who are asked.
struct Scene {
    ctl: Ctl,
    agents: RefCell<Vec<Agent>>,
    _coordinator: Coordinator,
    _lab: Lab,
}

impl Scene {
    fn start(folder: &Path) -> Self {
        let lab = Lab::new(HOSTS.len() + 1);
        let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), folder));
        let ctl = coordinator.ctl();
        let token = ctl.token(HOSTS.len());
        let agent = |(at, (name, _)): (usize, &(&str, &str))| {
            let own = folder.join(format!("{name}.files"));
            fs::create_dir(&own).expect("a folder");
            let place = lab.furnished(at + 1, Files::make(&own));
            let settings = AgentSettings::on(place, folder, name, &token);
            let finds = Finds::At(format!("{}:8443", lab.address(0)));
            Agent::start(
                AgentSettings { finds, ..settings }
                    .set("providers.docker.enabled", "false")
                    .set("providers.podman.enabled", "false")
                    .set("providers.libvirt.enabled", "false")
                    // When those of this machine end is no affair of the page.
                    .set("inventory.certificates", "")
                    .set("inventory.poll", "1s"),
            )
        };
        let agents = RefCell::new(HOSTS.iter().enumerate().map(agent).collect());
        ctl.all_ready(HOSTS.len(), SOON);
        for (name, role) in HOSTS {
            ctl.json(&["host", "label", name, &format!("role={role}")]);
        }
        let scene = Self { ctl, agents, _coordinator: coordinator, _lab: lab };
        scene.is_seen_whole();
        scene
    }

    fn is_seen_whole(&self) {
        until("every host was seen whole", SOON, || {
            let ended = self.ctl.run(&["-o", "json", "snapshot", "take", "--name", "first-look"]);
            let taken: Value = serde_json::from_slice(&ended.stdout).unwrap_or_default();
            let counts = ["hosts", "missing", "incomplete"].map(|key| taken[key].as_u64());
            match counts == [Some(HOSTS.len() as u64), Some(0), Some(0)] {
                true => Ok(()),
                false => Err(format!("{taken:#} {}", ended.stderr)),
            }
        });
    }

    /// What the page says that happens. `# HOST, HOST: SCRIPT` is done by hand; with `5 times: `
    /// before the script so often, and each time it is seen before the next.
    fn happens(&self, step: &Step) {
        let Some(remark) = step.command.strip_prefix("# ") else { return };
        if let Some(host) = remark.strip_suffix(" is switched off") {
            return self.switch(host, false);
        }
        if let Some(host) = remark.strip_suffix(" is back") {
            return self.switch(host, true);
        }
        let (hosts, script) = remark.split_once(": ").expect("a remark says on which hosts");
        let (times, script) = match script.split_once(" times: ") {
            Some((times, script)) => (times.parse().expect("how often"), script),
            None => (1, script),
        };
        for _ in 0..times {
            for host in hosts.split(", ") {
                let before = self.newest(host, script);
                self.by_hand(host, script);
                until(&format!("{host}: {script} is seen"), SOON, || {
                    let newest = self.newest(host, script);
                    if newest != before { Ok(()) } else { Err(format!("{newest:#}")) }
                });
            }
        }
    }

    /// The newest step of a host's history that is about something a script names. What happened
    /// before may be seen after the script has run.
    fn newest(&self, host: &str, script: &str) -> Value {
        let steps = self.ctl.json(&["drift", "history", host, "--limit", "50"]);
        let mut steps = steps.as_array().expect("steps").iter();
        steps.find(|step| names(script, step)).cloned().unwrap_or_default()
    }

    fn switch(&self, host: &str, on: bool) {
        let agent = &mut self.agents.borrow_mut()[number(host)];
        if on {
            agent.restart();
        } else {
            agent.process.kill();
            agent.process.wait(SOON);
        }
    }

    fn by_hand(&self, host: &str, script: &str) {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(peer("nsenter"));
        command.arg("--target").arg(self.agents.borrow()[number(host)].process.pid().to_string());
        command.args(["--mount", "--net", "--", "sh", "-ec", script]);
        let ended = Process::tool("by hand", &mut command).finish(SOON);
        assert!(ended.status.success(), "{host}: {script}: {ended:#?}");
    }
}

/// Whether a script names a resource of a step: its key is `KIND/SOURCE/ID`.
fn names(script: &str, step: &Value) -> bool {
    let keys = step["changes"].as_array().into_iter().flatten();
    let mut ids = keys.filter_map(|change| change["key"].as_str()?.splitn(3, '/').nth(2));
    ids.any(|id| script.contains(id))
}

fn number(host: &str) -> usize {
    HOSTS.iter().position(|(name, _)| *name == host).expect("a host of the page")
}
