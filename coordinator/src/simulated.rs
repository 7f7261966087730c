//! A coordinator without its door, for simulations of a fleet: the same parts as [`crate::program`]
//! puts together, as tasks that its caller owns, sessions on any stream, and people without TLS.
//! In debug builds alone.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tamer_certs::{Authority, PeerIdentity, Serial};
use tamer_model::{
    CoordinatorId, Fingerprint, FleetId, Host, HostId, HostState, HostStatus, Identity, Problem,
    Role, UserName,
};
use tamer_proto::wire;
use tamer_proto::wire::control_server::Control;
use tamer_proto::wire::workloads_server::Workloads;
use tamer_scheduler::Queue;
use tamer_store::{Commit, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Status};

use crate::audit::Refusals;
use crate::batch::{self, Feeds};
use crate::caller::Caller;
use crate::contents::{Brought, Contents};
use crate::control::People;
use crate::drift::{Drift, Nodes};
use crate::fleet::follow;
use crate::instances::streams::Streams;
use crate::session::Sessions;
use crate::session::service::{Agents, Inbound};
use crate::state::{Unstorable, encode, keys, unstorable};
use crate::{clock, liveness, workloads};

/// A coordinator that lives. Cheap to clone.
#[derive(Clone)]
pub struct Coordinator {
    agents: Agents,
    people: People,
}

/// A part of a coordinator, to be run as a task. Whoever drops all of them has killed it.
pub type Part = BoxFuture<'static, ()>;

/// Begins a coordinator on what is stored. What it is made of besides the store is in `folder`.
pub async fn start(store: Store, folder: &Path) -> Result<(Coordinator, Vec<Part>), Problem> {
    tamer_clock::begin();
    let stop = CancellationToken::new();
    let (fleet, keep) =
        follow(store.clone(), stop.clone()).await.map_err(|error| unstorable(&error))?;
    let mut parts: Vec<Part> = vec![keep.boxed()];
    let contents = Contents::open(folder, Default::default())?;
    let (sessions, feeds, streams) = (Sessions::default(), Feeds::default(), Streams::default());
    let nodes = Nodes::open(&folder.join("inventory"))?;
    let (refusals, write) = Refusals::new(store.clone(), stop.clone());
    parts.push(write.boxed());
    let (batches, notices) =
        batch::Controller::new(store.clone(), fleet.clone(), sessions.clone(), feeds.clone());
    parts.push(batches.run(stop.clone()).boxed());
    // Who waits for the fleet's cache to show a commit waits for the task that keeps it.
    let (controller, workloads, placements) = workloads::Controller::new(
        store.clone(),
        fleet.clone(),
        sessions.clone(),
        Queue::default(),
    )
    .await?;
    parts.push(controller.run(stop.clone()).boxed());
    let drift = Drift::new(
        store.clone(),
        fleet.clone(),
        sessions.clone(),
        workloads.clone(),
        nodes,
        Default::default(),
    )
    .await?;
    let lives = liveness::run(store.clone(), fleet.clone(), sessions.clone(), stop.clone());
    parts.push(lives.boxed());
    let authority = Authority::create(fleet_id(), clock::now());
    let authority = Arc::new(authority.map_err(|error| unstorable(&error))?);
    let coordinator = CoordinatorId::from_bytes([1; 10]);
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
        tasks: TaskTracker::new(),
        stop: stop.clone(),
    };
    let people = People {
        store,
        fleet,
        sessions,
        feeds,
        streams,
        contents,
        workloads,
        drift,
        authority,
        refusals,
        fleet_id: fleet_id(),
        coordinator,
        started_at: clock::now(),
        stop,
    };
    Ok((Coordinator { agents, people }, parts))
}

/// Makes a host part of the fleet, as joining does.
pub async fn join(store: &Store, host: &Host) -> Result<(), Problem> {
    let status = HostStatus {
        state: HostState::Lost,
        since: clock::now(),
        last_seen: clock::now(),
        peer: String::new(),
        journal: None,
    };
    let commit = Commit::new()
        .put(keys::host(host.id), encode(host))
        .put(keys::name(&host.name), encode(&host.id))
        .put(keys::status(host.id), encode(&status));
    store.commit(commit).await.map(drop).map_err(Unstorable::problem)
}

impl Coordinator {
    /// Serves a session of this host's agent to its end.
    pub fn session(
        &self,
        host: HostId,
        inbound: impl Inbound + 'static,
        out: mpsc::Sender<Box<Result<wire::CoordinatorMessage, Status>>>,
    ) -> Part {
        let (agents, caller) = (self.agents.clone(), caller(Role::Host(host)));
        async move {
            // Why it ended is in the log, and the agent sees that it did.
            let _ = agents.serve(host, &caller, inbound, out).await;
        }
        .boxed()
    }

    /// What people call.
    pub fn people(&self) -> impl Control + Workloads + Clone + use<> {
        self.people.clone()
    }
}

/// A call of this person.
pub fn asked_by<T>(user: UserName, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Arc::new(caller(Role::User(user))));
    request
}

/// The key of a host that joined.
pub fn key_of(host: HostId) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes[..10].copy_from_slice(host.as_bytes());
    Fingerprint::from_bytes(bytes)
}

fn caller(role: Role) -> Caller {
    let key = match &role {
        Role::Host(host) => key_of(*host),
        Role::User(_) | Role::Coordinator(_) => Fingerprint::from_bytes([1; 32]),
    };
    let peer = PeerIdentity {
        identity: Identity { fleet: fleet_id(), role },
        serial: Serial::from_be_bytes(&[1]).expect("one is a serial number"),
        not_before: clock::now(),
        // Longer than any simulation: certificates are tried elsewhere.
        not_after: clock::now().plus(std::time::Duration::from_secs(10 * 365 * 86_400)),
        key,
    };
    Caller { peer: Some(peer), from: ([127, 0, 0, 1], 0).into() }
}

fn fleet_id() -> FleetId {
    FleetId::from_bytes([1; 10])
}
