//! What a coordinator plays: the calls about instances, answered as a test wrote.

use std::sync::{Arc, Mutex};

use futures_util::stream::{self, BoxStream, StreamExt};
use tamer_model::{Code, Problem};
use tamer_proto::{status_of, wire};
use tonic::{Request, Response, Status, Streaming};
use wire::control_server::Control;

use crate::contents::Contents;
use crate::fleet::Fleet;
use crate::pictures::Pictures;

/// A stream of answers.
pub type Out<T> = BoxStream<'static, Result<T, Status>>;
type Answer<T> = Result<Response<T>, Status>;
/// A stream of answers to a question.
pub type Plays<Q, T> = Box<dyn Fn(Q) -> Out<T> + Send + Sync>;

/// The answers.
pub struct Play {
    pub asked: Arc<Asked>,
    /// About workloads; taken by the stage.
    pub fleet: Fleet,
    /// About drift; taken by the stage.
    pub pictures: Pictures,
    /// Listed two a page.
    pub instances: Vec<wire::FleetInstance>,
    /// The tasks that a batch ends with.
    pub tasks: Vec<wire::Task>,
    pub describe: Option<wire::DescribeInstanceResponse>,
    /// What a batch would be.
    pub preview: Option<wire::BatchPreview>,
    /// What is told of a batch; without it: that the tasks ended.
    pub events: Option<Plays<wire::WatchBatchRequest, wire::BatchEvent>>,
    pub read_output: Plays<wire::ReadOutputRequest, wire::OutputRead>,
    pub watch: Plays<wire::WatchInstancesRequest, wire::InstanceEvent>,
    pub exec: Plays<Streaming<wire::ExecRequest>, wire::StreamOut>,
    pub logs: Plays<wire::LogsRequest, wire::StreamOut>,
    pub stats: Plays<wire::StatsRequest, wire::StreamOut>,
}

/// What was asked.
#[derive(Debug, Default)]
pub struct Asked {
    pub batches: Mutex<Vec<wire::CreateBatchRequest>>,
    pub lists: Mutex<Vec<wire::ListInstancesRequest>>,
    pub logs: Mutex<Vec<wire::LogsRequest>>,
    pub stats: Mutex<Vec<wire::StatsRequest>>,
    /// What people did to batches: `pause b-1`.
    pub done: Mutex<Vec<String>>,
    pub outputs: Mutex<Vec<wire::ReadOutputRequest>>,
    pub previews: Mutex<Vec<wire::CreateBatchRequest>>,
    pub retries: Mutex<Vec<wire::RetryBatchRequest>>,
    pub contents: Contents,
}

impl Default for Play {
    fn default() -> Self {
        fn nothing<Q, T: Send + 'static>() -> Plays<Q, T> {
            Box::new(|_| stream::iter([Err(unplayed())]).boxed())
        }
        Self {
            asked: Arc::default(),
            fleet: Fleet::default(),
            pictures: Pictures::default(),
            instances: Vec::new(),
            tasks: Vec::new(),
            describe: None,
            preview: None,
            events: None,
            read_output: nothing(),
            watch: nothing(),
            exec: nothing(),
            logs: nothing(),
            stats: nothing(),
        }
    }
}

fn unplayed() -> Status {
    Status::unimplemented("no test plays this")
}

/// An instance that runs on `host`.
pub fn instance(host: &str, name: &str) -> wire::FleetInstance {
    wire::FleetInstance {
        id: format!("i-{host}-{name}"),
        host: format!("h-{host}"),
        host_name: host.to_owned(),
        host_state: "ready".to_owned(),
        provider: "docker".to_owned(),
        told_at: 1000,
        instance: Some(wire::Instance {
            native: format!("native-{name}"),
            name: name.to_owned(),
            kind: "container".to_owned(),
            state: "running".to_owned(),
            image: "busybox".to_owned(),
            managed: true,
            ..wire::Instance::default()
        }),
        stale: false,
    }
}

