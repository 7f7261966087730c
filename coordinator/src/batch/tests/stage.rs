//! A controller on a store in memory, and agents that are a few lines each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tamer_model::{
    Action, Batch, BatchId, BatchSpec, BatchState, CommandSpec, Host, HostId, HostState,
    HostStatus, JournalId, KeptOutput, Mark, Outcome, Rollout, TargetSpec, TaskEnd, TaskId,
    TaskRecord, Timestamp, UserName,
};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message;
use tamer_scheduler::Queue;
use tamer_store::{Commit, CommitError, Range, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::batch::make::By;
use crate::batch::{Controller, Feeds, Maker, Notice, Order};
use crate::clock;
use crate::contents::Contents;
use crate::drift::{Drift, Nodes};
use crate::fleet::{Fleet, follow};
use crate::session::Sessions;
use crate::state::{decode, encode, keys};

const LIMIT: Duration = Duration::from_secs(20);

/// What an agent does with a task: its exit code after a time; silence without one.
pub type Answer = fn(host: usize, attempt: u16) -> Option<(i32, u64)>;

pub struct Stage {
    pub store: Store,
    pub fleet: Fleet,
    pub sessions: Sessions,
    line: Arc<Mutex<Option<mpsc::Sender<Notice>>>>,
    work: CancellationToken,
    agents: CancellationToken,
    answer: Answer,
    pub seen: Arc<Mutex<Seen>>,
    contents: Contents,
    drift: Drift,
    /// Dropped last.
    _folder: tempfile::TempDir,
}

/// What the agents saw.
#[derive(Default)]
pub struct Seen {
    pub started: Vec<(usize, u16)>,
    in_flight: BTreeMap<TaskId, ()>,
    pub most_in_flight: usize,
}

pub fn id(host: usize) -> HostId {
    HostId::from_bytes([host as u8 + 1; 10])
}

fn journal(host: usize) -> JournalId {
    JournalId::from_bytes([host as u8 + 1; 10])
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
    /// A fleet of so many hosts that are ready and have agents.
    pub async fn new(hosts: usize, answer: Answer) -> Self {
        let store = Store::memory();
        let (work, agents) = (CancellationToken::new(), CancellationToken::new());
        let (fleet, keep) = follow(store.clone(), agents.clone()).await.expect("a cache");
        tokio::spawn(keep);
        let (sessions, line) = (Sessions::default(), Arc::default());
        let seen = Arc::default();
        let folder = tempfile::tempdir().expect("a folder");
        let contents = Contents::open(folder.path(), Default::default()).expect("an empty folder");
        let (_, workloads, _) = crate::workloads::Controller::new(
            store.clone(),
            fleet.clone(),
            sessions.clone(),
            Queue::default(),
        )
        .await
        .expect("loaded");
        let nodes = Nodes::open(&folder.path().join("inventory")).expect("an empty folder");
        let drift = Drift::new(
            store.clone(),
            fleet.clone(),
            sessions.clone(),
            workloads,
            nodes,
            Default::default(),
        )
        .await
        .expect("nothing is known");
        let mut stage = Self {
            store,
            fleet,
            sessions,
            line,
            work,
            agents,
            answer,
            seen,
            contents,
            drift,
            _folder: folder,
        };
        for host in 0..hosts {
            let commit = Commit::new().put(keys::host(id(host)), encode(&record(host)));
            stage.store.commit(commit).await.expect("a commit");
            stage.state(host, HostState::Ready).await;
        }
        stage.start();
        for host in 0..hosts {
            stage.connect(host).await;
        }
        stage
    }

    /// Starts a controller, as a coordinator does that was started again.
    pub fn start(&mut self) {
        self.work.cancel();
        self.work = CancellationToken::new();
        let (controller, line) = Controller::new(
            self.store.clone(),
            self.fleet.clone(),
            self.sessions.clone(),
            Feeds::default(),
        );
        *self.line.lock().expect("a lock") = Some(line);
        tokio::spawn(controller.run(self.work.clone()));
    }

    pub async fn state(&self, host: usize, state: HostState) {
        let (since, peer) = (clock::now(), String::new());
        let status = HostStatus { state, since, last_seen: since, peer, journal: None };
        let commit = Commit::new().put(keys::status(id(host)), encode(&status));
        let at = self.store.commit(commit).await.expect("a commit");
        self.fleet.reached(at).await;
    }

    pub async fn cordon(&self, host: usize) {
        let mut changed = record(host);
        let by = name();
        let cordon = tamer_model::Cordon { by, at: clock::now(), reason: String::new() };
        changed.cordon = Some(cordon);
        let commit = Commit::new().put(keys::host(id(host)), encode(&changed));
        let at = self.store.commit(commit).await.expect("a commit");
        self.fleet.reached(at).await;
    }

    /// An agent with nothing in its journal opens a session.
    pub async fn connect(&self, host: usize) {
        let (out, mut messages) = mpsc::channel(256);
        let stop = self.agents.child_token();
        let live = self.sessions.open_for_test(id(host), journal(host), out, stop);
        self.tell(Notice::Up { host: id(host), session: live, held: Vec::new() }).await;
        let (line, seen, answer) = (self.line.clone(), self.seen.clone(), self.answer);
        tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                let Ok(wire::CoordinatorMessage { message: Some(message) }) = *message else {
                    return;
                };
                serve(host, message, &line, &seen, answer);
            }
        });
    }

    pub async fn tell(&self, notice: Notice) {
        tell(&self.line, notice).await;
    }

    pub async fn run(&self, rollout: Rollout) -> BatchId {
        self.order(BatchSpec { rollout, ..spec() }).await.expect("a batch").id
    }

    pub async fn order(&self, spec: BatchSpec) -> Result<Batch, tamer_model::Problem> {
        let (store, fleet) = (self.store.clone(), self.fleet.clone());
        let maker =
            Maker { store, fleet, contents: self.contents.clone(), drift: self.drift.clone() };
        let request_id = format!("{:032x}", fastrand::u128(..));
        let order = Order { spec: spec.validate()?, origin: None, request_id, expect: None };
        let by = By { name: name(), who: "user/admin".to_owned(), from: String::new() };
        maker.create(order, &by).await
    }

    pub async fn batch(&self, id: BatchId) -> Batch {
        let key = keys::batch(id);
        let entry = self.store.get(&key).await.expect("a read").expect("a batch");
        decode(&key, &entry.value).expect("a record")
    }

    /// Waits until the batch is as asked.
    pub async fn until(&self, id: BatchId, what: &str, is: impl Fn(&Batch) -> bool) -> Batch {
        let from = Instant::now();
        loop {
            let batch = self.batch(id).await;
            if is(&batch) {
                return batch;
            }
            let seen = &self.seen.lock().expect("a lock").started.clone();
            assert!(from.elapsed() < LIMIT, "not {what}: {batch:?}, started {seen:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn ended(&self, id: BatchId) -> Batch {
        self.until(id, "ended", |batch| batch.state != BatchState::Running).await
    }

    pub async fn tasks(&self, batch: BatchId) -> Vec<TaskRecord> {
        let range = Range::prefix(&keys::tasks(batch));
        let page = self.store.range(range).await.expect("a read");
        page.entries.iter().map(|e| decode(&e.key, &e.value).expect("a record")).collect()
    }

    /// The ends, as words, by host.
    pub async fn words(&self, batch: BatchId) -> Vec<&'static str> {
        self.tasks(batch).await.iter().map(|record| record.state.as_str()).collect()
    }

    /// A person pauses a batch, or lets it go on.
    pub async fn mark(&self, id: BatchId, resumed: bool) {
        self.change(id, |batch| {
            batch.marks.push(Mark { at: clock::now(), by: name(), resumed });
        })
        .await;
    }

    pub async fn change(&self, id: BatchId, change: impl Fn(&mut Batch)) {
        let key = keys::batch(id);
        loop {
            let entry = self.store.get(&key).await.expect("a read").expect("a batch");
            let mut batch: Batch = decode(&key, &entry.value).expect("a record");
            change(&mut batch);
            let commit = Commit::new()
                .modified_at(key.clone(), entry.modified)
                .put(key.clone(), encode(&batch));
            match self.store.commit(commit).await {
                Err(CommitError::Conflict { .. }) => {}
                other => {
                    other.expect("a commit");
                    return;
                }
            }
        }
    }

    /// The order in which tasks were started, and on which attempt.
    pub fn started(&self) -> Vec<(usize, u16)> {
        self.seen.lock().expect("a lock").started.clone()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.work.cancel();
        self.agents.cancel();
    }
}

