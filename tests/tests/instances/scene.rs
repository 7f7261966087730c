//! The fleet of these tests, and how it is asked.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tamer_peers::docker::Docker;
use tamer_peers::guest::{CMDLINE, Guest};
use tamer_peers::libvirt::Libvirt;
use tamer_peers::podman::Podman;
use tamer_tests::{
    Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Finds, Lab, technology, until,
};
use tempfile::TempDir;

/// What a debug build on two busy cores does in a second or two may take this long.
pub const SOON: Duration = Duration::from_secs(30);
/// A machine without hardware support boots, and its guest agent answers.
pub const BOOT: Duration = Duration::from_secs(120);

/// Three hosts with a technology each. Fields are dropped in this order: those who ask before those
/// who are asked.
pub struct Scene {
    pub ctl: Ctl,
    _agents: Vec<Agent>,
    _coordinator: Coordinator,
    pub docker: Docker,
    _podman: Podman,
    pub libvirt: Libvirt,
    pub guest: Guest,
    pub disk: PathBuf,
    _lab: Lab,
    pub folder: TempDir,
}

impl Scene {
    /// Starts everything at once, and waits until each host has told what it can.
    pub fn start() -> Self {
        let folder = folder();
        let path = folder.path();
        let (docker, podman, (libvirt, guest, disk), lab, coordinator) = thread::scope(|scope| {
            let docker = scope.spawn(|| technology::docker(path));
            let podman = scope.spawn(|| technology::podman(path));
            let libvirt = scope.spawn(|| technology::libvirt(path));
            let lab = Lab::new(4);
            let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), path));
            let started = "the others said why";
            (
                docker.join().expect(started),
                podman.join().expect(started),
                libvirt.join().expect(started),
                lab,
                coordinator,
            )
        });
        let ctl = coordinator.ctl();
        let token = ctl.token(3);
        let host = |number: usize| {
            let name = format!("host{number}");
            let settings = AgentSettings::on(lab.place(number), path, &name, &token);
            AgentSettings { finds: Finds::At(format!("{}:8443", lab.address(0))), ..settings }
        };
        let nowhere = path.join("nowhere.sock");
        let settings = [
            host(1)
                .set("providers.docker.endpoint", &docker.endpoint())
                .set("providers.podman.enabled", "false")
                .set("providers.libvirt.socket", &nowhere.display().to_string()),
            host(2)
                .set("providers.docker.enabled", "false")
                .set("providers.podman.endpoint", &podman.endpoint())
                .set("providers.libvirt.enabled", "false"),
            host(3)
                .set("providers.docker.enabled", "false")
                .set("providers.podman.enabled", "false")
                .set("providers.libvirt.socket", &libvirt.socket().display().to_string())
                .set("providers.libvirt.domain_type", "qemu"),
        ];
        let agents = settings.map(Agent::start).into();
        ctl.all_ready(3, SOON);
        let scene = Self {
            ctl,
            _agents: agents,
            _coordinator: coordinator,
            docker,
            _podman: podman,
            libvirt,
            guest,
            disk,
            _lab: lab,
            folder,
        };
        for (host, provider) in [("host1", "docker"), ("host2", "podman"), ("host3", "libvirt")] {
            available(&scene.ctl, host, provider, true, SOON);
        }
        scene
    }

    /// What docker's own client says.
    #[track_caller]
    pub fn docker_says(&self, arguments: &[&str]) -> String {
        docker_says(&self.docker, arguments)
    }

    /// The arguments that make a machine of the tiny guest.
    pub fn machine(&self) -> Vec<String> {
        let disk = self.disk.display().to_string();
        let option = |key: &str, value: String| ["--option".to_owned(), format!("{key}={value}")];
        let mut arguments = vec!["--disk".to_owned(), disk, "--memory=192M".to_owned()];
        arguments.extend(option("kernel", self.guest.kernel.display().to_string()));
        arguments.extend(option("initrd", self.guest.initrd.display().to_string()));
        arguments.extend(option("cmdline", CMDLINE.to_owned()));
        arguments
    }
}

/// A coordinator and one host with a Docker Engine, on this machine. Those who ask are dropped
/// before those who are asked.
pub struct OneHost {
    pub ctl: Ctl,
    pub agent: Agent,
    pub coordinator: Coordinator,
    pub docker: Docker,
    _folder: TempDir,
}