/// The first frame of a stream over these instances, each `host/name`.
pub fn sources(names: &[&str]) -> wire::StreamOut {
    let source = |(at, name): (u32, &&str)| {
        let (host, name) = name.split_once('/').expect("host/name");
        wire::StreamSource {
            source: at,
            id: format!("i-{host}-{name}"),
            name: name.to_owned(),
            host: host.to_owned(),
            provider: "docker".to_owned(),
        }
    };
    let sources = (0..).zip(names).map(source).collect();
    frame(0, wire::stream_out::Frame::Sources(wire::StreamSources { sources }))
}

/// A frame of a source.
pub fn frame(source: u32, frame: wire::stream_out::Frame) -> wire::StreamOut {
    wire::StreamOut { source, frame: Some(frame) }
}

impl Play {
    fn batch(&self, state: &str) -> wire::Batch {
        let asked = self.asked.batches.lock().expect("a lock");
        let request = asked.last().cloned().unwrap_or_default();
        let count =
            |is: fn(&wire::Task) -> bool| self.tasks.iter().filter(|task| is(task)).count() as u32;
        let succeeded = count(|task| task.state == "succeeded");
        let interrupted = count(|task| task.state == "interrupted");
        let never_started = count(|task| task.state == "never_started");
        let unreachable =
            count(|task| task.end.as_ref().is_some_and(|end| end.unsent == "unreachable"));
        let targets = self.tasks.len() as u32;
        let spec = request.spec.unwrap_or_default();
        wire::Batch {
            id: "b-1".to_owned(),
            state: state.to_owned(),
            action: spec.action,
            rollout: spec.rollout,
            leases: spec.leases,
            undo: spec.undo,
            parse: spec.parse,
            summary: "instance something".to_owned(),
            targets,
            created_by: "admin".to_owned(),
            created_at: 1000,
            ended_at: (state != "running").then_some(2000),
            counts: Some(wire::BatchCounts {
                succeeded,
                interrupted,
                never_started,
                unreachable,
                failed: targets - succeeded - interrupted - never_started,
                ..wire::BatchCounts::default()
            }),
            ..wire::Batch::default()
        }
    }

    fn did(&self, what: &str, batch: &str) -> Answer<wire::Batch> {
        self.asked.done.lock().expect("a lock").push(format!("{what} {batch}"));
        Ok(Response::new(self.batch("running")))
    }

    fn end(&self) -> &'static str {
        match self.tasks.iter().all(|task| task.state == "succeeded") {
            true => "succeeded",
            false => "failed",
        }
    }
}

#[tonic::async_trait]
impl Control for Play {
    type WatchBatchStream = Out<wire::BatchEvent>;
    type WatchInstancesStream = Out<wire::InstanceEvent>;
    type ExecStream = Out<wire::StreamOut>;
    type LogsStream = Out<wire::StreamOut>;
    type StatsStream = Out<wire::StreamOut>;
    type TailAuditStream = Out<wire::AuditRecord>;
    type ReadOutputStream = Out<wire::OutputRead>;
    type GetFetchedStream = Out<wire::ContentChunk>;

    async fn create_batch(
        &self,
        request: Request<wire::CreateBatchRequest>,
    ) -> Answer<wire::Batch> {
        self.asked.batches.lock().expect("a lock").push(request.into_inner());
        Ok(Response::new(self.batch("running")))
    }

    async fn watch_batch(
        &self,
        request: Request<wire::WatchBatchRequest>,
    ) -> Answer<Self::WatchBatchStream> {
        if let Some(events) = &self.events {
            return Ok(Response::new(events(request.into_inner())));
        }
        use wire::batch_event::Event;
        let mut events = vec![Event::Batch(self.batch("running"))];
        events.extend(self.tasks.iter().cloned().map(Event::Task));
        events.push(Event::Snapshotted(wire::Snapshotted {}));
        events.push(Event::Batch(self.batch(self.end())));
        let events = events.into_iter().map(|event| Ok(wire::BatchEvent { event: Some(event) }));
        Ok(Response::new(stream::iter(events).boxed()))
    }

