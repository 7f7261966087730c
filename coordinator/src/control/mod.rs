//! What `tamerctl` asks, one file a noun.

mod audits;
mod batches;
mod contents;
mod drift;
mod hosts;
mod instances;
mod outputs;
mod page;
mod schedules;
mod status;
mod tokens;
mod watch;
mod workloads;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use tamer_certs::Authority;
use tamer_model::{CoordinatorId, FleetId, Problem, Timestamp};
use tamer_proto::wire::control_server::Control;
use tamer_proto::{status_of, wire};
use tamer_store::Store;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::audit::Refusals;
use crate::batch::{Feeds, Maker};
use crate::caller::{self, Caller};
use crate::contents::Contents;
use crate::drift::Drift;
use crate::fleet::Fleet;
use crate::instances::streams::Streams;
use crate::session::Sessions;
use crate::workloads::Workloads;

/// The service of people. Cheap to clone.
#[derive(Clone)]
pub struct People {
    pub store: Store,
    pub fleet: Fleet,
    pub sessions: Sessions,
    pub feeds: Feeds,
    pub streams: Streams,
    pub contents: Contents,
    pub workloads: Workloads,
    pub drift: Drift,
    pub authority: Arc<Authority>,
    pub refusals: Refusals,
    pub fleet_id: FleetId,
    pub coordinator: CoordinatorId,
    pub started_at: Timestamp,
    pub stop: CancellationToken,
}

/// Who asks, for handlers that change something.
struct Asker {
    name: tamer_model::UserName,
    caller: Arc<Caller>,
}

impl People {
    /// Makes batches, for people and for what acts in their names.
    pub fn maker(&self) -> Maker {
        let contents = self.contents.clone();
        let drift = self.drift.clone();
        Maker { store: self.store.clone(), fleet: self.fleet.clone(), contents, drift }
    }

    fn asker<T>(request: &Request<T>) -> Result<Asker, Status> {
        let (name, caller) = caller::user(request)?;
        Ok(Asker { name, caller })
    }

    /// Answers a change: a refusal is audited.
    fn answer<T>(
        &self,
        asker: &Asker,
        what: &str,
        on: &str,
        done: Result<T, Problem>,
    ) -> Result<Response<T>, Status> {
        done.map(Response::new).map_err(|problem| {
            let on: String = on.chars().take(128).collect();
            self.refusals.tell(&asker.caller, what, on, problem.code, &problem.message);
            status_of(problem)
        })
    }
}

