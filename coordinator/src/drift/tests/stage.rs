//! What is known of inventories, on a store in memory, and agents that are a few lines each.

use std::sync::Arc;

use tamer_drift::tree::{Memory, Nodes as _, Picture};
use tamer_drift::{Digest, Kind, Resource, ResourceKey, Source};
use tamer_model::{
    Code, Host, HostId, HostState, HostStatus, JournalId, Problem, Timestamp, UserName,
};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message;
use tamer_scheduler::Queue;
use tamer_store::{Commit, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::drift::{Drift, Intake, Nodes};
use crate::fleet::{Fleet, follow};
use crate::session::{Live, Sessions};
use crate::state::{encode, keys};
use crate::workloads;

/// Bytes of nodes that an agent puts into one message.
const MESSAGE: usize = 64 << 10;

pub struct Stage {
    pub store: Store,
    pub fleet: Fleet,
    pub sessions: Sessions,
    pub drift: Drift,
    pub folder: Arc<tempfile::TempDir>,
    stop: CancellationToken,
}

type Answers = mpsc::Receiver<Box<Result<wire::CoordinatorMessage, tonic::Status>>>;

/// An agent in a session, and what its host holds.
pub struct Agent {
    intake: Intake,
    live: Live,
    answers: Answers,
    pub picture: Picture<Resource>,
    /// Every node it ever had, as far as it keeps them.
    pub nodes: Memory,
    pub epoch: u8,
    pub counter: u64,
    pub gap: Option<wire::InventoryGap>,
    pub sources: Vec<wire::SourceTold>,
    /// What it says how many resources there are; none: the truth.
    pub says: Option<u64>,
    /// It answers with bytes of its own.
    pub lies: bool,
    pub seen: Seen,
}

/// What an agent was told.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Nodes that it was asked for.
    pub asked: usize,
    /// Messages that asked.
    pub asks: usize,
    pub stored: Vec<Digest>,
    pub refused: Vec<Problem>,
}

pub fn id(host: usize) -> HostId {
    HostId::from_bytes([host as u8 + 1; 10])
}

pub fn ann() -> UserName {
    "ann".parse().expect("a name")
}

pub fn key(kind: Kind, id: &str) -> ResourceKey {
    ResourceKey::new(Source::host(), kind, id).expect("a key")
}

pub fn package(name: &str, version: &str) -> Resource {
    Resource::new(key(Kind::Package, name), name).with("version", version)
}

/// A commit that nobody is named in.
pub fn unaudited<T>(commit: Commit, _: &T) -> Commit {
    commit
}

fn record(host: usize) -> Host {
    let key = format!("sha256:{:064x}", host + 1);
    serde_json::from_value(serde_json::json!({
        "id": id(host), "name": format!("host{host}"), "labels": {}, "agent_version": "1",
        "facts": {"os": "linux", "distro": "", "distro_version": "", "kernel": "", "arch": "",
            "hostname": "", "cpus": 1, "memory_bytes": 1, "disks": [], "addresses": [],
            "virtualization": "", "providers": []},
        "joined_at": 1, "joined_by": {"approval": "admin"}, "key": key, "next_key": null,
        "certificate_ends": 1, "clock_ahead_ms": 0,
    }))
    .expect("a host")
}

impl Stage {
    /// A fleet of so many hosts that are ready; none has an agent yet.
    pub async fn new(hosts: usize) -> Self {
        let (store, stop) = (Store::memory(), CancellationToken::new());
        let (fleet, keep) = follow(store.clone(), stop.clone()).await.expect("a cache");
        tokio::spawn(keep);
        let sessions = Sessions::default();
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let drift = open(&store, &fleet, &sessions, &folder).await;
        let stage = Self { store, fleet, sessions, drift, folder, stop };
        for host in 0..hosts {
            let since = clock::now();
            let status = HostStatus {
                state: HostState::Ready,
                since,
                last_seen: since,
                peer: String::new(),
                journal: None,
            };
            let commit = Commit::new()
                .put(keys::host(id(host)), encode(&record(host)))
                .put(keys::status(id(host)), encode(&status));
            let at = stage.store.commit(commit).await.expect("a commit");
            stage.fleet.reached(at).await;
        }
        stage
    }

    /// The coordinator is killed, and another one begins on what is stored.
    pub async fn restart(&mut self) {
        self.sessions = Sessions::default();
        self.drift = open(&self.store, &self.fleet, &self.sessions, &self.folder).await;
    }

    /// An agent of a host opens a session.
    pub fn connect(&self, host: usize) -> Agent {
        let (out, answers) = mpsc::channel(256);
        let stop = self.stop.child_token();
        self.drift.met(id(host));
        self.sessions.open_for_test(id(host), JournalId::from_bytes([1; 10]), out, stop);
        Agent {
            intake: Intake::new(self.drift.clone(), id(host)),
            live: self.sessions.get(id(host)).expect("just opened"),
            answers,
            picture: Picture::new(),
            nodes: Memory::new(),
            epoch: 1,
            counter: 0,
            gap: None,
            sources: Vec::new(),
            says: None,
            lies: false,
            seen: Seen::default(),
        }
    }