    async fn get_batch(&self, _: Request<wire::GetBatchRequest>) -> Answer<wire::Batch> {
        Ok(Response::new(self.batch(self.end())))
    }

    async fn list_tasks(
        &self,
        _: Request<wire::ListTasksRequest>,
    ) -> Answer<wire::ListTasksResponse> {
        let tasks = self.tasks.clone();
        Ok(Response::new(wire::ListTasksResponse { tasks, next_page_token: String::new() }))
    }

    async fn list_batches(
        &self,
        _: Request<wire::ListBatchesRequest>,
    ) -> Answer<wire::ListBatchesResponse> {
        let batches = vec![self.batch(self.end())];
        Ok(Response::new(wire::ListBatchesResponse { batches, next_page_token: String::new() }))
    }

    async fn list_instances(
        &self,
        request: Request<wire::ListInstancesRequest>,
    ) -> Answer<wire::ListInstancesResponse> {
        let request = request.into_inner();
        let from: usize = request.page_token.parse().unwrap_or(0);
        self.asked.lists.lock().expect("a lock").push(request);
        let instances: Vec<_> = self.instances.iter().skip(from).take(2).cloned().collect();
        let next = from + instances.len();
        let next_page_token =
            if next < self.instances.len() { next.to_string() } else { String::new() };
        Ok(Response::new(wire::ListInstancesResponse { instances, next_page_token }))
    }

    async fn describe_instance(
        &self,
        request: Request<wire::DescribeInstanceRequest>,
    ) -> Answer<wire::DescribeInstanceResponse> {
        let name = request.into_inner().instance;
        match &self.describe {
            Some(described) => Ok(Response::new(described.clone())),
            None => Err(status_of(Problem::new(Code::NotFound, format!("no instance {name:?}")))),
        }
    }

    async fn watch_instances(
        &self,
        request: Request<wire::WatchInstancesRequest>,
    ) -> Answer<Self::WatchInstancesStream> {
        Ok(Response::new((self.watch)(request.into_inner())))
    }

    async fn exec(
        &self,
        request: Request<Streaming<wire::ExecRequest>>,
    ) -> Answer<Self::ExecStream> {
        Ok(Response::new((self.exec)(request.into_inner())))
    }

    async fn logs(&self, request: Request<wire::LogsRequest>) -> Answer<Self::LogsStream> {
        let request = request.into_inner();
        self.asked.logs.lock().expect("a lock").push(request.clone());
        Ok(Response::new((self.logs)(request)))
    }

    async fn stats(&self, request: Request<wire::StatsRequest>) -> Answer<Self::StatsStream> {
        let request = request.into_inner();
        self.asked.stats.lock().expect("a lock").push(request.clone());
        Ok(Response::new((self.stats)(request)))
    }

    async fn get_status(
        &self,
        _: Request<wire::GetStatusRequest>,
    ) -> Answer<wire::GetStatusResponse> {
        Err(unplayed())
    }

    async fn list_hosts(
        &self,
        _: Request<wire::ListHostsRequest>,
    ) -> Answer<wire::ListHostsResponse> {
        let cordon = Some(wire::Cordon {
            by: "admin".to_owned(),
            at: 1000,
            reason: "a bad disk".to_owned(),
        });
        let (name, state) = ("web".to_owned(), "ready".to_owned());
        let hosts = vec![wire::Host { name, state, cordon, ..wire::Host::default() }];
        Ok(Response::new(wire::ListHostsResponse { hosts, next_page_token: String::new() }))
    }

    async fn label_host(&self, _: Request<wire::LabelHostRequest>) -> Answer<wire::Host> {
        Err(unplayed())
    }

