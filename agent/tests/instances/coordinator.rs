//! A coordinator that remembers what it is told, says what a test wants said, and hands the bulk
//! streams to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tamer_certs::{Authority, Lifetimes};
use tamer_model::{KeptOutput, StreamRequest, TaskEnd, TaskId, Work};
use tamer_proto::start_task;
use tamer_proto::wire::agent_message::Message as Said;
use tamer_proto::wire::coordinator_message::Message;
use tamer_proto::wire::{self, agent_service_server, enrolment_server};
use tamer_provider::fake::Fake;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::contents::Contents;
use crate::support::{Fleet, Shown, configuration, issue};

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(30);
/// As the real coordinator has them.
const STREAM_WINDOW: u32 = 256 * 1024;

/// An agent with one provider, and its coordinator.
pub struct Host {
    pub coordinator: Coordinator,
    pub fake: Fake,
    _data: tempfile::TempDir,
    agent: tokio::task::JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.agent.abort();
    }
}

/// The coordinator. Clones are the same one.
#[derive(Clone)]
pub struct Coordinator {
    authority: Arc<Authority>,
    wire_minor: u32,
    pub contents: Contents,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    said: Vec<Said>,
    session: Option<mpsc::Sender<Result<wire::CoordinatorMessage, Status>>>,
    wanted: BTreeMap<String, oneshot::Sender<Bulk>>,
}

/// A bulk stream that the agent opened.
#[derive(Debug)]
pub struct Bulk {
    pub out: Streaming<wire::StreamOut>,
    pub input: mpsc::Sender<Result<wire::StreamIn, Status>>,
}

impl Host {
    /// An agent whose one provider is called `fake` and has `count` instances, in session with a
    /// coordinator of this minor version.
    pub async fn start(count: usize, wire_minor: u32) -> Self {
        Self::with(count, wire_minor, &[]).await
    }

    /// The same, of the present version, with these variables in the agent's environment.
    pub async fn with(count: usize, wire_minor: u32, more: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let (coordinator, mut variables) = Coordinator::serve(data.path(), wire_minor).await;
        variables.extend(more.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let config = configuration(variables);
        let fake = Fake::new("fake".parse().expect("a name"));
        fake.populate(count);
        let more: Vec<Arc<dyn tamer_provider::Provider>> = vec![Arc::new(fake.clone())];
        let agent = tokio::spawn(async move {
            let ended = tamer_agent::run::run(config, more, std::future::pending()).await;
            panic!("the agent ended: {ended:?}");
        });
        let host = Self { coordinator, fake, _data: data, agent };
        host.coordinator.beats(1).await;
        host
    }
}

impl Coordinator {
    /// Serves on a port of its own, and says what environment an agent of it has.
    pub async fn serve(data: &Path, wire_minor: u32) -> (Self, Vec<(String, String)>) {
        let fleet = Fleet::new(Lifetimes::default());
        let authority = fleet.authority.clone();
        let contents = Contents::default();
        let coordinator = Self { authority, wire_minor, contents, inner: Arc::default() };
        let (address, incoming) = fleet.listen().await;
        let routes = tonic::transport::Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(72 * STREAM_WINDOW)
            .add_service(enrolment_server::EnrolmentServer::new(coordinator.clone()))
            .add_service(agent_service_server::AgentServiceServer::new(coordinator.clone()));
        tokio::spawn(routes.serve_with_incoming(incoming));
        (coordinator, fleet.variables(data, &address))
    }
}

#[cfg_attr(windows, expect(dead_code, reason = "those tests move files of Linux"))]
impl Coordinator {
    /// Asks for a task.
    pub async fn start(&self, task: TaskId, work: Work) {
        self.say(Message::StartTask(start_task(task, work))).await;
    }

    /// Waits until a task has begun.
    #[track_caller]
    pub fn begun(&self, task: TaskId) -> impl Future<Output = ()> {
        self.until(0, move |said| {
            let this = |said: &Said| match said {
                Said::TaskStarted(started) => started.task == Some(task.into()),
                _ => false,
            };
            said.iter().any(this).then_some(())
        })
    }

