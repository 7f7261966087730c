//! What people and batches change on hosts, and as what it has to be found.

use std::time::{Duration, Instant};

use serde_json::Value;
use tamer_peers::image::BUSYBOX;

use crate::scene::{FOUND, HOSTS, Scene, hosts, package};

/// What an event tells of has to be found within this time: two seconds, and as much again for debug
/// builds of six programs on two busy cores.
const WITH_EVENT: Duration = Duration::from_secs(4);
/// Does nothing, and ends when it is asked to.
pub const IDLER: &str = "trap 'exit 0' TERM; sleep 1000000 & wait";

/// Every host.
pub const EVERYWHERE: [usize; HOSTS] = [1, 2, 3, 4];

/// Something that is changed on a host.
pub struct Deed {
    /// What it changes.
    pub kind: &'static str,
    pub name: String,
    /// How, and as what it is told.
    pub how: &'static str,
    pub area: &'static str,
    /// How it is done.
    pub script: String,
    /// Whether the system tells of it, so that nobody has to look at intervals.
    pub event: bool,
    /// Whether the script goes on for as long as what it changes.
    pub stays: bool,
}

/// One of each sort, named after `word`. `number` is another one each time.
pub fn all(scene: &Scene, word: &str, number: u16) -> Vec<Deed> {
    let archive = package(scene.folder.path(), &format!("tamer-{word}"));
    let port = 7000 + number;
    let deed = |kind, name: &str, how, area, script: String| Deed {
        kind,
        name: name.to_owned(),
        how,
        area,
        script,
        event: true,
        stays: false,
    };
    let add = format!("useradd --no-create-home --shell /bin/false {word}");
    let edit = format!("echo 192.0.2.{number} {word} >> /etc/hosts");
    let set = format!("sysctl --quiet --write net.ipv4.tcp_fin_timeout={number}");
    let listen = format!("exec busybox nc -l -p {port}");
    let name = format!("tamer-{word}");
    let mut all = vec![
        deed("package", &name, "created", "deployment", format!("dpkg --install {archive}")),
        deed("user", word, "created", "security", add),
        deed("file", "/etc/hosts", "changed", "network", edit),
        deed("sysctl", "net.ipv4.tcp_fin_timeout", "changed", "configuration", set),
        deed("port", &port.to_string(), "created", "network", listen),
    ];
    for polled in &mut all[3..] {
        polled.event = false;
    }
    all[4].stays = true;
    all
}

impl Deed {
    /// Whether a finding tells of it.
    pub fn is_told_by(&self, finding: &Value) -> bool {
        let name = finding["name"].as_str().unwrap_or_default();
        // A port is called after its address too.
        let same = match self.kind {
            "port" => name.ends_with(&format!(":{}", self.name)),
            _ => name == self.name,
        };
        finding["kind"] == self.kind && same
    }

    /// Does it on these hosts as a person does. Says when it was begun on the last of them.
    pub fn by_hand(&self, scene: &mut Scene, on: &[usize]) -> Instant {
        let mut last = Instant::now();
        for host in on {
            last = Instant::now();
            match self.stays {
                true => scene.by_hand_for_long(*host, &self.script),
                false => scene.by_hand(*host, &self.script),
            }
        }
        last
    }

    /// Waits until it is found on exactly these hosts with this origin, as one finding, and checks
    /// what is told of it and how long it took since `begun`.
    pub fn is_found(&self, scene: &Scene, on: &[usize], origin: &str, begun: Instant) -> Value {
        let names: Vec<_> = on.iter().map(|host| format!("host{host}")).collect();
        let what = format!("{} {} on {names:?}, {origin}", self.kind, self.name);
        let wanted = |finding: &Value| {
            self.is_told_by(finding)
                && hosts(finding) == names
                && finding["origin"]["from"] == origin
        };
        let finding = scene.finds(&what, wanted);
        let took = begun.elapsed();
        let how = if self.event { "by an event" } else { "by looking again" };
        println!("{what}: {took:?}, {how}");
        let limit = if self.event { WITH_EVENT } else { FOUND };
        assert!(took < limit, "{what}: found after {took:?}, not within {limit:?}");
        assert_eq!(finding["change"], self.how, "{finding:#}");
        assert_eq!(finding["area"], self.area, "{finding:#}");
        assert!(finding["reason"].as_str().is_some_and(|why| !why.is_empty()), "{finding:#}");
        finding
    }
}

/// One more file that somebody edits.
pub fn later() -> Deed {
    Deed {
        kind: "file",
        name: "/etc/environment".to_owned(),
        how: "changed",
        area: "configuration",
        script: "echo LATER=yes >> /etc/environment".to_owned(),
        event: true,
        stays: false,
    }
}

/// A container that somebody starts beside us, on the only host with an engine.
pub fn container(name: &str) -> Deed {
    Deed {
        kind: "instance",
        name: name.to_owned(),
        how: "created",
        area: "scaling",
        script: String::new(),
        event: true,
        stays: false,
    }
}

/// Starts it with docker's own client. Says when it was there: an engine takes its time.
pub fn start_container(scene: &Scene, name: &str) -> Instant {
    scene.docker(&["run", "--detach", "--name", name, BUSYBOX, "sh", "-c", IDLER]);
    Instant::now()
}
