//! Serving an agent's stream.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tamer_certs::Authority;
use tamer_model::{
    Code, Host, HostId, JournalId, PlacementId, PlacementStatus, Problem, TaskId, Timestamp,
};
use tamer_proto::wire::agent_message::Message as FromAgent;
use tamer_proto::wire::agent_service_server::AgentService;
use tamer_proto::wire::coordinator_message::Message as ToAgent;
use tamer_proto::{Required, WIRE_MINOR, status_of, wire};
use tamer_store::{Commit, CommitError, Store};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};
use tracing::{debug, info, warn};

use super::hello::{Hello, MAX_PLACEMENTS};
use super::pace::Pace;
use super::{Live, OUTBOUND, Outbound, Sessions, points};
use crate::batch::{Feeds, Notice};
use crate::caller::{self, Caller};
use crate::contents::carry::Chunks;
use crate::contents::{Brought, Contents};
use crate::drift::{Drift, Intake};
use crate::enrol::with_ca;
use crate::fleet::Fleet;
use crate::instances::ingest::Ingest;
use crate::instances::streams::{self, Opened, Streams};
use crate::liveness::{HEARTBEAT, SILENCE};
use crate::state::{Unstorable, encode, keys};
use crate::{audit, clock, workloads};

/// How long an agent may take to say hello.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// From this difference on, an agent's clock is worth a warning.
const CLOCK_OFF: u64 = 5 * 60 * 1000;
/// The longest chunk of live output that is passed on, in bytes.
const MAX_CHUNK: usize = 16 * 1024;

/// What comes from an agent: a connection's stream, or a test's.
pub trait Inbound: Stream<Item = Result<wire::AgentMessage, Status>> + Send + Unpin {}
impl<S: Stream<Item = Result<wire::AgentMessage, Status>> + Send + Unpin> Inbound for S {}

type Message = Result<wire::CoordinatorMessage, Status>;
type Unboxed = futures_util::stream::Map<ReceiverStream<Box<Message>>, fn(Box<Message>) -> Message>;

fn unbox(message: Box<Message>) -> Message {
    *message
}

/// The service of agents. Cheap to clone.
#[derive(Clone)]
pub struct Agents {
    pub store: Store,
    pub fleet: Fleet,
    pub sessions: Sessions,
    pub feeds: Feeds,
    pub streams: Streams,
    pub contents: Contents,
    pub brought: Brought,
    pub drift: Drift,
    pub notices: mpsc::Sender<Notice>,
    pub placements: mpsc::Sender<workloads::Notice>,
    pub authority: Arc<Authority>,
    pub coordinator: tamer_model::CoordinatorId,
    /// Owns the session tasks; the program waits for them when it stops.
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

#[tonic::async_trait]
impl AgentService for Agents {
    type SessionStream = Unboxed;

    async fn session(
        &self,
        request: Request<Streaming<wire::AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (host, caller) = caller::host(&request)?;
        let (out, stream) = mpsc::channel(OUTBOUND);
        let (agents, inbound) = (self.clone(), request.into_inner());
        self.tasks.spawn(async move {
            if let Err(problem) = agents.serve(host, &caller, inbound, out.clone()).await {
                info!(%host, %problem, "a session ended");
                // The agent may be gone; then nobody needs to know.
                let _ = out.try_send(Box::new(Err(status_of(problem))));
            }
        });
        Ok(Response::new(ReceiverStream::new(stream).map(unbox as fn(Box<Message>) -> Message)))
    }

    type BulkStream = ReceiverStream<Result<wire::StreamIn, Status>>;

    async fn bulk(
        &self,
        request: Request<Streaming<wire::StreamOut>>,
    ) -> Result<Response<Self::BulkStream>, Status> {
        let (host, _) = caller::host(&request)?;
        let mut frames = request.into_inner();
        let first = tokio::time::timeout(HELLO_TIMEOUT, frames.message())
            .await
            .map_err(|_| status_of(Problem::field("ticket", "no ticket came in time")))??;
        let Some(wire::stream_out::Frame::Ticket(ticket)) = first.and_then(|out| out.frame) else {
            return Err(status_of(Problem::field("ticket", "a stream begins with its ticket")));
        };
        let (input, to_agent) = streams::input();
        if !self.streams.opened(host, &ticket, Opened { frames, input }) {
            let problem = Problem::new(Code::NotFound, "nobody waits for this stream");
            return Err(status_of(problem.on("ticket")));
        }
        Ok(Response::new(ReceiverStream::new(to_agent)))
    }

