//! The coordinator put together: build, serve, drain.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tamer_certs::{Authority, Revocations, Revoked, RotatingServer, renew_at};
use tamer_discovery::Advertiser;
use tamer_model::{Code, CoordinatorId, Problem, Role, Timestamp};
use tamer_store::{Commit, HistoryBounds, OpenError, Options, Store};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::advertise::advertise;
use crate::audit::Refusals;
use crate::batch::{Controller, Feeds};
use crate::config::{Config, StoreKind};
use crate::contents::{Brought, Contents};
use crate::control::People;
use crate::data::Data;
use crate::door::{Door, Services};
use crate::drift::{Drift, Nodes};
use crate::enrol::Enrol;
use crate::fleet::{Fleet, follow};
use crate::instances::streams::Streams;
use crate::janitor::Janitor;
use crate::schedules::Keeper;
use crate::session::Sessions;
use crate::session::service::Agents;
use crate::state::{self, FleetMeta, Unstorable, decode, encode, keys};
use crate::{clock, health, liveness, platform, workloads};

/// How long connections have to end when the coordinator stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Bytes of changes kept for watchers. Those of this process are never far behind, and one that is
/// reads again.
const HISTORY: usize = 8 * 1024 * 1024;
/// Bytes that the store's engine may keep of what it read and wrote. The fleet is in memory anyway,
/// and a batch is read once when it begins; what is gained by more is a second copy of both.
const CACHE: usize = 16 * 1024 * 1024;
/// How often the coordinator's own certificate is looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(3600);

/// A coordinator that serves.
pub struct Running {
    address: SocketAddr,
    health: Option<SocketAddr>,
    context: PathBuf,
    exit_with_stdin: bool,
    store: Store,
    sessions: Sessions,
    advertiser: Option<Advertiser>,
    /// Takes connections in.
    intake: CancellationToken,
    /// Everything else.
    work: CancellationToken,
    connections: TaskTracker,
    controllers: JoinSet<()>,
    _data: Data,
}

/// Claims the data folder, opens the store, binds the port and starts everything.
pub async fn start(config: Config) -> Result<Running, Problem> {
    let started_at = clock::now();
    clock::steady();
    platform::raise_file_limit();
    let data = Data::open(&config.data)?;
    let coordinator = data.coordinator()?;
    let contents = Contents::open(&data.path("contents"), config.contents.clone())?;
    let store = open_store(&config, &data).await?;
    let nodes = Nodes::open(&data.path("inventory"))?;
    let authority = Arc::new(authority(&store, &data).await?);
    let listener = bind(config.listen, "listen").await?;
    let address = listener
        .local_addr()
        .map_err(|error| Problem::new(Code::AddressUnavailable, error.to_string()))?;
    let health_listener = match config.health {
        Some(address) => Some(bind(address, "health").await?),
        None => None,
    };
    let health = health_listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let context = data.context(&authority, reachable(address))?;

    let (intake, work) = (CancellationToken::new(), CancellationToken::new());
    let mut controllers = JoinSet::new();
    let (fleet, keep) =
        follow(store.clone(), work.clone()).await.map_err(|error| state::unstorable(&error))?;
    controllers.spawn(keep);
    let revocations = Revocations::default();
    controllers.spawn(revoke(fleet.clone(), revocations.clone(), work.clone()));
    let (refusals, write) = Refusals::new(store.clone(), work.clone());
    controllers.spawn(write);
    let sessions = Sessions::default();
    let feeds = Feeds::default();
    let streams = Streams::default();
    let (controller, notices) =
        Controller::new(store.clone(), fleet.clone(), sessions.clone(), feeds.clone());
    controllers.spawn(controller.run(work.clone()));
    let (controller, workloads, placements) = workloads::Controller::new(
        store.clone(),
        fleet.clone(),
        sessions.clone(),
        config.scheduling.queue.into(),
    )
    .await?;
    controllers.spawn(controller.run(work.clone()));
    let drift = Drift::new(
        store.clone(),
        fleet.clone(),
        sessions.clone(),
        workloads.clone(),
        nodes,
        config.drift.settings()?,
    )
    .await?;
    controllers.spawn(liveness::run(store.clone(), fleet.clone(), sessions.clone(), work.clone()));
    let janitor = Janitor::new(
        store.clone(),
        fleet.clone(),
        contents.clone(),
        workloads.clone(),
        drift.clone(),
        config.retention.clone(),
    );
    controllers.spawn(janitor.run(work.clone()));

    let own =
        authority.issue_coordinator(coordinator, clock::now()).map_err(|error| internal(&error))?;
    let server = RotatingServer::new(own);
    let tls = tamer_certs::server_config(authority.trust(), &server, revocations)
        .map_err(|error| internal(&error))?;
    controllers.spawn(renew(authority.clone(), coordinator, server, work.clone()));

    let connections = TaskTracker::new();
    let enrol = Enrol::new(
        store.clone(),
        fleet.clone(),
        authority.fleet(),
        authority.clone(),
        refusals.clone(),
    );
    let agents = Agents {
        store: store.clone(),
        fleet: fleet.clone(),
        sessions: sessions.clone(),
        feeds: feeds.clone(),
        streams: streams.clone(),
        contents: contents.clone(),
        brought: Brought::default(),
        drift: drift.clone(),
        notices,
        placements,
        authority: authority.clone(),
        coordinator,
        tasks: connections.clone(),
        stop: intake.clone(),
    };
    let people = People {
        store: store.clone(),
        fleet: fleet.clone(),
        sessions: sessions.clone(),
        feeds,
        streams,
        contents,
        workloads,
        drift,
        authority: authority.clone(),
        refusals,
        fleet_id: authority.fleet(),
        coordinator,
        started_at,
        stop: intake.clone(),
    };
    controllers.spawn(Keeper::new(people.maker()).run(work.clone()));
    let services = Services::new(enrol, agents, people);
    let door = Door {
        listener,
        tls: Arc::new(tls),
        limits: config.door.clone(),
        services,
        tasks: connections.clone(),
        stop: intake.clone(),
    };
    controllers.spawn(door.run());
    if let Some(listener) = health_listener {
        controllers.spawn(health::run(listener, store.clone(), work.clone()));
    }
    let advertiser = advertise(&config, &authority, coordinator, address);
    platform::notify_ready();
    info!(%address, fleet = %authority.fleet(), ca = %authority.fingerprint(), store = store.name(), "serving");
    Ok(Running {
        address,
        health,
        context,
        exit_with_stdin: config.exit_with_stdin,
        store,
        sessions,
        advertiser,
        intake,
        work,
        connections,
        controllers,
        _data: data,
    })
}