    /// Waits for the end of a task, and says that it is stored.
    pub async fn end(&self, task: TaskId) -> (TaskEnd, KeptOutput) {
        let ended = self.until(0, |said| {
            said.iter().find_map(|said| match said {
                Said::TaskEnded(ended) if ended.task == Some(task.into()) => Some(ended.clone()),
                _ => None,
            })
        });
        let wire::TaskEnded { end, output, task } = ended.await;
        self.say(Message::EndStored(wire::EndStored { task })).await;
        let end = end.expect("an end").try_into().expect("one that is known");
        (end, output.expect("output").try_into().expect("within its limit"))
    }

    /// Has it done, and waits for its end.
    pub async fn run(&self, task: TaskId, work: Work) -> (TaskEnd, KeptOutput) {
        self.start(task, work).await;
        self.end(task).await
    }
}

impl Coordinator {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic")
    }

    /// What was said so far.
    pub fn count(&self) -> usize {
        self.inner().said.len()
    }

    /// Waits until what was said after the first `from` messages satisfies `test`.
    #[track_caller]
    pub fn until<T>(
        &self,
        from: usize,
        mut test: impl FnMut(&[Said]) -> Option<T>,
    ) -> impl Future<Output = T> {
        let caller = std::panic::Location::caller();
        async move {
            let begin = Instant::now();
            loop {
                if let Some(found) = test(&self.inner().said[from..]) {
                    return found;
                }
                if begin.elapsed() > LIMIT {
                    let said: Vec<_> = self.inner().said[from..].iter().map(short).collect();
                    panic!("not in time, {caller}; was told: {said:#?}");
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Waits for so many heartbeats from now on.
    #[track_caller]
    pub fn beats(&self, count: usize) -> impl Future<Output = ()> {
        let beat = |said: &&Said| matches!(said, Said::Heartbeat(_));
        self.until(self.count(), move |said| {
            (said.iter().filter(beat).count() >= count).then_some(())
        })
    }

    /// Says something in the session.
    pub async fn say(&self, message: Message) {
        let session = self.inner().session.clone().expect("a session");
        let message = wire::CoordinatorMessage { message: Some(message) };
        session.send(Ok(message)).await.expect("the session is up");
    }

    /// Ends the session.
    pub async fn cut(&self) {
        let session = self.inner().session.take().expect("a session");
        let _ = session.send(Err(Status::unavailable("cut"))).await;
    }

    /// Asks for a stream, and nothing more.
    pub async fn ask(&self, ticket: &str, request: StreamRequest) -> oneshot::Receiver<Bulk> {
        let (sender, bulk) = oneshot::channel();
        self.inner().wanted.insert(ticket.to_owned(), sender);
        let request = Some(request.into());
        self.say(Message::OpenStream(wire::OpenStream { ticket: ticket.to_owned(), request }))
            .await;
        bulk
    }

    /// Asks for a stream and waits for it.
    pub async fn open(&self, ticket: &str, request: StreamRequest) -> Bulk {
        let bulk = self.ask(ticket, request).await;
        timeout(LIMIT, bulk).await.expect("in time").expect("a stream")
    }

    /// Waits until the stream of this ticket is refused, and says with which code.
    pub async fn refused(&self, ticket: &str) -> String {
        self.until(0, |said| {
            said.iter().find_map(|said| match said {
                Said::StreamRefused(refused) if refused.ticket == ticket => {
                    refused.problem.as_ref().map(|problem| problem.code.clone())
                }
                _ => None,
            })
        })
        .await
    }

    async fn converse(
        self,
        mut heard: Streaming<wire::AgentMessage>,
        answers: mpsc::Sender<Result<wire::CoordinatorMessage, Status>>,
    ) {
        while let Ok(Some(wire::AgentMessage { message: Some(message) })) = heard.message().await {
            let answer = match &message {
                Said::Hello(_) => Some(Message::Welcome(wire::Welcome {
                    heartbeat_ms: 100,
                    silence_ms: 5000,
                    wire_minor: self.wire_minor,
                    sent_at: crate::support::now().as_millis(),
                    ..Default::default()
                })),
                Said::Heartbeat(beat) => {
                    Some(Message::HeartbeatAck(wire::HeartbeatAck { sequence: beat.sequence }))
                }
                _ => None,
            };
            self.inner().said.push(message);
            if let Some(answer) = answer {
                let answer = wire::CoordinatorMessage { message: Some(answer) };
                let _ = answers.send(Ok(answer)).await;
            }
        }
    }
}

impl Bulk {
    /// The next frame and whose it is; nothing at the end.
    pub async fn next(&mut self) -> Option<(u32, wire::stream_out::Frame)> {
        let frame = timeout(LIMIT, self.out.message()).await.expect("a frame in time");
        let frame = frame.expect("no error")?;
        Some((frame.source, frame.frame.expect("a known frame")))
    }

    pub async fn send(&self, frame: wire::stream_in::Frame) {
        self.input.send(Ok(wire::StreamIn { frame: Some(frame) })).await.expect("it listens");
    }
}

/// What a message was, for a test that fails.
fn short(said: &Said) -> String {
    let text = format!("{said:?}");
    text.chars().take(200).collect()
}

#[tonic::async_trait]
impl enrolment_server::Enrolment for Coordinator {
    async fn enrol(
        &self,
        request: Request<wire::EnrolRequest>,
    ) -> Result<Response<wire::EnrolResponse>, Status> {
        let chain = issue(&self.authority, &request.into_inner().csr);
        let issued = wire::Issued { chain, ..Default::default() };
        let result = Some(wire::enrol_response::Result::Issued(issued));
        Ok(Response::new(wire::EnrolResponse { result }))
    }
}

#[tonic::async_trait]
impl agent_service_server::AgentService for Coordinator {
    type SessionStream = ReceiverStream<Result<wire::CoordinatorMessage, Status>>;
    type BulkStream = ReceiverStream<Result<wire::StreamIn, Status>>;
    type GetTaskContentStream = ReceiverStream<Result<wire::ContentChunk, Status>>;

    async fn get_task_content(
        &self,
        request: Request<wire::GetTaskContentRequest>,
    ) -> Result<Response<Self::GetTaskContentStream>, Status> {
        self.contents.get(request.into_inner()).map(Response::new)
    }

    async fn stat_task_content(
        &self,
        request: Request<wire::StatTaskContentRequest>,
    ) -> Result<Response<wire::StatContentResponse>, Status> {
        self.contents.stat(request.into_inner()).map(Response::new)
    }

    async fn put_task_content(
        &self,
        request: Request<Streaming<wire::PutTaskContentRequest>>,
    ) -> Result<Response<wire::StatContentResponse>, Status> {
        self.contents.put(request.into_inner()).await.map(Response::new)
    }

    async fn session(
        &self,
        request: Request<Streaming<wire::AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (answers, out) = mpsc::channel(256);
        self.inner().session = Some(answers.clone());
        tokio::spawn(self.clone().converse(request.into_inner(), answers));
        Ok(Response::new(ReceiverStream::new(out)))
    }

    async fn bulk(
        &self,
        request: Request<Streaming<wire::StreamOut>>,
    ) -> Result<Response<Self::BulkStream>, Status> {
        let shown = request.extensions().get::<Shown>();
        if shown.is_none_or(|shown| shown.0.is_none()) {
            return Err(Status::unauthenticated("not on the session's connection"));
        }
        let mut out = request.into_inner();
        let first = out.message().await?.and_then(|first| first.frame);
        let Some(wire::stream_out::Frame::Ticket(ticket)) = first else {
            return Err(Status::invalid_argument("no ticket"));
        };
        let wanted = self.inner().wanted.remove(&ticket);
        let wanted = wanted.ok_or_else(|| Status::not_found("no such ticket"))?;
        let (input, frames) = mpsc::channel(4);
        let _ = wanted.send(Bulk { out, input });
        Ok(Response::new(ReceiverStream::new(frames)))
    }
}