    type GetTaskContentStream = Chunks;

    async fn get_task_content(
        &self,
        request: Request<wire::GetTaskContentRequest>,
    ) -> Result<Response<Self::GetTaskContentStream>, Status> {
        let (host, _) = caller::host(&request)?;
        let answer = self.content_for(host, request.into_inner()).await;
        answer.map(Response::new).map_err(status_of)
    }

    async fn stat_task_content(
        &self,
        request: Request<wire::StatTaskContentRequest>,
    ) -> Result<Response<wire::StatContentResponse>, Status> {
        let (host, _) = caller::host(&request)?;
        let answer = self.stat_for(host, request.into_inner()).await;
        answer.map(Response::new).map_err(status_of)
    }

    async fn put_task_content(
        &self,
        request: Request<Streaming<wire::PutTaskContentRequest>>,
    ) -> Result<Response<wire::StatContentResponse>, Status> {
        let (host, _) = caller::host(&request)?;
        let answer = self.put_for(host, request.into_inner()).await;
        answer.map(Response::new).map_err(status_of)
    }
}

/// What an agent said that it keeps.
struct Keeps {
    /// The tasks that its journal holds, and whether each has ended.
    tasks: Vec<(TaskId, bool)>,
    placements: Vec<PlacementId>,
}

/// An open session and what is needed to serve it.
struct Session<'a> {
    agents: &'a Agents,
    host: HostId,
    caller: &'a Caller,
    live: Live,
    journal: JournalId,
    /// How far the agent's clock is ahead, in milliseconds.
    ahead: i64,
    /// When the certificate in use ends.
    ends: Timestamp,
}

/// What takes in what a session tells, and remembers what it told before.
struct Ears {
    ingest: Ingest,
    intake: Intake,
    pace: Pace,
}

impl Agents {
    /// Serves a session to its end. A session lasts for days and nearly always waits for its next
    /// message, so what it needs at other moments is boxed: ten thousand sessions would each keep
    /// room for it.
    pub async fn serve(
        &self,
        host: HostId,
        caller: &Caller,
        mut inbound: impl Inbound,
        out: Outbound,
    ) -> Result<(), Problem> {
        let (session, keeps) = Box::pin(self.greet(host, caller, &mut inbound, out)).await?;
        let ended = tokio::select! {
            biased;
            () = session.live.stop.cancelled() => Ok(()),
            ended = session.run(keeps, &mut inbound) => ended,
        };
        self.sessions.ended(host, &session.live);
        self.drift.parted();
        ended
    }