    /// An agent whose host holds these packages, and whose picture is stored.
    pub async fn holding(&self, host: usize, packages: &[(&str, &str)]) -> Agent {
        let mut agent = self.connect(host);
        packages.iter().for_each(|(name, version)| agent.put(&package(name, version)));
        agent.tell().await;
        assert!(agent.seen.refused.is_empty(), "{:?}", agent.seen);
        agent
    }
}

async fn open(
    store: &Store,
    fleet: &Fleet,
    sessions: &Sessions,
    folder: &tempfile::TempDir,
) -> Drift {
    let (_, workloads, _) = workloads::Controller::new(
        store.clone(),
        fleet.clone(),
        sessions.clone(),
        Queue::default(),
    )
    .await
    .expect("loaded");
    let nodes = Nodes::open(&folder.path().join("inventory")).expect("a folder");
    let (store, fleet, sessions) = (store.clone(), fleet.clone(), sessions.clone());
    Drift::new(store, fleet, sessions, workloads, nodes, Default::default()).await.expect("read")
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Agent {
    pub fn put(&mut self, resource: &Resource) {
        self.picture.put(resource).expect("within bounds");
    }

    /// Goes on in another session of the same host, with what it has.
    pub fn again(self, stage: &Stage, host: usize) -> Self {
        let fresh = stage.connect(host);
        Self { intake: fresh.intake, live: fresh.live, answers: fresh.answers, ..self }
    }

    /// Its connection ends.
    pub fn part(&self, stage: &Stage, host: usize) {
        stage.sessions.forget_for_test(id(host));
        stage.drift.parted();
    }

    pub fn root(&mut self) -> Digest {
        self.picture.root()
    }

    /// Tells what its host holds, and answers until nothing is asked any more.
    pub async fn tell(&mut self) {
        self.begin().await;
        self.settle().await;
    }

    /// Tells, and answers nothing.
    pub async fn begin(&mut self) {
        let commit = self.picture.commit();
        self.nodes.extend(commit.made);
        self.counter += 1;
        let told = wire::InventoryTold {
            epoch: vec![self.epoch; 16],
            counter: self.counter,
            root: commit.root.as_bytes().to_vec(),
            at: clock::now().as_millis(),
            took_ms: 5,
            resources: self.says.unwrap_or_else(|| self.picture.len()),
            sources: self.sources.clone(),
            gap: self.gap.take(),
            before: Vec::new(),
        };
        self.intake.told(&self.live, told, Timestamp::from_millis).await.expect("heard");
    }

    /// A heartbeat, and what it brings about.
    pub async fn beat(&mut self) {
        let root = self.root();
        self.intake.beat(&self.live, root.as_bytes()).await.expect("heard");
        self.settle().await;
    }

    /// A heartbeat of one that has not looked yet.
    pub async fn beat_without_a_picture(&mut self) {
        self.intake.beat(&self.live, &[]).await.expect("heard");
        self.settle().await;
    }

    /// Answers until nothing is asked any more.
    pub async fn settle(&mut self) {
        while let Ok(message) = self.answers.try_recv() {
            let message = message.expect("a message").message.expect("it says something");
            match message {
                Message::InventoryWanted(wanted) => self.answer(wanted).await,
                Message::InventoryStored(stored) => {
                    let root = stored.root.try_into().expect("a digest");
                    self.seen.stored.push(Digest::from_bytes(root));
                }
                Message::InventoryRefused(refused) => {
                    let problem = refused.problem.expect("it says why");
                    let message = format!("{}: {}", problem.field, problem.message);
                    self.seen.refused.push(Problem::new(Code::InvalidField, message));
                }
                other => panic!("nothing else is said: {other:?}"),
            }
        }
    }

    /// Answers one message of wishes, and no more.
    pub async fn answer_once(&mut self) {
        let message = self.answers.try_recv().expect("something was asked").expect("a message");
        match message.message.expect("it says something") {
            Message::InventoryWanted(wanted) => self.answer(wanted).await,
            other => panic!("nodes are asked for: {other:?}"),
        }
    }

    async fn answer(&mut self, wanted: wire::InventoryWanted) {
        assert!(wanted.digests.len() <= 256, "{}", wanted.digests.len());
        self.seen.asks += 1;
        self.seen.asked += wanted.digests.len();
        let mut page = wire::InventoryNodes::default();
        let mut pages = Vec::new();
        let mut bytes = 0;
        for digest in wanted.digests {
            let named = Digest::from_bytes(digest.clone().try_into().expect("a digest"));
            match self.nodes.node(&named) {
                Some(_) if self.lies => page.nodes.push(bytes::Bytes::from_static(b"\x01\x00\x00")),
                Some(node) => {
                    bytes += node.len();
                    page.nodes.push(bytes::Bytes::copy_from_slice(&node));
                }
                None => page.unknown.push(digest),
            }
            if bytes > MESSAGE {
                pages.push(std::mem::take(&mut page));
                bytes = 0;
            }
        }
        pages.push(page);
        for page in pages {
            self.intake.nodes(&self.live, page).await.expect("heard");
        }
    }
}
