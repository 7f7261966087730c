//! A controller on a store in memory, and agents that are a few lines each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tamer_model::{
    Availability, Host, HostId, HostState, HostStatus, InstanceSpec, JournalId, Phase, PlacementId,
    PlacementOrder, PlacementStatus, ProviderStatus, Run, UpdateState, UserName, VersionCause,
    Workload, WorkloadName, WorkloadSpec, WorkloadVersion,
};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message;
use tamer_scheduler::Queue;
use tamer_store::{Commit, CommitError, Prefix, Range, Revision, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::fleet::{Fleet, follow};
use crate::session::Sessions;
use crate::state::{encode, keys};
use crate::workloads::{Board, Controller, Notice, Workloads};

const LIMIT: Duration = Duration::from_secs(30);

/// What becomes of a copy on a host.
pub type Answer = fn(host: usize, order: &PlacementOrder) -> Phase;

pub struct Stage {
    pub store: Store,
    pub fleet: Fleet,
    pub sessions: Sessions,
    pub workloads: Workloads,
    line: Line,
    work: CancellationToken,
    agents: CancellationToken,
    answer: Answer,
    pub kept: Arc<Mutex<BTreeMap<usize, Kept>>>,
}

type Line = Arc<Mutex<Option<mpsc::Sender<Notice>>>>;

/// What an agent has on its disk, and what it was told.
#[derive(Debug, Default, Clone)]
pub struct Kept {
    pub copies: BTreeMap<PlacementId, PlacementStatus>,
    /// What is gone, and told in every session until nobody names it.
    pub gone: BTreeSet<PlacementId>,
    /// How often it was told to run something that it did not have.
    pub puts: u32,
    /// How often it was told to go on with something.
    pub keeps: u32,
    /// Whole lists that it was told.
    pub lists: u32,
    pub names: Vec<String>,
}

pub fn id(host: usize) -> HostId {
    HostId::from_bytes([1, 0, 0, 0, 0, 0, 0, 0, (host >> 8) as u8, host as u8])
}

pub fn name(text: &str) -> WorkloadName {
    text.parse().expect("a name")
}

fn user() -> UserName {
    "admin".parse().expect("a name")
}

pub fn web(run: Run) -> WorkloadSpec {
    let instance = InstanceSpec { image: Some("busybox".to_owned()), ..InstanceSpec::default() };
    let provider = "docker".parse().expect("a provider");
    WorkloadSpec { run, ..WorkloadSpec::new(name("web"), provider, instance) }
}

fn record(host: usize) -> Host {
    let key = format!("sha256:{:064x}", host + 1);
    serde_json::from_value(serde_json::json!({
        "id": id(host), "name": format!("host{host}"), "labels": {}, "agent_version": "1",
        "facts": {"os": "linux", "distro": "", "distro_version": "", "kernel": "", "arch": "",
            "hostname": "", "cpus": 8, "memory_bytes": 8u64 << 30, "disks": [], "addresses": [],
            "virtualization": "", "providers": []},
        "joined_at": 1, "joined_by": {"approval": "admin"}, "key": key, "next_key": null,
        "certificate_ends": 1, "clock_ahead_ms": 0,
    }))
    .expect("a host")
}

impl Stage {
    /// A fleet of so many hosts that are ready and have agents.
    pub async fn new(hosts: usize, answer: Answer) -> Self {
        Self::on(Store::memory(), hosts, answer).await
    }

    /// The same, on a store of another kind.
    pub async fn on(store: Store, hosts: usize, answer: Answer) -> Self {
        let agents = CancellationToken::new();
        let (fleet, keep) = follow(store.clone(), agents.clone()).await.expect("a cache");
        tokio::spawn(keep);
        let sessions = Sessions::default();
        let (controller, workloads, line) =
            Controller::new(store.clone(), fleet.clone(), sessions.clone(), Queue::default())
                .await
                .expect("loaded");
        let (work, line) = (CancellationToken::new(), Arc::new(Mutex::new(Some(line))));
        tokio::spawn(controller.run(work.clone()));
        let kept = Arc::default();
        let stage = Self { store, fleet, sessions, workloads, line, work, agents, answer, kept };
        for host in 0..hosts {
            stage.join(host).await;
            stage.connect(host).await;
        }
        stage
    }

    /// A host is part of the fleet, and ready.
    pub async fn join(&self, host: usize) {
        let available =
            Availability::Available { version: "1".to_owned(), endpoint: String::new() };
        let name = "docker".parse().expect("a provider");
        let docker =
            ProviderStatus { name, availability: available, capabilities: BTreeMap::new() };
        let commit = Commit::new()
            .put(keys::host(id(host)), encode(&record(host)))
            .put(keys::providers(id(host)), encode(&vec![docker]));
        self.store.commit(commit).await.expect("a commit");
        self.state(host, HostState::Ready).await;
    }

    pub async fn state(&self, host: usize, state: HostState) {
        let (since, peer) = (clock::now(), String::new());
        let status = HostStatus { state, since, last_seen: since, peer, journal: None };
        let commit = Commit::new().put(keys::status(id(host)), encode(&status));
        let at = self.store.commit(commit).await.expect("a commit");
        self.fleet.reached(at).await;
    }

    /// A person removes a host.
    pub async fn remove_host(&self, host: usize) {
        let commit = Commit::new().delete(keys::host(id(host))).delete(keys::status(id(host)));
        self.store.commit(commit).await.expect("a commit");
        self.disconnect(host);
    }

    /// Ends the controller, and starts another as a coordinator does that was started again.
    pub async fn restart(&mut self) {
        self.work.cancel();
        self.work = CancellationToken::new();
        let (store, fleet) = (self.store.clone(), self.fleet.clone());
        let (controller, workloads, line) =
            Controller::new(store, fleet, self.sessions.clone(), Queue::default())
                .await
                .expect("loaded");
        self.workloads = workloads;
        *self.line.lock().expect("a lock") = Some(line);
        tokio::spawn(controller.run(self.work.clone()));
    }

    /// An agent opens a session, hears what its host shall keep, and tells what it has.
    pub async fn connect(&self, host: usize) {
        let (out, mut messages) = mpsc::channel(256);
        let (stop, journal) = (self.agents.child_token(), JournalId::from_bytes([1; 10]));
        let session = self.sessions.open_for_test(id(host), journal, out, stop.clone());
        let (host_id, held) = (id(host), self.kept(host).copies.into_keys().collect());
        self.tell(Notice::Up { host: host_id, session, held }).await;
        let told = self.kept(host);
        let gone = told.gone.iter().map(|id| (*id, status(Phase::Gone)));
        let reports = told.copies.into_iter().chain(gone).collect();
        self.tell(Notice::Told { host: host_id, session, complete: true, reports }).await;
        let (line, kept, answer) = (self.line.clone(), self.kept.clone(), self.answer);
        tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    () = stop.cancelled() => return,
                    message = messages.recv() => message,
                };
                let Some(Ok(message)) = message.map(|message| *message) else { return };
                let Some(Message::Placements(wanted)) = message.message else { continue };
                let reports = keep(host, wanted, &kept, answer);
                let notice = Notice::Told { host: host_id, session, complete: false, reports };
                send(&line, notice).await;
            }
        });
    }

    /// An agent's session ends.
    pub fn disconnect(&self, host: usize) {
        if let Some(live) = self.sessions.get(id(host)) {
            live.close("test", "the test ends it");
        }
        self.sessions.forget_for_test(id(host));
    }

    pub async fn tell(&self, notice: Notice) {
        send(&self.line, notice).await;
    }

    /// What an agent has now.
    pub fn kept(&self, host: usize) -> Kept {
        self.kept.lock().expect("a lock").get(&host).cloned().unwrap_or_default()
    }

    /// A person applies a workload. Returns its version.
    pub async fn apply(&self, spec: WorkloadSpec) -> u32 {
        loop {
            let known = self.workloads.read().workload(&spec.name).cloned();
            let (workload, commit) = applied(spec.clone(), known.map(|one| (one.workload, one.at)));
            let version = workload.version;
            match self.store.commit(commit).await {
                Ok(at) => {
                    self.workloads.reached(at).await;
                    return version;
                }
                Err(problem) => assert!(matches!(problem, CommitError::Conflict { .. })),
            }
        }
    }

    /// A person changes the record of a workload, without a version.
    pub async fn change(&self, workload: &str, change: impl Fn(&mut Workload)) {
        let key = keys::workload(&name(workload));
        loop {
            let known = self.workloads.read().workload(&name(workload)).cloned();
            let known = known.expect("it is there");
            let mut changed = Workload::clone(&known.workload);
            change(&mut changed);
            let commit =
                Commit::new().modified_at(key.clone(), known.at).put(key.clone(), encode(&changed));
            match self.store.commit(commit).await {
                Ok(at) => return self.workloads.reached(at).await,
                Err(problem) => assert!(matches!(problem, CommitError::Conflict { .. })),
            }
        }
    }

    /// Waits until the board is as asked.
    pub async fn until(&self, what: &str, is: impl Fn(&Board) -> bool) {
        let from = Instant::now();
        while !is(&self.workloads.read()) {
            assert!(from.elapsed() < LIMIT, "not {what}: {}", self.picture());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until so many copies of `web` run and nothing else is there.
    pub async fn running(&self, copies: usize) {
        self.until(&format!("{copies} running"), |board| {
            let all: Vec<_> = board.copies_of(&name("web")).collect();
            let runs = |phase: Phase| phase == Phase::Running;
            all.len() == copies
                && all.iter().all(|copy| {
                    copy.placement.wanted()
                        && copy.status.as_ref().is_some_and(|status| runs(status.phase))
                })
        })
        .await;
    }

    /// The hosts that copies of `web` are on, in order.
    pub fn hosts(&self) -> Vec<HostId> {
        let board = self.workloads.read();
        let mut hosts: Vec<_> =
            board.copies_of(&name("web")).map(|copy| copy.placement.host).collect();
        hosts.sort_unstable();
        hosts
    }

    /// How many records there are below a prefix.
    pub async fn count(&self, prefix: &Prefix) -> usize {
        let mut next = Some(Range::prefix(prefix));
        let mut count = 0;
        while let Some(range) = next {
            let page = self.store.range(range).await.expect("a read");
            count += page.entries.len();
            next = page.next;
        }
        count
    }

    /// Waits until there are so many records below a prefix.
    pub async fn until_count(&self, prefix: Prefix, wanted: usize) {
        let from = Instant::now();
        while self.count(&prefix).await != wanted {
            let now = self.count(&prefix).await;
            assert!(from.elapsed() < LIMIT, "{now}, not {wanted}: {}", self.picture());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until the controller has nothing left to do: it answers what it is told last, and the
    /// store stays as it is.
    pub async fn settled(&self) -> Revision {
        let mut last = self.store.revision().await.expect("a revision");
        let mut quiet = 0;
        let from = Instant::now();
        while quiet < 20 {
            assert!(from.elapsed() < LIMIT, "never quiet: {}", self.picture());
            tokio::time::sleep(Duration::from_millis(5)).await;
            let now = self.store.revision().await.expect("a revision");
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// Everything, for who reads why a test failed.
    pub fn picture(&self) -> String {
        let board = self.workloads.read();
        let mut lines: Vec<_> = board
            .copies()
            .take(20)
            .map(|copy| format!("{:?} {:?}", copy.placement, copy.status))
            .collect();
        lines.extend(board.workloads().map(|one| format!("{:?}", one.workload)));
        lines.join("\n")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.work.cancel();
        self.agents.cancel();
    }
}

/// The commit that applies a workload, as the control side makes it.
fn applied(spec: WorkloadSpec, known: Option<(Arc<Workload>, Revision)>) -> (Workload, Commit) {
    let (key, now) = (keys::workload(&spec.name), clock::now());
    let (given, workload) = match known {
        None => {
            let workload = Workload {
                spec: spec.clone(),
                owner: user(),
                created_at: now,
                version: 1,
                template: 1,
                stable: None,
                update: None,
                stopped: false,
                removing: false,
                rebalance_at: None,
            };
            (Commit::new().absent(key.clone()), workload)
        }
        Some((before, at)) => {
            let version = before.version + 1;
            let same = before.spec.same_template(&spec);
            let template = if same { before.template } else { version };
            let stage = match spec.update.canary {
                0 => tamer_model::Stage::Rolling,
                _ => tamer_model::Stage::Canary,
            };
            let fresh = Some(UpdateState { begun_at: now, stage });
            let update = if same { before.update.clone() } else { fresh };
            let workload = Workload {
                spec: spec.clone(),
                version,
                template,
                update,
                ..Workload::clone(&before)
            };
            (Commit::new().modified_at(key.clone(), at), workload)
        }
    };
    let version = WorkloadVersion {
        version: workload.version,
        template: workload.template,
        spec,
        by: user(),
        at: now,
        cause: VersionCause::Applied,
    };
    let history = keys::workload_version(&workload.spec.name, workload.version);
    let commit = given.put(key, encode(&workload)).put(history, encode(&version));
    (workload, commit)
}

pub fn status(phase: Phase) -> PlacementStatus {
    PlacementStatus {
        phase,
        healthy: None,
        since: clock::now(),
        restarts: 0,
        reason: None,
        instance: None,
        exit_code: None,
    }
}

async fn send(line: &Line, notice: Notice) {
    let line = line.lock().expect("a lock").clone().expect("a controller");
    // One that was stopped is told nothing.
    let _ = line.send(notice).await;
}

/// What an agent does with what it is told: it runs at once, or is gone at once.
fn keep(
    host: usize,
    wanted: wire::PlacementsWanted,
    kept: &Mutex<BTreeMap<usize, Kept>>,
    answer: Answer,
) -> Vec<(PlacementId, PlacementStatus)> {
    let mut kept = kept.lock().expect("a lock");
    let kept = kept.entry(host).or_default();
    let wire::PlacementsWanted { begins, complete, put, keep, gone } = wanted;
    kept.lists += u32::from(complete);
    kept.keeps += keep.len() as u32;
    let mut reports = Vec::new();
    let id = |text: &str| text.parse::<PlacementId>().expect("an id");
    if begins && complete {
        let named: BTreeSet<_> = put.iter().map(|order| id(&order.id)).collect();
        let named: BTreeSet<_> = keep.iter().map(|text| id(text)).chain(named).collect();
        let unnamed: Vec<_> =
            kept.copies.keys().copied().filter(|id| !named.contains(id)).collect();
        for id in unnamed {
            kept.copies.remove(&id);
            reports.push((id, status(Phase::Gone)));
        }
    }
    for order in put {
        let order = PlacementOrder::try_from(order).expect("an order");
        let status = status(answer(host, &order));
        kept.puts += u32::from(!kept.copies.contains_key(&order.id));
        kept.names.extend(order.instance.name.iter().map(ToString::to_string));
        kept.copies.insert(order.id, status.clone());
        reports.push((order.id, status));
    }
    for gone in gone {
        let id = id(&gone.id);
        kept.copies.remove(&id);
        reports.push((id, status(Phase::Gone)));
    }
    reports
}