type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Control for People {
    type WatchBatchStream = Events<wire::BatchEvent>;
    type TailAuditStream = Events<wire::AuditRecord>;

    async fn get_status(
        &self,
        _: Request<wire::GetStatusRequest>,
    ) -> Result<Response<wire::GetStatusResponse>, Status> {
        self.status().await.map(Response::new).map_err(status_of)
    }

    async fn list_hosts(
        &self,
        request: Request<wire::ListHostsRequest>,
    ) -> Result<Response<wire::ListHostsResponse>, Status> {
        self.hosts(request.into_inner()).map(Response::new).map_err(status_of)
    }

    async fn label_host(
        &self,
        request: Request<wire::LabelHostRequest>,
    ) -> Result<Response<wire::Host>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.host.clone();
        self.answer(&asker, "host.label", &on, self.label(&asker, request).await)
    }

    async fn approve_host(
        &self,
        request: Request<wire::ApproveHostRequest>,
    ) -> Result<Response<wire::Host>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.host.clone();
        self.answer(&asker, "host.approve", &on, self.approve(&asker, request).await)
    }

    async fn remove_host(
        &self,
        request: Request<wire::RemoveHostRequest>,
    ) -> Result<Response<wire::RemoveHostResponse>, Status> {
        let asker = Self::asker(&request)?;
        let on = request.into_inner().host;
        self.answer(&asker, "host.rm", &on, self.remove(&asker, &on).await)
    }

    async fn cordon_host(
        &self,
        request: Request<wire::CordonHostRequest>,
    ) -> Result<Response<wire::Host>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.host.clone();
        let what = if request.cordoned { "host.cordon" } else { "host.uncordon" };
        self.answer(&asker, what, &on, self.cordon(&asker, request).await)
    }

    async fn create_token(
        &self,
        request: Request<wire::CreateTokenRequest>,
    ) -> Result<Response<wire::CreateTokenResponse>, Status> {
        let asker = Self::asker(&request)?;
        self.answer(&asker, "token.create", "", self.make_token(&asker, request.into_inner()).await)
    }

    async fn list_tokens(
        &self,
        _: Request<wire::ListTokensRequest>,
    ) -> Result<Response<wire::ListTokensResponse>, Status> {
        Ok(Response::new(self.tokens()))
    }

    async fn revoke_token(
        &self,
        request: Request<wire::RevokeTokenRequest>,
    ) -> Result<Response<wire::RevokeTokenResponse>, Status> {
        let asker = Self::asker(&request)?;
        let on = request.into_inner().id;
        self.answer(&asker, "token.revoke", &on, self.drop_token(&asker, &on).await)
    }

    async fn create_batch(
        &self,
        request: Request<wire::CreateBatchRequest>,
    ) -> Result<Response<wire::Batch>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.selector.clone();
        self.answer(&asker, "batch.create", &on, self.make_batch(&asker, request).await)
    }

    async fn list_batches(
        &self,
        request: Request<wire::ListBatchesRequest>,
    ) -> Result<Response<wire::ListBatchesResponse>, Status> {
        self.batches(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn get_batch(
        &self,
        request: Request<wire::GetBatchRequest>,
    ) -> Result<Response<wire::Batch>, Status> {
        let id = request.into_inner().id;
        let (batch, _) = self.find_batch(&id).await.map_err(status_of)?;
        self.counted(batch).await.map(Response::new).map_err(status_of)
    }

    async fn list_tasks(
        &self,
        request: Request<wire::ListTasksRequest>,
    ) -> Result<Response<wire::ListTasksResponse>, Status> {
        self.tasks(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn watch_batch(
        &self,
        request: Request<wire::WatchBatchRequest>,
    ) -> Result<Response<Self::WatchBatchStream>, Status> {
        let stream = self.follow_batch(request.into_inner()).await.map_err(status_of)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn cancel_batch(
        &self,
        request: Request<wire::CancelBatchRequest>,
    ) -> Result<Response<wire::Batch>, Status> {
        let asker = Self::asker(&request)?;
        let on = request.into_inner().id;
        self.answer(&asker, "batch.cancel", &on, self.cancel(&asker, &on).await)
    }

    async fn preview_batch(
        &self,
        request: Request<wire::CreateBatchRequest>,
    ) -> Result<Response<wire::BatchPreview>, Status> {
        self.preview(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn pause_batch(
        &self,
        request: Request<wire::PauseBatchRequest>,
    ) -> Result<Response<wire::Batch>, Status> {
        let asker = Self::asker(&request)?;
        let on = request.into_inner().id;
        self.answer(&asker, "batch.pause", &on, self.pause(&asker, &on).await)
    }

    async fn resume_batch(
        &self,
        request: Request<wire::ResumeBatchRequest>,
    ) -> Result<Response<wire::Batch>, Status> {
        let asker = Self::asker(&request)?;
        let on = request.into_inner().id;
        self.answer(&asker, "batch.resume", &on, self.resume(&asker, &on).await)
    }

    async fn retry_batch(
        &self,
        request: Request<wire::RetryBatchRequest>,
    ) -> Result<Response<wire::Batch>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.id.clone();
        self.answer(&asker, "batch.retry", &on, self.retry(&asker, request).await)
    }

    type ReadOutputStream = Events<wire::OutputRead>;
    type GetFetchedStream = Events<wire::ContentChunk>;

    async fn read_output(
        &self,
        request: Request<wire::ReadOutputRequest>,
    ) -> Result<Response<Self::ReadOutputStream>, Status> {
        self.read_outputs(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn stat_content(
        &self,
        request: Request<wire::StatContentRequest>,
    ) -> Result<Response<wire::StatContentResponse>, Status> {
        self.content_stat(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn put_content(
        &self,
        request: Request<Streaming<wire::PutContentRequest>>,
    ) -> Result<Response<wire::StatContentResponse>, Status> {
        let asker = Self::asker(&request)?;
        let done = self.content_put(&asker, request.into_inner()).await;
        self.answer(&asker, "content.put", "", done)
    }

    async fn get_fetched(
        &self,
        request: Request<wire::GetFetchedRequest>,
    ) -> Result<Response<Self::GetFetchedStream>, Status> {
        self.fetched(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    type WatchInstancesStream = Events<wire::InstanceEvent>;
    type ExecStream = Events<wire::StreamOut>;
    type LogsStream = Events<wire::StreamOut>;
    type StatsStream = Events<wire::StreamOut>;

    async fn list_instances(
        &self,
        request: Request<wire::ListInstancesRequest>,
    ) -> Result<Response<wire::ListInstancesResponse>, Status> {
        self.instances(request.into_inner()).map(Response::new).map_err(status_of)
    }

    async fn watch_instances(
        &self,
        request: Request<wire::WatchInstancesRequest>,
    ) -> Result<Response<Self::WatchInstancesStream>, Status> {
        let stream = self.follow_instances(request.into_inner()).map_err(status_of)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn describe_instance(
        &self,
        request: Request<wire::DescribeInstanceRequest>,
    ) -> Result<Response<wire::DescribeInstanceResponse>, Status> {
        let name = request.into_inner().instance;
        self.describe(&name).await.map(Response::new).map_err(status_of)
    }

    async fn exec(
        &self,
        request: Request<Streaming<wire::ExecRequest>>,
    ) -> Result<Response<Self::ExecStream>, Status> {
        let asker = Self::asker(&request)?;
        let mut input = request.into_inner();
        let open = instances::opening(input.message().await?).map_err(status_of)?;
        let on = open.instance.clone();
        self.answer(&asker, "instance.exec", &on, self.exec_in(&asker, open, input).await)
    }

    async fn logs(
        &self,
        request: Request<wire::LogsRequest>,
    ) -> Result<Response<Self::LogsStream>, Status> {
        self.follow_logs(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn stats(
        &self,
        request: Request<wire::StatsRequest>,
    ) -> Result<Response<Self::StatsStream>, Status> {
        self.follow_stats(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn list_audit(
        &self,
        request: Request<wire::ListAuditRequest>,
    ) -> Result<Response<wire::ListAuditResponse>, Status> {
        self.audits(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn tail_audit(
        &self,
        request: Request<wire::TailAuditRequest>,
    ) -> Result<Response<Self::TailAuditStream>, Status> {
        let stream = self.follow_audit(request.into_inner()).await.map_err(status_of)?;
        Ok(Response::new(Box::pin(stream)))
    }
}
