//! The conversation: what is said first, then one loop that hears, tells and keeps time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tamer_certs::{Credentials, HostKey, renew_at};
use tamer_crash::point;
use tamer_model::{Code, Facts, KeptOutput, PlacementId, Problem, TaskId, Timestamp};
use tamer_proto::{MAX_MESSAGE, WIRE_MINOR, problem_of, wire};
use tamer_provider::registry::Registry;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tonic::transport::Channel;
use wire::agent_message::Message;

use super::outbox::{CONTROL, ENDS, INSTANCES, INVENTORY, Outbox, PLACEMENTS, ended, say, started};
use super::{End, Incoming, Welcome, first, points};
use crate::dial::Refusal;
use crate::identity::IdentityFiles;
use crate::inventory::{self, Asked, InventoryHandle};
use crate::journal::Journal;
use crate::placements::{self, PlacementsHandle};
use crate::problem::chain;
use crate::spool::Spool;
use crate::streams::{Refused, Streams};
use crate::tasks::{Attached, Event, Stopping, TasksHandle};
use crate::work::Link;
use crate::{clock, platform, providers};

/// How long the coordinator may take to answer the hello.
const HELLO: Duration = Duration::from_secs(10);
/// How long a goodbye may take to leave.
const GOODBYE: Duration = Duration::from_secs(1);
/// After a renewal that was not answered, when to ask again.
const RENEW_AGAIN: Duration = Duration::from_secs(60);

/// The minor version of `tamer.v1` in which providers, instances and streams came.
const WITH_INSTANCES: u32 = 2;
/// And in which placements came.
const WITH_PLACEMENTS: u32 = 4;
/// And in which the inventory came.
const WITH_INVENTORY: u32 = 5;
/// Messages of the coordinator about the inventory that may wait for the connection: each asks for
/// at most 256 nodes. One that asks for more than it is sent is cut off.
const ASKED: usize = 64;

/// What a session works with. All of it outlives the session.
pub struct Session<'a> {
    /// The tasks.
    pub tasks: &'a TasksHandle,
    /// Where ends are read from.
    pub journal: &'a Journal,
    /// What is kept here.
    pub placements: &'a PlacementsHandle,
    /// The picture of this host, where it keeps one.
    pub inventory: Option<&'a InventoryHandle>,
    /// The providers.
    pub providers: &'a Registry,
    /// Where the connection is told, for transfers.
    pub link: &'a Link,
    /// The whole output of the tasks.
    pub spool: &'a Spool,
    /// The facts of now.
    pub facts: watch::Receiver<Facts>,
    /// Where a renewed identity goes.
    pub files: &'a IdentityFiles,
    /// The identity that was dialled with.
    pub credentials: &'a Credentials,
    /// Cancelled when the agent is about to end and every command has ended.
    pub finish: &'a CancellationToken,
}

/// Holds one session on `channel` until it ends. `welcomed` is called when it is up.
pub async fn talk(
    session: Session<'_>,
    channel: Channel,
    refusal: Refusal,
    welcomed: impl FnOnce(&Welcome),
) -> End {
    match hold(session, channel, welcomed).await {
        Ok(end) => end,
        Err(problem) => {
            // The alert may arrive a moment after what followed from it.
            tokio::task::yield_now().await;
            End::of(problem, refusal.alert())
        }
    }
}

