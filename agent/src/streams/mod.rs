//! Bulk streams: what flows between an instance, or a task, and a user. The coordinator asks for one in the
//! session with a ticket; the agent opens it as a call of its own on the session's connection and
//! serves it. They end with the session, whose task owns them.

mod describe;
mod exec;
mod frames;
mod logs;
mod merge;
mod output;
mod serve;
mod stats;

use tamer_model::{Code, Problem, StreamRequest};
use tamer_proto::{MAX_MESSAGE, wire};
use tamer_provider::registry::Registry;
use tokio::task::{JoinError, JoinSet};
use tonic::transport::Channel;
use wire::agent_service_client::AgentServiceClient;

use crate::spool::Spool;

/// Streams that are served at once. One more is refused. What they hold is bounded by this and by
/// `frames::FRAMES` of at most `merge::MAX_FRAME`: 16 MiB when nobody reads any of them.
pub const MAX_STREAMS: usize = 64;

/// The streams of one session.
pub struct Streams {
    client: AgentServiceClient<Channel>,
    sources: Sources,
    open: JoinSet<Result<(), Refused>>,
}

/// What streams are about.
#[derive(Clone)]
struct Sources {
    providers: Registry,
    spool: Spool,
}

/// A stream that is not served, and why.
#[derive(Debug)]
pub struct Refused {
    /// Which.
    pub ticket: String,
    /// Why.
    pub problem: Problem,
}

impl Streams {
    /// None yet; they will be calls on `channel`, and ask `providers` and `spool`.
    pub fn new(channel: Channel, providers: Registry, spool: Spool) -> Self {
        let client = AgentServiceClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        Self { client, sources: Sources { providers, spool }, open: JoinSet::new() }
    }

    /// Opens a stream, unless there are too many or its request was not understood.
    pub fn open(
        &mut self,
        ticket: String,
        request: Result<StreamRequest, Problem>,
    ) -> Result<(), Refused> {
        let request = match request {
            Ok(request) if self.open.len() < MAX_STREAMS => request,
            Ok(_) => {
                let message = format!("the host already serves {MAX_STREAMS} streams");
                let problem = Problem::new(Code::Busy, message)
                    .remedy("end some of them, or ask for the logs of fewer instances at once");
                return Err(Refused { ticket, problem });
            }
            Err(problem) => return Err(Refused { ticket, problem }),
        };
        self.open.spawn(serve::serve(self.client.clone(), self.sources.clone(), ticket, request));
        Ok(())
    }

    /// Waits for a stream to end; for ever while there is none. Cancel-safe. Returns the one that
    /// could not be opened, if that is why it ended.
    pub async fn ended(&mut self) -> Option<Refused> {
        match self.open.join_next().await {
            Some(ended) => refusal(ended),
            None => std::future::pending().await,
        }
    }

    /// Ends all of them, and returns when they have ended.
    pub async fn stop(mut self) {
        self.open.shutdown().await;
    }
}

fn refusal(ended: Result<Result<(), Refused>, JoinError>) -> Option<Refused> {
    match ended {
        Ok(result) => result.err(),
        Err(error) => {
            // A bug of ours; those of providers are caught. The other side sees the call end.
            tracing::error!(%error, "a stream panicked");
            None
        }
    }
}

impl From<Refused> for wire::StreamRefused {
    fn from(refused: Refused) -> Self {
        let Refused { ticket, problem } = refused;
        Self { ticket, problem: Some(problem.into()) }
    }
}