impl Running {
    /// What a program that started this one waits for: one line, `key=value`.
    pub fn ready_line(&self) -> String {
        let health = self.health.map_or_else(|| "off".to_owned(), |health| health.to_string());
        format!("ready address={} health={health} context={}", self.address, self.context.display())
    }

    /// Serves until it is asked to stop, then lets everything end in order.
    pub async fn until_stopped(mut self) -> Result<(), Problem> {
        let asked = tokio::select! {
            asked = platform::stop_requested() => asked.map_err(|error| internal(&error)),
            () = stdin_ended(), if self.exit_with_stdin => Ok(()),
            died = self.controllers.join_next() => {
                let why = died.and_then(Result::err).map_or_else(|| "it ended".to_owned(), |e| e.to_string());
                error!(why, "a part of the coordinator stopped");
                Err(Problem::new(Code::Internal, format!("a part of the coordinator stopped: {why}")))
            }
        };
        self.drain().await;
        asked
    }

    async fn drain(mut self) {
        info!("stopping");
        platform::notify_stopping();
        if let Some(advertiser) = self.advertiser.take() {
            advertiser.stop().await;
        }
        self.sessions
            .close_all("stopping", "this coordinator is stopping; the agent will find it again");
        self.intake.cancel();
        self.connections.close();
        if tokio::time::timeout(DRAIN, self.connections.wait()).await.is_err() {
            warn!(open = self.connections.len(), "connections did not end in time");
        }
        self.work.cancel();
        while self.controllers.join_next().await.is_some() {}
        self.store.close().await;
        info!("stopped");
    }
}

async fn open_store(config: &Config, data: &Data) -> Result<Store, Problem> {
    let history = HistoryBounds { bytes: HISTORY, ..HistoryBounds::default() };
    let engine = match config.store {
        StoreKind::Memory => return Ok(Store::memory()),
        StoreKind::Disk(engine) => engine,
    };
    Store::open(Options { history, cache_bytes: CACHE, ..Options::new(data.path("store"), engine) })
        .await
        .map_err(|error| folder_problem(&error))
}

/// What a person is told about a store that does not open.
pub fn folder_problem(error: &OpenError) -> Problem {
    Problem::new(Code::DataFolder, state::unstorable(error).message)
}