    /// Hears the hello, opens the session and answers. Returns also what the agent keeps.
    async fn greet<'a>(
        &'a self,
        host: HostId,
        caller: &'a Caller,
        inbound: &mut impl Inbound,
        out: Outbound,
    ) -> Result<(Session<'a>, Keeps), Problem> {
        let first = tokio::time::timeout(HELLO_TIMEOUT, inbound.try_next())
            .await
            .map_err(|_| Problem::field("hello", "no hello came in time"))?;
        let hello = Hello::try_from(first.map_err(gone)?.required("hello")?)?;
        let ahead = hello.sent_at.as_millis() as i64 - clock::now().as_millis() as i64;
        let ahead = if hello.sent_at == Timestamp::default() { 0 } else { ahead };
        if ahead.unsigned_abs() > CLOCK_OFF {
            warn!(%host, ahead_ms = ahead, "the host's clock is off; its certificates depend on it");
        }
        let known = self.remember(host, caller, &hello, ahead).await?;
        let ends = caller.peer.as_ref().map_or_else(clock::now, |peer| peer.not_after);
        let (stop, journal) = (self.stop.child_token(), hello.journal);
        let spoken = (journal, hello.wire_minor);
        self.drift.met(host);
        let live = self.sessions.open(host, spoken, caller.from.to_string(), out, stop);
        debug!(%host, session = live.number, "session opened");
        live.send(ToAgent::Welcome(self.welcome(&known)));
        let keeps = Keeps { tasks: hello.held, placements: hello.placements };
        Ok((Session { agents: self, host, caller, live, journal, ahead, ends }, keeps))
    }

    /// Notes what the hello says about the host, and that its certificate is in use.
    async fn remember(
        &self,
        host: HostId,
        caller: &Caller,
        hello: &Hello,
        ahead: i64,
    ) -> Result<Host, Problem> {
        let key = caller.peer.as_ref().map(|peer| peer.key);
        self.change_host(host, |known| {
            known.facts = hello.facts.clone();
            known.agent_version = hello.agent_version.clone();
            if (known.clock_ahead_ms - ahead).unsigned_abs() > 1000 {
                known.clock_ahead_ms = ahead;
            }
            if known.next_key.is_some() && known.next_key == key {
                // The new certificate is seen in use: the old one has done its duty.
                known.key = known.next_key.take().unwrap_or(known.key);
            }
            if key.is_some_and(|key| key != known.key && Some(key) != known.next_key) {
                return Err(Problem::new(
                    Code::CertificateExpired,
                    "the host has a newer key than this certificate's",
                )
                .remedy(
                    "if the agent was restored from a backup, remove the host and join again",
                ));
            }
            Ok(())
        })
        .await
    }

    /// Changes the record of a host, however often somebody else is first.
    async fn change_host(
        &self,
        id: HostId,
        change: impl Fn(&mut Host) -> Result<(), Problem>,
    ) -> Result<Host, Problem> {
        loop {
            let (mut host, at) = {
                let view = self.fleet.view();
                let member = view.host(id).ok_or_else(removed)?;
                (member.host.clone(), member.host_at)
            };
            let before = host.clone();
            change(&mut host)?;
            if host == before {
                return Ok(host);
            }
            let commit =
                Commit::new().modified_at(keys::host(id), at).put(keys::host(id), encode(&host));
            match self.store.commit(commit).await {
                Ok(revision) => {
                    self.fleet.reached(revision).await;
                    return Ok(host);
                }
                Err(CommitError::Conflict { .. }) => {
                    // The cache is behind; the watch brings what the other writer wrote.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => return Err(error.problem()),
            }
        }
    }

    fn welcome(&self, host: &Host) -> wire::Welcome {
        wire::Welcome {
            coordinator: self.coordinator.to_string(),
            coordinator_version: env!("CARGO_PKG_VERSION").to_owned(),
            wire_minor: WIRE_MINOR,
            heartbeat_ms: HEARTBEAT.as_millis() as u64,
            silence_ms: SILENCE.as_millis() as u64,
            sent_at: clock::now().as_millis(),
            name: host.name.to_string(),
        }
    }
}

