//! Serving one connection: HTTP/2, the access table, the services.

use std::convert::Infallible;
use std::future::Ready;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::Either;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tamer_model::{Code, Problem, Role};
use tamer_proto::wire::agent_service_server::AgentServiceServer;
use tamer_proto::wire::control_server::ControlServer;
use tamer_proto::wire::drift_server::DriftServer;
use tamer_proto::wire::enrolment_server::EnrolmentServer;
use tamer_proto::wire::schedules_server::SchedulesServer;
use tamer_proto::wire::workloads_server::WorkloadsServer;
use tamer_proto::{MAX_ENROL_MESSAGE, MAX_MESSAGE, status_of};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;
use tracing::debug;

use super::Tls;
use super::limits::Pass;
use crate::access;
use crate::audit::Refusals;
use crate::caller::Caller;
use crate::clock;
use crate::control::People;
use crate::enrol::Enrol;
use crate::fleet::Fleet;
use crate::session::service::Agents;

/// How long a connection without a certificate may last: enrolling takes a moment.
const ANONYMOUS_LIFE: Duration = Duration::from_secs(30);
/// Calls at once on one connection: an agent has its session and at most 64 bulk streams,
/// `tamerctl` a few.
const STREAMS: u32 = 72;
const ANONYMOUS_STREAMS: u32 = 2;
/// Bytes of one stream that may be under way: at a millisecond of network, 250 MB/s.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Bytes of all streams of a connection that may be under way. All of them may stall at once,
/// because those who read them have stopped; the session among them must go on.
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;
const MAX_HEADERS: u32 = 8 * 1024;

/// What the door serves. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    routes: Routes,
    fleet: Fleet,
    refusals: Refusals,
}

impl Services {
    pub fn new(enrol: Enrol, agents: Agents, people: People) -> Self {
        let (fleet, refusals) = (people.fleet.clone(), people.refusals.clone());
        let enrol = EnrolmentServer::new(enrol).max_decoding_message_size(MAX_ENROL_MESSAGE);
        let agents = AgentServiceServer::new(agents).max_decoding_message_size(MAX_MESSAGE);
        let schedules = SchedulesServer::new(people.clone()).max_decoding_message_size(MAX_MESSAGE);
        let workloads = WorkloadsServer::new(people.clone()).max_decoding_message_size(MAX_MESSAGE);
        let drift = DriftServer::new(people.clone()).max_decoding_message_size(MAX_MESSAGE);
        let people = ControlServer::new(people).max_decoding_message_size(MAX_MESSAGE);
        let routes = Routes::new(enrol)
            .add_service(agents)
            .add_service(people)
            .add_service(schedules)
            .add_service(workloads)
            .add_service(drift)
            .prepare();
        Self { routes, fleet, refusals }
    }

    /// Begins to serve a connection.
    pub(super) fn serve(self, stream: Tls, caller: Caller, pass: Pass) -> Serving {
        let (anonymous, from) = (caller.peer.is_none(), caller.from);
        let service = Guarded { services: self, caller: Arc::new(caller) };
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .max_concurrent_streams(if anonymous { ANONYMOUS_STREAMS } else { STREAMS })
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADERS)
            .max_send_buf_size(STREAM_WINDOW as usize);
        let connection =
            http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        // Who showed a certificate does not take up a place of those who did not.
        Serving { connection: Box::pin(connection), from, anonymous: anonymous.then_some(pass) }
    }

    /// Whether the caller may make this call, now: a connection outlives what its certificate was
    /// good for.
    fn check(&self, path: &str, caller: &Caller) -> Result<(), Problem> {
        access::check(path, caller.role())?;
        let Some(peer) = &caller.peer else { return Ok(()) };
        if peer.not_after <= clock::now() {
            return Err(Problem::new(
                Code::CertificateExpired,
                "the certificate of this connection has ended",
            )
            .remedy("connect again with a new one"));
        }
        match &peer.identity.role {
            Role::Host(id) if self.fleet.view().host(*id).is_none() => {
                Err(Problem::new(Code::HostRevoked, "this host was removed from the fleet")
                    .remedy("to join again, delete the agent's data folder and use a new token"))
            }
            Role::Host(_) | Role::User(_) | Role::Coordinator(_) => Ok(()),
        }
    }
}

type Connection = http2::Connection<TokioIo<Tls>, TowerToHyperService<Guarded>, TokioExecutor>;

/// A connection that is served.
pub(super) struct Serving {
    connection: Pin<Box<Connection>>,
    from: SocketAddr,
    /// The place of one that showed no certificate.
    anonymous: Option<Pass>,
}

impl Serving {
    /// Serves the connection to its end, or until it has ended in order after `stop`.
    pub(super) async fn until(self, stop: CancellationToken) {
        let Self { mut connection, from, anonymous } = self;
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = tokio::time::sleep(ANONYMOUS_LIFE), if anonymous.is_some() => return,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            debug!(%from, %error, "a connection ended");
        }
    }
}

/// The services behind the access table, for one caller.
#[derive(Clone)]
struct Guarded {
    services: Services,
    caller: Arc<Caller>,
}

impl Service<Request<Incoming>> for Guarded {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Response<Body>, Infallible>>,
        <Routes as Service<Request<Incoming>>>::Future,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let path = request.uri().path();
        if let Err(problem) = self.services.check(path, &self.caller) {
            let what: String =
                path.rsplit('/').next().unwrap_or_default().chars().take(64).collect();
            self.services.refusals.tell(&self.caller, &what, "", problem.code, &problem.message);
            return Either::Left(std::future::ready(Ok(status_of(problem).into_http())));
        }
        request.extensions_mut().insert(self.caller.clone());
        Either::Right(self.services.routes.call(request))
    }
}
