//! The coordinator's services of people, as this program calls it: types of `contract` and
//! `Problem`, never the wire's.

mod baselines;
mod batches;
mod changes;
mod contents;
mod drift;
mod exchange;
mod findings;
mod instances;
mod order;
mod output;
mod rules;
mod schedules;
mod snapshots;
mod streams;
mod workloads;

use std::collections::BTreeMap;
use std::time::Duration;

use tamer_model::{Problem, StreamKind};
use tamer_proto::wire::control_client::ControlClient;
use tamer_proto::wire::drift_client::DriftClient;
use tamer_proto::wire::schedules_client::SchedulesClient;
use tamer_proto::wire::workloads_client::WorkloadsClient;
use tamer_proto::{MAX_MESSAGE, Required, wire};
use tonic::transport::Channel;
use tonic::{Response, Status as GrpcStatus, Streaming};

pub use self::baselines::{Accept, SetBaseline};
pub use self::changes::Between;
pub use self::contents::{Fetched, Held, PIECE, Piece, Pieces};
pub use self::drift::{DriftQuestion, Drifted};
pub use self::exchange::SnapshotFile;
pub use self::findings::HistoryQuestion;
pub use self::instances::{InstanceChange, InstanceEvents, Selection};
pub use self::order::{BatchOrder, Targets};
pub use self::output::{OutputRead, OutputReads, Wanted};
pub use self::snapshots::Take;
pub use self::streams::{Event, Frame, Input, Source, Streamed};
pub use self::workloads::{Change, Drain, Expected, Views};
use crate::contract::{Audit, Batch, Host, NewToken, Status, Task, Token};
use crate::errors::of_status;

/// A connection to the coordinator. A clone shares it.
#[derive(Debug, Clone)]
pub struct Api {
    client: ControlClient<Channel>,
    drift: DriftClient<Channel>,
    schedules: SchedulesClient<Channel>,
    workloads: WorkloadsClient<Channel>,
    address: String,
}

/// What a watched batch tells.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and nearly all are tasks and output")]
pub enum BatchEvent {
    /// The batch as it stands.
    Batch(Batch),
    /// A task as it stands; with its output when it ended.
    Task(Task),
    /// Output as it came.
    Output(Chunk),
    /// How far a task is that moves a file.
    Progress(Moved),
    /// Every task was told once.
    Snapshotted,
}

/// How far a task is that moves a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The host's id.
    pub host: String,
    /// Which of the host's targets.
    pub item: u32,
    /// Bytes that were moved.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// A piece of output.
#[derive(Debug)]
pub struct Chunk {
    /// The host's id.
    pub host: String,
    /// Which of the host's targets.
    pub item: u32,
    /// Which stream.
    pub stream: StreamKind,
    /// Where in the stream its first byte is.
    pub offset: u64,
    /// The bytes.
    pub data: Vec<u8>,
}

/// The events of a watched batch.
#[derive(Debug)]
pub struct BatchEvents(Streaming<wire::BatchEvent>);

/// The audit as it grows.
#[derive(Debug)]
pub struct AuditEvents(Streaming<wire::AuditRecord>);

type Answer<T> = Result<Response<T>, GrpcStatus>;

fn answer<T>(answer: Answer<T>) -> Result<T, Problem> {
    answer.map(Response::into_inner).map_err(of_status)
}

impl Api {
    /// Calls over `channel`, which leads to `address`.
    pub fn new(channel: Channel, address: String) -> Self {
        let schedules =
            SchedulesClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let workloads =
            WorkloadsClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let drift = DriftClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let client = ControlClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        Self { client, drift, schedules, workloads, address }
    }

    /// The address that answered.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The fleet at a glance.
    pub async fn status(&mut self) -> Result<Status, Problem> {
        answer(self.client.get_status(wire::GetStatusRequest {}).await).map(Into::into)
    }

