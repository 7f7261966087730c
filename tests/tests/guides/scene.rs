//! The fleet that the pages tell of: three hosts with a Docker Engine each, and one without.

use std::fs;
use std::thread;
use std::time::Duration;

use tamer_peers::docker::Docker;
use tamer_peers::image::image_tar;
use tamer_peers::load::load;
use tamer_tests::{
    Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Finds, Lab, technology, until,
};
use tempfile::TempDir;

/// What a debug build on two busy cores does in a second or two may take this long.
pub const SOON: Duration = Duration::from_secs(60);
/// Each with its zone. The last one has no engine.
const HOSTS: [(&str, &str); 4] =
    [("ham1", "hamburg"), ("ham2", "hamburg"), ("oslo1", "oslo"), ("edge1", "oslo")];
const ENGINES: usize = 3;
/// What the pages run. It is not fetched: the engines have it.
const IMAGE: &str = "busybox:1.37";

/// Those who ask are dropped before those who are asked.
pub struct Scene {
    pub ctl: Ctl,
    _agents: Vec<Agent>,
    _coordinator: Coordinator,
    _engines: Vec<Docker>,
    lab: Lab,
    pub folder: TempDir,
}

impl Scene {
    /// Starts everything at once.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("tg").tempdir().expect("a folder");
        let path = folder.path();
        let lab = Lab::new(HOSTS.len() + 1);
        let engine = |name: &str| {
            let own = path.join(format!("{name}.engine"));
            fs::create_dir(&own).expect("a folder");
            let docker = technology::docker(&own);
            let archive = image_tar(IMAGE, &[]).expect("an image");
            load(&docker.socket(), &archive).expect("the image is loaded");
            docker
        };
        let (engines, coordinator) = thread::scope(|scope| {
            let engines: Vec<_> = HOSTS[..ENGINES]
                .iter()
                .map(|(name, _)| scope.spawn(move || engine(name)))
                .collect();
            let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), path));
            let engines = engines.into_iter().map(|one| one.join().expect("it said why"));
            (engines.collect::<Vec<_>>(), coordinator)
        });
        let ctl = coordinator.ctl();
        let token = ctl.token(HOSTS.len());
        let agent = |(at, (name, _)): (usize, &(&str, &str))| {
            let settings = AgentSettings::on(lab.place(at + 1), path, name, &token);
            let finds = Finds::At(format!("{}:8443", lab.address(0)));
            let settings = AgentSettings { finds, ..settings }
                .set("providers.podman.enabled", "false")
                .set("providers.libvirt.enabled", "false")
                .set("redial_longest", "1s");
            let mut agent = Agent::start(match engines.get(at) {
                Some(engine) => settings.set("providers.docker.endpoint", &engine.endpoint()),
                None => settings.set("providers.docker.enabled", "false"),
            });
            // A cable is pulled here, and copies fail.
            agent.process.announce("no session: ");
            agent.process.announce("it ended");
            agent
        };
        let agents = HOSTS.iter().enumerate().map(agent).collect();
        ctl.all_ready(HOSTS.len(), SOON);
        let scene = Self {
            ctl,
            _agents: agents,
            _coordinator: coordinator,
            _engines: engines,
            lab,
            folder,
        };
        for (at, (name, zone)) in HOSTS.iter().enumerate() {
            if at < ENGINES {
                scene.has_docker(name);
            }
            scene.ctl.json(&["host", "label", name, &format!("zone={zone}")]);
        }
        scene
    }

    fn has_docker(&self, host: &str) {
        until(&format!("docker of {host}"), SOON, || {
            let told = self.ctl.json(&["host", "show", host]);
            let all = told["provider_status"].as_array().map(Vec::as_slice).unwrap_or_default();
            match all.iter().any(|one| one["name"] == "docker" && one["available"] == true) {
                true => Ok(()),
                false => Err(format!("{:#}", told["provider_status"])),
            }
        });
    }

    /// Pulls the cable of a host, or puts it back.
    pub fn cable(&self, host: &str, plugged: bool) {
        let at = HOSTS.iter().position(|(name, _)| *name == host).expect("a host of the page") + 1;
        match plugged {
            true => self.lab.plug(at),
            false => self.lab.unplug(at),
        }
    }
}