/// Brings folder and store together: both hold the authority, and both are of one fleet.
async fn authority(store: &Store, data: &Data) -> Result<Authority, Problem> {
    if tamer_store::transfer::unfinished(store).await.map_err(Unstorable::problem)? {
        return Err(Problem::new(Code::DataFolder, "the import into this store did not finish")
            .remedy("run `tamer-coordinator store import` with the same file again"));
    }
    let meta_key = keys::meta();
    let meta = store.get(&meta_key).await.map_err(Unstorable::problem)?;
    let meta: Option<FleetMeta> = meta.map(|entry| decode(&meta_key, &entry.value)).transpose()?;
    if let Some(meta) = meta.as_ref().filter(|meta| meta.format > state::FORMAT) {
        let what =
            format!("the store has format {}; this version knows {}", meta.format, state::FORMAT);
        return Err(Problem::new(Code::DataFolder, what).remedy("upgrade this coordinator"));
    }
    let kept_key = keys::authority();
    let kept = store.get(&kept_key).await.map_err(Unstorable::problem)?;
    let authority = match (data.authority()?, &kept) {
        (Some(authority), _) => authority,
        (None, Some(kept)) => data.restore_authority(&decode(&kept_key, &kept.value)?)?,
        (None, None) if meta.is_none() => data.new_authority()?,
        (None, None) => {
            return Err(Problem::new(
                Code::DataFolder,
                "the fleet's certificate authority is gone",
            )
            .remedy("restore ca.key and ca.crt from a backup of the data folder"));
        }
    };
    if let Some(meta) = meta.as_ref().filter(|meta| meta.fleet != authority.fleet()) {
        let what = format!(
            "the store is of fleet {}, the certificate authority of {}",
            meta.fleet,
            authority.fleet()
        );
        return Err(Problem::new(Code::DataFolder, what)
            .remedy("put the ca.key and ca.crt of the store's fleet into the data folder"));
    }
    let mut commit = Commit::new();
    match meta {
        None => {
            let created_at = clock::now();
            let meta = FleetMeta { format: state::FORMAT, fleet: authority.fleet(), created_at };
            commit = commit.absent(meta_key.clone()).put(meta_key, encode(&meta));
        }
        // What the earlier format wrote reads as this one; what is written from now on does not
        // read as the earlier.
        Some(meta) if meta.format < state::FORMAT => {
            commit = commit.put(meta_key, encode(&FleetMeta { format: state::FORMAT, ..meta }));
        }
        Some(_) => {}
    }
    if kept.is_none() {
        commit = commit.absent(kept_key.clone()).put(kept_key, encode(&data.authority_files()?));
    }
    store.commit(commit).await.map_err(Unstorable::problem)?;
    Ok(authority)
}

async fn bind(address: SocketAddr, field: &str) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|error| {
        Problem::new(Code::AddressUnavailable, format!("{address} cannot be served on: {error}"))
            .on(field)
            .remedy(format!("stop what uses it, or choose another with --{field}"))
    })
}

/// The addresses a context should name for a listener.
fn reachable(listen: SocketAddr) -> Vec<SocketAddr> {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    vec![SocketAddr::new(ip, listen.port())]
}

/// Keeps what the TLS handshake refuses in step with the fleet.
async fn revoke(fleet: Fleet, revocations: Revocations, stop: CancellationToken) {
    let mut changes = fleet.changes();
    loop {
        let hosts: Vec<_> =
            fleet.view().revoked_hosts().map(|id| Revoked::Holder(Role::Host(id))).collect();
        revocations.replace(hosts);
        tokio::select! {
            () = stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Renews the coordinator's own certificate at half its life.
async fn renew(
    authority: Arc<Authority>,
    id: CoordinatorId,
    server: RotatingServer,
    stop: CancellationToken,
) {
    let due_at = || -> Timestamp {
        renew_at(clock::now(), server.current().peer().not_after, fastrand::f64())
    };
    let mut due = due_at();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CERTIFICATE_CHECK) => {}
        }
        if clock::now() < due {
            continue;
        }
        match authority.issue_coordinator(id, clock::now()) {
            Ok(renewed) => {
                server.replace(renewed);
                due = due_at();
                info!("this coordinator's certificate was renewed");
            }
            Err(error) => error!(%error, "this coordinator's certificate cannot be renewed"),
        }
    }
}

/// Waits for the end of standard input.
async fn stdin_ended() {
    let (ended, wait) = tokio::sync::oneshot::channel();
    // A blocking read cannot be cancelled; the thread ends with the process.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        ended.send(())
    });
    let _ = wait.await;
}

fn internal(error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::Internal, state::unstorable(error).message)
}