impl OneHost {
    /// Starts them, and waits until the host has told what it can.
    pub fn start() -> Self {
        let folder = folder();
        let docker = technology::docker(folder.path());
        let coordinator = Coordinator::start(CoordinatorSettings::here(folder.path()));
        let ctl = coordinator.ctl();
        let settings = AgentSettings::here(folder.path(), "one", &coordinator, &ctl.token(1))
            .set("providers.docker.endpoint", &docker.endpoint())
            .set("providers.podman.enabled", "false")
            .set("providers.libvirt.enabled", "false");
        let agent = Agent::start(settings);
        ctl.all_ready(1, SOON);
        available(&ctl, "one", "docker", true, SOON);
        Self { ctl, agent, coordinator, docker, _folder: folder }
    }
}

/// A folder whose path is short, because sockets lie in it.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("ti").tempdir().expect("a folder")
}

/// What docker's own client says.
#[track_caller]
pub fn docker_says(docker: &Docker, arguments: &[&str]) -> String {
    let endpoint = docker.endpoint();
    let arguments = [&["-H", &endpoint], arguments].concat();
    docker.beside("docker", &arguments).expect("docker's own client")
}

/// Waits until a host's provider is there, or is not, and gives what is told of it.
#[track_caller]
pub fn available(ctl: &Ctl, host: &str, provider: &str, wanted: bool, limit: Duration) -> Value {
    until(&format!("{provider} of {host}: available is {wanted}"), limit, || {
        let told = ctl.json(&["host", "show", host]);
        let all = told["provider_status"].as_array().map(Vec::as_slice).unwrap_or_default();
        match all.iter().find(|one| one["name"] == provider) {
            Some(one) if one["available"] == wanted => Ok(one.clone()),
            _ => Err(format!("{:#}", told["provider_status"])),
        }
    })
}

/// What `instance ls` lists with these arguments.
#[track_caller]
pub fn list(ctl: &Ctl, arguments: &[&str]) -> Vec<Value> {
    let listed = ctl.json(&[&["instance", "ls"], arguments].concat());
    listed.as_array().unwrap_or_else(|| panic!("a list: {listed:#}")).clone()
}

/// The same, as sorted texts `host/name`.
#[track_caller]
pub fn names(ctl: &Ctl, arguments: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = list(ctl, arguments).iter().map(full_name).collect();
    names.sort();
    names
}

/// An instance's `host/name`.
pub fn full_name(instance: &Value) -> String {
    let text = |key: &str| instance[key].as_str().unwrap_or("?").to_owned();
    format!("{}/{}", text("host_name"), text("name"))
}

/// Waits until the fleet has an instance of this name in this state.
#[track_caller]
pub fn becomes(ctl: &Ctl, name: &str, state: &str, limit: Duration) -> Value {
    until(&format!("{name} becomes {state}"), limit, || {
        let all = list(ctl, &[]);
        match all.iter().find(|one| full_name(one) == name) {
            Some(one) if one["state"] == state && one["stale"] == false => Ok(one.clone()),
            Some(one) => Err(format!("{one:#}")),
            None => {
                Err(format!("it is none of {:?}", all.iter().map(full_name).collect::<Vec<_>>()))
            }
        }
    })
}

/// Waits until the fleet has no instance of this name.
#[track_caller]
pub fn goes(ctl: &Ctl, name: &str) {
    until(&format!("{name} goes"), SOON, || match names(ctl, &[]) {
        all if all.iter().any(|one| one == name) => Err(format!("{all:?}")),
        _ => Ok(()),
    });
}

/// Runs a batch that must succeed on every target.
#[track_caller]
pub fn done(ctl: &Ctl, arguments: &[&str]) -> Value {
    let arguments = [&["instance"], arguments].concat();
    let (batch, code) = ctl.json_code(&arguments);
    assert!(
        code == 0 && batch["state"] == "succeeded",
        "{arguments:?} ended with {code}: {batch:#}"
    );
    batch
}

/// Runs a batch that must fail on its only target, and gives the problem of that.
#[track_caller]
pub fn fails(ctl: &Ctl, arguments: &[&str]) -> Value {
    let arguments = [&["instance"], arguments].concat();
    let (batch, code) = ctl.json_code(&arguments);
    assert!(code == 1 && batch["state"] == "failed", "{arguments:?} ended with {code}: {batch:#}");
    let tasks = batch["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [task] = tasks else { panic!("{arguments:?}: one task: {batch:#}") };
    assert!(task["problem"].is_object(), "{arguments:?}: its problem: {batch:#}");
    task["problem"].clone()
}

/// Runs a short command in an instance, which must end well, and gives what it wrote.
#[track_caller]
pub fn inside(ctl: &Ctl, instance: &str, script: &str) -> String {
    let ended = ctl.run(&["instance", "exec", instance, "--", "sh", "-c", script]);
    assert!(ended.code() == 0, "{instance}: {script}: {ended:#?}");
    ended.text()
}