    async fn approve_host(&self, _: Request<wire::ApproveHostRequest>) -> Answer<wire::Host> {
        Err(unplayed())
    }

    async fn remove_host(
        &self,
        _: Request<wire::RemoveHostRequest>,
    ) -> Answer<wire::RemoveHostResponse> {
        Err(unplayed())
    }

    async fn create_token(
        &self,
        _: Request<wire::CreateTokenRequest>,
    ) -> Answer<wire::CreateTokenResponse> {
        Err(unplayed())
    }

    async fn list_tokens(
        &self,
        _: Request<wire::ListTokensRequest>,
    ) -> Answer<wire::ListTokensResponse> {
        Err(unplayed())
    }

    async fn revoke_token(
        &self,
        _: Request<wire::RevokeTokenRequest>,
    ) -> Answer<wire::RevokeTokenResponse> {
        Err(unplayed())
    }

    async fn cancel_batch(
        &self,
        request: Request<wire::CancelBatchRequest>,
    ) -> Answer<wire::Batch> {
        self.did("cancel", &request.into_inner().id)
    }

    async fn preview_batch(
        &self,
        request: Request<wire::CreateBatchRequest>,
    ) -> Answer<wire::BatchPreview> {
        self.asked.previews.lock().expect("a lock").push(request.into_inner());
        self.preview.clone().map(Response::new).ok_or_else(unplayed)
    }

    async fn pause_batch(&self, request: Request<wire::PauseBatchRequest>) -> Answer<wire::Batch> {
        self.did("pause", &request.into_inner().id)
    }

    async fn resume_batch(
        &self,
        request: Request<wire::ResumeBatchRequest>,
    ) -> Answer<wire::Batch> {
        self.did("resume", &request.into_inner().id)
    }

    async fn retry_batch(&self, request: Request<wire::RetryBatchRequest>) -> Answer<wire::Batch> {
        self.asked.retries.lock().expect("a lock").push(request.into_inner());
        Ok(Response::new(self.batch("running")))
    }

    async fn read_output(
        &self,
        request: Request<wire::ReadOutputRequest>,
    ) -> Answer<Self::ReadOutputStream> {
        let request = request.into_inner();
        self.asked.outputs.lock().expect("a lock").push(request.clone());
        Ok(Response::new((self.read_output)(request)))
    }

    async fn stat_content(
        &self,
        request: Request<wire::StatContentRequest>,
    ) -> Answer<wire::StatContentResponse> {
        Ok(Response::new(self.asked.contents.stat(request.into_inner().content)))
    }

    async fn put_content(
        &self,
        request: Request<Streaming<wire::PutContentRequest>>,
    ) -> Answer<wire::StatContentResponse> {
        self.asked.contents.put(request.into_inner()).await.map(Response::new)
    }

    async fn get_fetched(
        &self,
        request: Request<wire::GetFetchedRequest>,
    ) -> Answer<Self::GetFetchedStream> {
        Ok(Response::new(self.asked.contents.get(&request.into_inner())))
    }

    async fn cordon_host(&self, request: Request<wire::CordonHostRequest>) -> Answer<wire::Host> {
        let wire::CordonHostRequest { host, cordoned, reason } = request.into_inner();
        let cordon = cordoned.then(|| wire::Cordon { by: "admin".to_owned(), at: 1000, reason });
        let state = "ready".to_owned();
        Ok(Response::new(wire::Host { name: host, state, cordon, ..wire::Host::default() }))
    }

    async fn list_audit(
        &self,
        _: Request<wire::ListAuditRequest>,
    ) -> Answer<wire::ListAuditResponse> {
        Err(unplayed())
    }

    async fn tail_audit(
        &self,
        _: Request<wire::TailAuditRequest>,
    ) -> Answer<Self::TailAuditStream> {
        Err(unplayed())
    }
}