    /// The hosts that `selector` means, or the one of this name or id, and those that wait for
    /// approval.
    pub async fn hosts(&mut self, selector: &str, name: &str) -> Result<Vec<Host>, Problem> {
        let mut hosts = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = wire::ListHostsRequest {
                selector: selector.to_owned(),
                name: name.to_owned(),
                limit: 0,
                page_token,
                include_pending: true,
            };
            let page = answer(self.client.list_hosts(request).await)?;
            hosts.extend(page.hosts.into_iter().map(Host::from));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(hosts);
            }
        }
    }

    /// Changes a host's labels.
    pub async fn label_host(
        &mut self,
        host: &str,
        set: BTreeMap<String, String>,
        remove: Vec<String>,
    ) -> Result<Host, Problem> {
        let request = wire::LabelHostRequest {
            host: host.to_owned(),
            set: set.into_iter().collect(),
            remove,
        };
        answer(self.client.label_host(request).await).map(Into::into)
    }

    /// Lets a waiting host in, if its code is still this one.
    pub async fn approve_host(
        &mut self,
        host: &str,
        join_code: &str,
        labels: BTreeMap<String, String>,
    ) -> Result<Host, Problem> {
        let request = wire::ApproveHostRequest {
            host: host.to_owned(),
            join_code: join_code.to_owned(),
            labels: labels.into_iter().collect(),
        };
        answer(self.client.approve_host(request).await).map(Into::into)
    }

    /// Removes a host for good; returns its id and name.
    pub async fn remove_host(&mut self, host: &str) -> Result<(String, String), Problem> {
        let request = wire::RemoveHostRequest { host: host.to_owned() };
        answer(self.client.remove_host(request).await).map(|removed| (removed.id, removed.name))
    }

    /// Makes a join token.
    pub async fn create_token(
        &mut self,
        lifetime: Duration,
        uses: u32,
        labels: BTreeMap<String, String>,
    ) -> Result<NewToken, Problem> {
        let request = wire::CreateTokenRequest {
            lifetime_ms: millis(lifetime),
            uses,
            labels: labels.into_iter().collect(),
        };
        answer(self.client.create_token(request).await)?.try_into()
    }

    /// All tokens.
    pub async fn tokens(&mut self) -> Result<Vec<Token>, Problem> {
        let listed = answer(self.client.list_tokens(wire::ListTokensRequest {}).await)?;
        Ok(listed.tokens.into_iter().map(Token::from).collect())
    }

    /// Makes a token useless.
    pub async fn revoke_token(&mut self, id: &str) -> Result<(), Problem> {
        let request = wire::RevokeTokenRequest { id: id.to_owned() };
        answer(self.client.revoke_token(request).await).map(drop)
    }

    /// Starts a batch. The same order is the same batch, however often it is asked for.
    pub async fn create_batch(&mut self, order: &BatchOrder) -> Result<Batch, Problem> {
        let request: wire::CreateBatchRequest = order.clone().into();
        answer(self.client.create_batch(request).await)?.try_into()
    }

    /// The newest batches, at most `limit`.
    pub async fn batches(&mut self, limit: u32) -> Result<Vec<Batch>, Problem> {
        let mut batches: Vec<Batch> = Vec::new();
        let mut page_token = String::new();
        loop {
            let left = limit - batches.len() as u32;
            let request = wire::ListBatchesRequest { limit: left, page_token };
            let page = answer(self.client.list_batches(request).await)?;
            for batch in page.batches {
                batches.push(batch.try_into()?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() || batches.len() as u32 >= limit {
                batches.truncate(limit as usize);
                return Ok(batches);
            }
        }
    }

    /// One batch; `last` is the newest.
    pub async fn batch(&mut self, id: &str) -> Result<Batch, Problem> {
        let request = wire::GetBatchRequest { id: id.to_owned() };
        answer(self.client.get_batch(request).await)?.try_into()
    }

    /// The tasks of a batch, or the one on `host`.
    pub async fn tasks(
        &mut self,
        batch: &str,
        host: &str,
        output: bool,
    ) -> Result<Vec<Task>, Problem> {
        let mut tasks = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = wire::ListTasksRequest {
                batch: batch.to_owned(),
                output,
                host: host.to_owned(),
                limit: 0,
                page_token,
            };
            let page = answer(self.client.list_tasks(request).await)?;
            for task in page.tasks {
                tasks.push(task.try_into()?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(tasks);
            }
        }
    }

    /// Follows a batch until it has ended.
    pub async fn watch_batch(&mut self, id: &str, output: bool) -> Result<BatchEvents, Problem> {
        let request = wire::WatchBatchRequest { id: id.to_owned(), output };
        answer(self.client.watch_batch(request).await).map(BatchEvents)
    }

    /// Cancels a batch: what runs is ended, what waits never starts.
    pub async fn cancel_batch(&mut self, id: &str) -> Result<Batch, Problem> {
        let request = wire::CancelBatchRequest { id: id.to_owned() };
        answer(self.client.cancel_batch(request).await)?.try_into()
    }

    /// The newest records of the audit, at most `limit`, newest first.
    pub async fn audit(&mut self, limit: u32) -> Result<Vec<Audit>, Problem> {
        let mut records: Vec<Audit> = Vec::new();
        let mut page_token = String::new();
        loop {
            let left = limit - records.len() as u32;
            let request = wire::ListAuditRequest { limit: left, page_token };
            let page = answer(self.client.list_audit(request).await)?;
            records.extend(page.records.into_iter().map(Audit::from));
            page_token = page.next_page_token;
            if page_token.is_empty() || records.len() as u32 >= limit {
                records.truncate(limit as usize);
                return Ok(records);
            }
        }
    }

    /// Follows the audit from the record after `after`, or from now on.
    pub async fn tail_audit(&mut self, after: &str) -> Result<AuditEvents, Problem> {
        let request = wire::TailAuditRequest { after: after.to_owned() };
        answer(self.client.tail_audit(request).await).map(AuditEvents)
    }
}

impl BatchEvents {
    /// The next event, or `None` when the coordinator has no more to tell. Dropping the future
    /// loses nothing.
    pub async fn next(&mut self) -> Result<Option<BatchEvent>, Problem> {
        use wire::batch_event::Event;
        loop {
            let Some(told) = self.0.message().await.map_err(of_status)? else { return Ok(None) };
            return Ok(Some(match told.event {
                Some(Event::Batch(batch)) => BatchEvent::Batch(batch.try_into()?),
                Some(Event::Task(task)) => BatchEvent::Task(task.try_into()?),
                Some(Event::Output(chunk)) => BatchEvent::Output(chunk.try_into()?),
                Some(Event::Progress(told)) => {
                    let wire::TargetProgress { host, item, done, total } = told;
                    BatchEvent::Progress(Moved { host, item, done, total })
                }
                Some(Event::Snapshotted(wire::Snapshotted {})) => BatchEvent::Snapshotted,
                // An event that a newer coordinator knows and this program does not.
                None => continue,
            }));
        }
    }
}

impl AuditEvents {
    /// The next record, or `None` when the coordinator ends the stream.
    pub async fn next(&mut self) -> Result<Option<Audit>, Problem> {
        Ok(self.0.message().await.map_err(of_status)?.map(Audit::from))
    }
}

impl TryFrom<wire::OutputChunk> for Chunk {
    type Error = Problem;

    fn try_from(chunk: wire::OutputChunk) -> Result<Self, Problem> {
        let stream = chunk.stream().try_into()?;
        let wire::OutputChunk { host, stream: _, offset, data, item } = chunk;
        let host = Some(host).filter(|host| !host.is_empty()).required("output.host")?;
        Ok(Self { host, item, stream, offset, data: data.into() })
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