async fn hold(
    session: Session<'_>,
    channel: Channel,
    welcomed: impl FnOnce(&Welcome),
) -> Result<End, Problem> {
    let Attached { held, events, output, progress } =
        session.tasks.attach().await.map_err(stopping)?;
    let placed = session.placements.attach().await.map_err(stopped)?;
    let (control, control_out) = mpsc::channel(CONTROL);
    let (ends, ends_out) = mpsc::channel(ENDS);
    let (instances, instances_out) = mpsc::channel(INSTANCES);
    let (placements, placements_out) = mpsc::channel(PLACEMENTS);
    let (pictures, pictures_out) = mpsc::channel(INVENTORY);
    let outbox = Outbox {
        control: control_out,
        ends: ends_out,
        placements: placements_out,
        instances: instances_out,
        inventory: pictures_out,
        progress,
        output,
    };
    let to_tell: VecDeque<TaskId> =
        held.iter().filter(|held| held.ended).map(|held| held.task).collect();
    let mut facts = session.facts.clone();
    let hello = wire::Hello {
        agent_version: crate::VERSION.to_owned(),
        wire_minor: WIRE_MINOR,
        facts: Some(facts.borrow_and_update().clone().into()),
        journal: session.journal.id().to_string(),
        held: held
            .into_iter()
            .map(|held| wire::HeldTask {
                task: Some(held.task.into()),
                ended: held.ended,
                started_at: held.started_at.map(Timestamp::as_millis),
            })
            .collect(),
        sent_at: clock::now().as_millis(),
        placements: placed.wanted.iter().map(PlacementId::to_string).collect(),
    };
    let behind = |_| Problem::new(Code::Busy, "the session's queue is full");
    control.try_send(say(Message::Hello(hello))).map_err(behind)?;

    let late = |_| Problem::new(Code::Unreachable, "the coordinator did not answer the hello");
    let mut client = wire::agent_service_client::AgentServiceClient::new(channel.clone())
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let response = timeout(HELLO, client.session(outbox)).await.map_err(late)?;
    let mut incoming = response.map_err(|status| problem_of(&status))?.into_inner();
    let message = timeout(HELLO, incoming.message()).await.map_err(late)?;
    let message = message.map_err(|status| problem_of(&status))?.ok_or_else(hung_up)?;
    let welcome = first(message)?;
    if let Some(ahead_ms) = clock::off(clock::now(), welcome.sent_at) {
        tracing::warn!(ahead_ms, "this machine's clock is far from the coordinator's: set it");
    }
    welcomed(&welcome);
    // For as long as the session lasts.
    let _link = session.link.up(channel.clone());
    // Tells what changes for as long as the session lasts.
    let mut telling = JoinSet::new();
    let mut ends = Ends { queue: ends, behind: None };
    if welcome.wire_minor >= WITH_INSTANCES {
        let (through, to_pass) = mpsc::channel(ENDS);
        let passed = Arc::new(AtomicU64::new(0));
        ends = Ends {
            queue: through,
            behind: Some(Behind { sent: 0, passed: passed.clone(), out: instances.clone() }),
        };
        telling.spawn(providers::tell(session.providers.clone(), instances, to_pass, passed));
    }
    let lists = welcome.wire_minor >= WITH_PLACEMENTS;
    let _in_session = session.placements.in_session(lists).await.map_err(stopped)?;
    if lists {
        telling.spawn(placements::tell(placed.board, placements));
    }
    let mut asking = None;
    if let Some(inventory) = session.inventory.filter(|_| welcome.wire_minor >= WITH_INVENTORY) {
        let (sender, asked) = mpsc::channel(ASKED);
        asking = Some(sender);
        telling.spawn(inventory::tell(inventory.clone(), asked, pictures));
    }
    let streams = Streams::new(channel, session.providers.clone(), session.spool.clone());
    let mut talk = Talk {
        heard: Instant::now(),
        renew: renewal(session.credentials),
        renewing: None,
        session,
        welcome,
        facts,
        events,
        control,
        ends,
        to_tell,
        sequence: 0,
        streams,
        telling,
        asking,
    };
    let end = talk.run(incoming).await;
    talk.streams.stop().await;
    talk.telling.shutdown().await;
    end
}

/// The state of a session that is up.
struct Talk<'a> {
    session: Session<'a>,
    welcome: Welcome,
    facts: watch::Receiver<Facts>,
    events: mpsc::Receiver<Event>,
    control: mpsc::Sender<wire::AgentMessage>,
    ends: Ends,
    /// Ends that were not told in this session; at most what the journal holds.
    to_tell: VecDeque<TaskId>,
    sequence: u64,
    /// When something was last heard.
    heard: Instant,
    /// When to ask for another certificate.
    renew: Instant,
    /// The key that was sent.
    renewing: Option<HostKey>,
    streams: Streams,
    /// Tells of providers, instances, placements and the inventory; empty when the coordinator is
    /// too old.
    telling: JoinSet<()>,
    /// Where questions about the inventory go; none where nothing is told of it.
    asking: Option<mpsc::Sender<Asked>>,
}

/// The way of ends to the connection.
struct Ends {
    queue: mpsc::Sender<wire::AgentMessage>,
    /// When they follow what is told of instances.
    behind: Option<Behind>,
}

/// Ends that go through the telling of instances.
struct Behind {
    sent: u64,
    passed: Arc<AtomicU64>,
    out: mpsc::Sender<wire::AgentMessage>,
}