pub fn name() -> UserName {
    "admin".parse().expect("a name")
}

/// A command on all hosts.
pub fn spec() -> BatchSpec {
    BatchSpec::new(Action::Command(CommandSpec::new(["true"])), TargetSpec::default())
}

async fn tell(line: &Arc<Mutex<Option<mpsc::Sender<Notice>>>>, notice: Notice) {
    let line = line.lock().expect("a lock").clone().expect("a controller");
    // One that was stopped is told nothing.
    let _ = line.send(notice).await;
}

fn serve(
    host: usize,
    message: Message,
    line: &Arc<Mutex<Option<mpsc::Sender<Notice>>>>,
    seen: &Arc<Mutex<Seen>>,
    answer: Answer,
) {
    let ended = |task: TaskId, outcome: Outcome, after: u64| {
        let (line, seen) = (line.clone(), seen.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            seen.lock().expect("a lock").in_flight.remove(&task);
            let end = Box::new(TaskEnd::without_times(outcome, "as it was told to"));
            tell(&line, Notice::Ended { task, end, output: KeptOutput::default() }).await;
        });
    };
    match message {
        Message::StartTask(start) => {
            let task: TaskId = start.task.expect("a task").try_into().expect("a task");
            {
                let mut seen = seen.lock().expect("a lock");
                seen.started.push((host, task.attempt));
                seen.in_flight.insert(task, ());
                seen.most_in_flight = seen.most_in_flight.max(seen.in_flight.len());
            }
            let (line, journal) = (line.clone(), journal(host));
            tokio::spawn(async move {
                tell(&line, Notice::Started { task, journal, at: Timestamp::from_millis(1) }).await;
            });
            if let Some((code, after)) = answer(host, task.attempt) {
                let outcome = match code {
                    0 => Outcome::Succeeded,
                    code => Outcome::Failed { exit_code: Some(code), signal: None },
                };
                ended(task, outcome, after);
            }
        }
        Message::CancelTask(cancel) => {
            let task = cancel.task.expect("a task").try_into().expect("a task");
            ended(task, Outcome::Cancelled, 0);
        }
        _ => {}
    }
}
