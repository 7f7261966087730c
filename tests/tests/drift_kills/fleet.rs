//! Two hosts, their coordinator, and what a test knows of them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tamer_tests::{Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl};

use super::SETTLED;
use super::disk::{Disk, Held};
use super::history::Mark;
use super::moment::Moment;
use super::tally::Tally;

pub const HOSTS: usize = 2;
/// Lets a coordinator say which pictures it has on record.
const LOG: &str = "info,tamer_coordinator::drift=debug";

/// The fleet. Whoever asks is dropped before who is asked.
pub struct Fleet {
    pub agents: Vec<Agent>,
    pub coordinator: Coordinator,
    pub disks: Vec<Disk>,
    /// Snapshots that somebody was told of, and must be there for ever.
    pub kept: Vec<Kept>,
    /// The newest of them that was taken when everything was seen, and what it holds.
    pub settled: Option<(String, Vec<Held>)>,
    /// The versions of the baseline as they were told, the newest first.
    pub versions: Vec<Value>,
    /// What the newest version holds.
    pub baseline: Vec<Held>,
    /// Where the history of each host was at the last quiet moment.
    pub marks: Vec<Mark>,
    folder: PathBuf,
}

/// What is told of a snapshot, and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub id: String,
    pub checksum: String,
    pub hosts: u64,
    pub resources: u64,
}

impl Fleet {
    /// Starts one, and kills somebody while its first pictures are on their way.
    pub fn start(folder: &Path, seed: u64, tally: &mut Tally) -> Self {
        let mut fleet = Self::begin(folder);
        fleet.first(Moment::first(seed), tally);
        let (id, held) = fleet.settled.clone().expect("a snapshot");
        let set = fleet.ctl().json(&["baseline", "set", &id, "--note", "as it was made"]);
        fleet.versions = vec![set];
        fleet.baseline = held;
        fleet
    }

    fn begin(folder: &Path) -> Self {
        let mut settings = CoordinatorSettings::here(folder);
        settings.more = vec!["--log".to_owned(), LOG.to_owned()];
        let coordinator = Coordinator::start(settings);
        let disks: Vec<_> =
            (0..HOSTS).map(|host| Disk::make(folder.join(format!("files{host}")))).collect();
        let token = coordinator.ctl().token(HOSTS);
        let agent = |(host, disk): (usize, &Disk)| {
            let settings = AgentSettings::here(folder, &name(host), &coordinator, &token)
                .set("inventory.files", &disk.patterns())
                // Of this machine everything is looked at that needs nobody else.
                .set("inventory.certificates", "")
                .set("redial_longest", "500ms");
            let off = |settings: AgentSettings, provider| {
                settings.set(&format!("providers.{provider}.enabled"), "false")
            };
            Agent::start(["docker", "podman", "libvirt"].into_iter().fold(settings, off))
        };
        let agents = disks.iter().enumerate().map(agent).collect();
        let (marks, baseline) = (vec![Mark::default(); HOSTS], vec![Held::new(); HOSTS]);
        let (kept, versions) = (Vec::new(), Vec::new());
        let folder = folder.to_owned();
        let fleet = Self {
            agents,
            coordinator,
            disks,
            kept,
            settled: None,
            versions,
            baseline,
            marks,
            folder,
        };
        // Certificates are the affair of other tests: from here on an agent needs no token.
        fleet.ctl().all_ready(HOSTS, SETTLED);
        fleet
    }

    pub fn ctl(&self) -> Ctl {
        self.coordinator.ctl()
    }

    /// What lies on the disks.
    pub fn held(&self) -> Vec<Held> {
        self.disks.iter().map(|disk| disk.held().clone()).collect()
    }

    /// The folder of an agent.
    pub fn agent_data(&self, host: usize) -> PathBuf {
        self.folder.join(name(host))
    }
}

/// The name of a host.
pub fn name(host: usize) -> String {
    format!("host{host}")
}