impl Ends {
    /// Whether the connection has taken every end.
    fn are_taken(&self) -> bool {
        self.queue.capacity() == ENDS
            && self.behind.as_ref().is_none_or(|behind| {
                behind.sent == behind.passed.load(Ordering::Relaxed)
                    && behind.out.capacity() == INSTANCES
            })
    }
}

/// What happened next.
enum Turn {
    Heard(Result<Option<wire::CoordinatorMessage>, tonic::Status>),
    Happened(Option<Event>),
    RoomForEnd,
    StreamEnded(Option<Refused>),
    TellingEnded,
    Beat,
    FactsChanged,
    Renew,
    Silent,
    Finish,
}

impl Talk<'_> {
    async fn run(
        &mut self,
        mut incoming: Streaming<wire::CoordinatorMessage>,
    ) -> Result<End, Problem> {
        let mut beats = interval(self.welcome.heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Cancel-safe: queues, watches, timers, a set of tasks, and a stream that keeps a message it has not
            // given whole. First in the list is first served: time before output and orders.
            let turn = tokio::select! {
                biased;
                _ = beats.tick() => Turn::Beat,
                message = incoming.message() => Turn::Heard(message),
                event = self.events.recv() => Turn::Happened(event),
                room = self.ends.queue.reserve(), if !self.to_tell.is_empty() => {
                    drop(room);
                    Turn::RoomForEnd
                }
                refused = self.streams.ended() => Turn::StreamEnded(refused),
                Some(_) = self.telling.join_next() => Turn::TellingEnded,
                Ok(()) = self.facts.changed() => Turn::FactsChanged,
                () = sleep_until(self.heard + self.welcome.silence) => Turn::Silent,
                () = sleep_until(self.renew) => Turn::Renew,
                () = self.session.finish.cancelled(), if self.to_tell.is_empty() => Turn::Finish,
            };
            if let Some(end) = self.take(turn).await? {
                return Ok(end);
            }
        }
    }

    async fn take(&mut self, turn: Turn) -> Result<Option<End>, Problem> {
        match turn {
            Turn::Heard(message) => {
                let message = message.map_err(|status| problem_of(&status))?.ok_or_else(hung_up)?;
                self.heard = Instant::now();
                return self.hear(message.try_into()?).await;
            }
            Turn::Happened(None) => {
                return Err(Problem::new(Code::Busy, "the session fell behind its tasks"));
            }
            Turn::Happened(Some(event)) => self.happened(event)?,
            Turn::RoomForEnd => self.tell_end().await?,
            Turn::StreamEnded(refused) => {
                if let Some(refused) = refused {
                    self.say(Message::StreamRefused(refused.into()))?;
                }
            }
            // It ends with the outbox, or by a bug; the next session tells everything again.
            Turn::TellingEnded => {
                return Err(Problem::new(
                    Code::Internal,
                    "the telling of instances, placements or the inventory ended",
                ));
            }
            Turn::Beat => {
                self.sequence += 1;
                let root = self.session.inventory.and_then(InventoryHandle::root);
                let inventory = root.map(|root| root.as_bytes().to_vec()).unwrap_or_default();
                let beat = wire::Heartbeat { sequence: self.sequence, inventory };
                self.say(Message::Heartbeat(beat))?;
            }
            Turn::FactsChanged => {
                let facts = self.facts.borrow_and_update().clone();
                self.say(Message::Facts(facts.into()))?;
            }
            Turn::Renew => {
                // A disk that is full today costs nothing until the certificate ends.
                self.renew = Instant::now() + RENEW_AGAIN;
                match self.ask_for_renewal() {
                    Ok(request) => self.say(Message::Renew(request))?,
                    Err(problem) => tracing::warn!(%problem, "the certificate was not renewed"),
                }
            }
            Turn::Silent => {
                let silence = self.welcome.silence;
                let text = format!("the coordinator was silent for {silence:?}");
                return Err(Problem::new(Code::Unreachable, text));
            }
            Turn::Finish => {
                self.goodbye().await;
                return Ok(Some(End::Stopped));
            }
        }
        Ok(None)
    }

    async fn hear(&mut self, message: Incoming) -> Result<Option<End>, Problem> {
        points::heard(&message);
        let tasks = self.session.tasks;
        match message {
            Incoming::Heard => {}
            Incoming::Start(task, work) => tasks.start(task, work).await.map_err(stopping)?,
            Incoming::Cancel(task) => tasks.cancel(task).await.map_err(stopping)?,
            Incoming::Stored(task) => {
                self.to_tell.retain(|waiting| *waiting != task);
                tasks.forget(task).await.map_err(stopping)?;
            }
            Incoming::Certificate(chain) => return Ok(self.renewed(&chain)),
            Incoming::Open(ticket, request) => {
                if let Err(refused) = self.streams.open(ticket, request) {
                    self.say(Message::StreamRefused(refused.into()))?;
                }
            }
            Incoming::Wanted(wanted) => {
                self.session.placements.want(*wanted).await.map_err(stopped)?;
            }
            Incoming::Inventory(asked) => self.asked(asked)?,
            Incoming::InventoryRefused(problem) => {
                tracing::warn!(%problem, "the coordinator does not take the picture of this host");
            }
            Incoming::Close(problem) => return Err(problem),
            Incoming::Unknown => tracing::debug!("a message of a newer version was ignored"),
        }
        Ok(None)
    }

    fn asked(&self, asked: Asked) -> Result<(), Problem> {
        let Some(asking) = &self.asking else { return Ok(()) };
        let text = "the coordinator asks for more of the inventory than it takes";
        asking.try_send(asked).map_err(|_| Problem::new(Code::Busy, text))
    }

    fn happened(&mut self, event: Event) -> Result<(), Problem> {
        match event {
            Event::Started { task, at } => {
                point("tell-started");
                self.send(started(task, at))
            }
            Event::Ended { task } => {
                point("tell-ended");
                if !self.to_tell.contains(&task) {
                    self.to_tell.push_back(task);
                }
                Ok(())
            }
            Event::Refused { task, end } => self.send(ended(task, end, KeptOutput::default())),
        }
    }

    /// Tells one end, as the journal has it.
    async fn tell_end(&mut self) -> Result<(), Problem> {
        let Some(task) = self.to_tell.pop_front() else { return Ok(()) };
        let read = self.session.journal.read_end(task).await;
        let read = read.map_err(|error| Problem::new(Code::DataFolder, chain(&error)))?;
        // Nothing is there when the coordinator has it already.
        if let Some((end, output)) = read {
            match (self.ends.queue.try_send(ended(task, end, output)), &mut self.ends.behind) {
                (Ok(()), Some(behind)) => behind.sent += 1,
                (Ok(()), None) => {}
                (Err(_), _) => self.to_tell.push_front(task),
            }
        }
        Ok(())
    }

    fn ask_for_renewal(&mut self) -> Result<wire::RenewCertificate, Problem> {
        let key = self.session.files.next_key()?;
        let csr = key.csr_der().map_err(|error| Problem::new(Code::Internal, chain(&error)))?;
        self.renewing = Some(key);
        Ok(wire::RenewCertificate { csr })
    }

    fn renewed(&mut self, chain: &[Vec<u8>]) -> Option<End> {
        let Some(key) = self.renewing.take() else {
            tracing::warn!("a certificate came that was not asked for");
            return None;
        };
        match self.session.files.renewed(chain, key) {
            Ok(_) => Some(End::Renewed),
            Err(problem) => {
                tracing::warn!(%problem, "the renewed certificate was not kept");
                None
            }
        }
    }

    async fn goodbye(&mut self) {
        let reason = "the agent was stopped".to_owned();
        if self.say(Message::Goodbye(wire::Goodbye { reason })).is_ok() {
            // Gone when the connection has taken everything; a connection that does not take it
            // is not waited for.
            let taken = async {
                while self.control.capacity() < CONTROL || !self.ends.are_taken() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let _ = timeout(GOODBYE, taken).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        platform::notify_stopping();
    }

    fn say(&mut self, message: Message) -> Result<(), Problem> {
        self.send(say(message))
    }

    fn send(&mut self, message: wire::AgentMessage) -> Result<(), Problem> {
        self.control
            .try_send(message)
            .map_err(|_| Problem::new(Code::Unreachable, "the coordinator does not read"))
    }
}

/// When to renew: by the certificate's life, spread by chance, never in the past.
fn renewal(credentials: &Credentials) -> Instant {
    let now = clock::now();
    let at = renew_at(now, credentials.peer().not_after, fastrand::f64());
    Instant::now() + at.since(now).max(Duration::from_millis(500))
}

fn hung_up() -> Problem {
    Problem::new(Code::Unreachable, "the coordinator closed the session")
}

fn stopping(error: Stopping) -> Problem {
    Problem::new(Code::Internal, error.to_string())
}

fn stopped(error: placements::Stopped) -> Problem {
    Problem::new(Code::Internal, error.to_string())
}