impl Session<'_> {
    async fn run(&self, keeps: Keeps, inbound: &mut impl Inbound) -> Result<(), Problem> {
        let Keeps { tasks, placements } = keeps;
        let (host, session) = (self.host, self.live.number);
        let busy = self.live.busy();
        Box::pin(self.tell(Notice::Up { host, session, held: tasks })).await?;
        let up = workloads::Notice::Up { host, session, held: placements };
        Box::pin(self.tell_placements(up)).await?;
        drop(busy);
        let agents = self.agents;
        let ingest = Ingest::new(agents.store.clone(), agents.fleet.clone(), self.host);
        let intake = Intake::new(agents.drift.clone(), self.host);
        let mut ears = Ears { ingest, intake, pace: Pace::default() };
        loop {
            let left = self.ends.since(clock::now());
            let message = tokio::select! {
                biased;
                // Cancel-safe: the session ends with this branch.
                () = tokio::time::sleep(left) => {
                    let expired = "the certificate of this session has ended";
                    self.live.close(Code::CertificateExpired.as_str(), expired);
                    return Err(Problem::new(Code::CertificateExpired, expired));
                }
                message = inbound.try_next() => message.map_err(gone)?,
            };
            let Some(message) = message.and_then(|message| message.message) else { return Ok(()) };
            let _busy = self.live.busy();
            points::heard(&message);
            if self.agents.fleet.view().host(self.host).is_none() {
                let problem = removed();
                self.live.close(problem.code.as_str(), &problem.message);
                return Err(problem);
            }
            Box::pin(self.hear(message, &mut ears)).await?;
        }
    }

    async fn hear(&self, message: FromAgent, ears: &mut Ears) -> Result<(), Problem> {
        let Ears { ingest, intake, pace } = ears;
        match message {
            FromAgent::Hello(_) => Err(Problem::field("hello", "a session has one hello")),
            FromAgent::Heartbeat(wire::Heartbeat { sequence, inventory }) => {
                self.live.send(ToAgent::HeartbeatAck(wire::HeartbeatAck { sequence }));
                intake.beat(&self.live, &inventory).await
            }
            FromAgent::Facts(facts) => {
                let facts: tamer_model::Facts = facts.try_into()?;
                let change = |host: &mut Host| {
                    host.facts = facts.clone();
                    Ok(())
                };
                self.agents.change_host(self.host, change).await.map(drop)
            }
            FromAgent::TaskStarted(wire::TaskStarted { task, started_at }) => {
                let task = self.own(task)?;
                self.tell(Notice::Started {
                    task,
                    journal: self.journal,
                    at: self.ours(started_at),
                })
                .await
            }
            FromAgent::TaskOutput(output) => self.output(output),
            FromAgent::TaskEnded(wire::TaskEnded { task, end, output }) => {
                let task = self.own(task)?;
                let mut end: tamer_model::TaskEnd = end.required("task_ended.end")?.try_into()?;
                end.started_at = end.started_at.map(|at| self.ours(at.as_millis()));
                let end = self.brought(end);
                let output = output.unwrap_or_default().try_into()?;
                self.tell(Notice::Ended { task, end: Box::new(end), output }).await
            }
            FromAgent::Renew(wire::RenewCertificate { csr }) => self.renew(&csr).await,
            FromAgent::Providers(told) => ingest.providers(told).await,
            FromAgent::Instances(told) => ingest.instances(told).await,
            FromAgent::StreamRefused(wire::StreamRefused { ticket, problem }) => {
                let problem = problem.required("stream_refused.problem")?.into();
                self.agents.streams.refused(self.host, &ticket, problem);
                Ok(())
            }
            FromAgent::TaskProgress(wire::TaskProgress { task, done, total }) => {
                let task = self.own(task)?;
                if pace.allows(clock::steady()) {
                    self.agents.feeds.progress(task, done, total);
                }
                Ok(())
            }
            FromAgent::Placements(told) => self.placements(told).await,
            FromAgent::Inventory(told) => {
                intake.told(&self.live, told, |theirs| self.ours(theirs)).await
            }
            FromAgent::InventoryNodes(nodes) => intake.nodes(&self.live, nodes).await,
            FromAgent::Goodbye(wire::Goodbye { reason }) => {
                debug!(host = %self.host, reason, "the agent says goodbye");
                Ok(())
            }
        }
    }

    /// A host speaks of its own tasks only.
    fn own(&self, task: Option<wire::TaskId>) -> Result<TaskId, Problem> {
        let task: TaskId = task.required("task")?.try_into()?;
        if task.host != self.host {
            return Err(Problem::field("task.host", "a task of another host"));
        }
        Ok(task)
    }

    /// How the host's placements stand, with times by our clock.
    async fn placements(&self, told: wire::PlacementsTold) -> Result<(), Problem> {
        let wire::PlacementsTold { complete, reports } = told;
        if reports.len() > MAX_PLACEMENTS {
            let message = format!("more than {MAX_PLACEMENTS} reports");
            return Err(Problem::field("placements.reports", message));
        }
        let reports = reports.into_iter().map(|report| self.report(report));
        let reports = reports.collect::<Result<_, _>>()?;
        let (host, session) = (self.host, self.live.number);
        self.tell_placements(workloads::Notice::Told { host, session, complete, reports }).await
    }

    fn report(
        &self,
        report: wire::PlacementReport,
    ) -> Result<(PlacementId, PlacementStatus), Problem> {
        let wire::PlacementReport { id, status } = report;
        let invalid =
            |error: tamer_model::InvalidId| Problem::field("placement.id", error.to_string());
        let status: PlacementStatus = status.required("placement.status")?.try_into()?;
        let since = self.ours(status.since.as_millis());
        Ok((id.parse().map_err(invalid)?, PlacementStatus { since, ..status }))
    }

    /// An end as it may be stored: a file that is said to have been brought must be here.
    fn brought(&self, end: tamer_model::TaskEnd) -> tamer_model::TaskEnd {
        match end.fetched {
            Some(content) if !self.agents.contents.has(content) => {
                let message = format!("the host says that it brought {}", content.digest);
                let problem = Problem::new(Code::NotFound, format!("{message}; it is not here"));
                let outcome = tamer_model::Outcome::Failed { exit_code: None, signal: None };
                let reason = Some(problem.message.clone());
                let problem = Some(Box::new(problem));
                tamer_model::TaskEnd { outcome, reason, problem, fetched: None, ..end }
            }
            Some(_) | None => end,
        }
    }

    /// A time of the agent's clock by ours.
    fn ours(&self, theirs: u64) -> Timestamp {
        Timestamp::from_millis(theirs.saturating_add_signed(-self.ahead))
    }

    fn output(&self, output: wire::TaskOutput) -> Result<(), Problem> {
        let stream = output.stream();
        let task = self.own(output.task)?;
        if output.data.len() > MAX_CHUNK {
            return Err(Problem::field("task_output.data", format!("more than {MAX_CHUNK} bytes")));
        }
        self.agents.feeds.output(task, stream.try_into()?, output.offset, output.data);
        Ok(())
    }

    async fn renew(&self, csr: &[u8]) -> Result<(), Problem> {
        let invalid = |error: &dyn std::error::Error| {
            Problem::new(Code::CsrInvalid, error.to_string()).on("renew.csr")
        };
        let key = tamer_certs::csr_key_fingerprint(csr).map_err(|error| invalid(&error))?;
        let issued = self
            .agents
            .authority
            .issue_host(csr, self.host, clock::now())
            .map_err(|error| invalid(&error))?;
        let next = |host: &mut Host| {
            host.certificate_ends = issued.not_after;
            host.next_key = (host.key != key).then_some(key);
            Ok(())
        };
        self.agents.change_host(self.host, next).await?;
        let commit = audit::done(Commit::new(), self.caller, "host.renew", self.host, "");
        self.agents.store.commit(commit).await.map_err(Unstorable::problem)?;
        self.live.send(ToAgent::Certificate(wire::CertificateIssued {
            chain: with_ca(&issued, &self.agents.authority),
        }));
        Ok(())
    }

    /// Waits while the controller has too much in hand, and so makes the agent wait.
    async fn tell(&self, notice: Notice) -> Result<(), Problem> {
        let stopping = |_| Problem::new(Code::Busy, "this coordinator is stopping");
        self.agents.notices.send(notice).await.map_err(stopping)
    }

    /// The same for what the controller of workloads is told.
    async fn tell_placements(&self, notice: workloads::Notice) -> Result<(), Problem> {
        let stopping = |_| Problem::new(Code::Busy, "this coordinator is stopping");
        self.agents.placements.send(notice).await.map_err(stopping)
    }
}

fn removed() -> Problem {
    Problem::new(Code::HostRevoked, "this host was removed from the fleet")
}

/// A stream that broke: the agent died, or the network did.
fn gone(status: Status) -> Problem {
    Problem::new(Code::Unreachable, format!("the agent is gone: {}", status.message()))
}
