//! Asking a coordinator that may die at any moment.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use tamer_certs::{Authority, client_config};
use tamer_model::Timestamp;
use tamer_proto::wire;
use tamer_proto::wire::control_client::ControlClient;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::bench::connect;

/// A call that takes longer is given up and made again.
const CALL: Duration = Duration::from_secs(5);

/// The calls of an administrator.
pub struct Control {
    runtime: Runtime,
    client: ControlClient<Channel>,
}

/// Why a batch cannot be driven on.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody was there, or died meanwhile: whether it happened is not known.
    Gone(Status),
    /// The coordinator says no.
    Refused(Status),
    /// A promise was broken before its end.
    Broken(String),
}

impl Control {
    /// Connects to the coordinator of a data folder.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn new(data: &Path, address: SocketAddr) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("runtime")?;
        let authority = Authority::load(data)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64;
        let admin =
            authority.issue_user_credentials("crash".parse()?, Timestamp::from_millis(now))?;
        let config = client_config(authority.trust(), Some(&admin))?;
        let channel = runtime.block_on(connect(address, config))?;
        Ok(Self { runtime, client: ControlClient::new(channel) })
    }

    /// A token for so many hosts.
    pub fn token(&mut self, uses: u32) -> Result<String, Trouble> {
        let request = wire::CreateTokenRequest { uses, ..Default::default() };
        self.call(async |client| client.create_token(request).await).map(|token| token.token)
    }

    /// The hosts, by name.
    pub fn hosts(&mut self) -> Result<Vec<wire::Host>, Trouble> {
        let request = wire::ListHostsRequest::default();
        self.call(async |client| client.list_hosts(request).await).map(|list| list.hosts)
    }

    /// Makes a batch, or finds the one that the same request made.
    pub fn create(
        &mut self,
        request_id: &str,
        spec: &wire::BatchSpec,
    ) -> Result<wire::Batch, Trouble> {
        let request = wire::CreateBatchRequest {
            request_id: request_id.to_owned(),
            spec: Some(spec.clone()),
            ..Default::default()
        };
        self.call(async |client| client.create_batch(request).await)
    }

    /// A batch.
    pub fn batch(&mut self, id: &str) -> Result<wire::Batch, Trouble> {
        let request = wire::GetBatchRequest { id: id.to_owned() };
        self.call(async |client| client.get_batch(request).await)
    }

    /// Its tasks, by name.
    pub fn tasks(&mut self, batch: &str) -> Result<Vec<wire::Task>, Trouble> {
        let request = wire::ListTasksRequest { batch: batch.to_owned(), ..Default::default() };
        self.call(async |client| client.list_tasks(request).await).map(|list| list.tasks)
    }

    /// Cancels it.
    pub fn cancel(&mut self, id: &str) -> Result<wire::Batch, Trouble> {
        let request = wire::CancelBatchRequest { id: id.to_owned() };
        self.call(async |client| client.cancel_batch(request).await)
    }

    /// Pauses it.
    pub fn pause(&mut self, id: &str) -> Result<wire::Batch, Trouble> {
        let request = wire::PauseBatchRequest { id: id.to_owned() };
        self.call(async |client| client.pause_batch(request).await)
    }

    /// Resumes it.
    pub fn resume(&mut self, id: &str) -> Result<wire::Batch, Trouble> {
        let request = wire::ResumeBatchRequest { id: id.to_owned() };
        self.call(async |client| client.resume_batch(request).await)
    }

    fn call<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut ControlClient<Channel>) -> Result<Response<T>, Status>,
    ) -> Result<T, Trouble> {
        let client = &mut self.client;
        let late = |_| Status::unavailable(format!("no answer within {CALL:?}"));
        let answer = self.runtime.block_on(async {
            tokio::time::timeout(CALL, call(client)).await.map_err(late).flatten()
        });
        answer.map(Response::into_inner).map_err(|status| match status.code() {
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal => {
                Trouble::Gone(status)
            }
            _ => Trouble::Refused(status),
        })
    }
}
