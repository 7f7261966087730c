//! The connection of the moment, for work that outlives sessions: a transfer that was cut goes on
//! over the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tamer_proto::MAX_MESSAGE;
use tamer_proto::wire::agent_service_client::AgentServiceClient;
use tokio::sync::watch;
use tonic::transport::Channel;

/// Calls of the agent, over one connection.
pub type Client = AgentServiceClient<Channel>;

/// Where the connection of the moment is told and asked for. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Link {
    now: Arc<watch::Sender<Option<Numbered>>>,
    count: Arc<AtomicU64>,
}

/// A connection that is up, as far as is known.
#[derive(Debug, Clone)]
pub struct Up {
    connection: Numbered,
    now: watch::Receiver<Option<Numbered>>,
}

/// A connection, and which it is.
#[derive(Debug, Clone)]
struct Numbered {
    number: u64,
    client: Client,
}

/// Keeps a connection the one of the moment until it is dropped.
#[derive(Debug)]
pub struct Held {
    link: Link,
    number: u64,
}

impl Link {
    /// Nothing is up yet.
    pub fn new() -> Self {
        Self { now: Arc::new(watch::Sender::new(None)), count: Arc::default() }
    }

    /// Makes this the connection of the moment, for as long as the answer is kept.
    pub fn up(&self, channel: Channel) -> Held {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let client = AgentServiceClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        self.now.send_replace(Some(Numbered { number, client }));
        Held { link: self.clone(), number }
    }

    /// Waits for a connection. Cancel-safe.
    pub async fn wait(&self) -> Up {
        let mut now = self.now.subscribe();
        let connection = now.wait_for(Option::is_some).await.ok().and_then(|up| up.clone());
        match connection {
            Some(connection) => Up { connection, now },
            // The sender is held by `self`, so this is never reached.
            None => std::future::pending().await,
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Up {
    /// To call over it.
    pub fn client(&self) -> Client {
        self.connection.client.clone()
    }

    /// Waits until it is not the connection of the moment any more. Cancel-safe.
    pub async fn lost(&self) {
        let mine = self.connection.number;
        let other = |up: &Option<Numbered>| up.as_ref().is_none_or(|up| up.number != mine);
        // An error means that nobody will ever bring another one: it is lost too.
        let _ = self.now.clone().wait_for(other).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.link.now.send_if_modified(|now| {
            let mine = now.as_ref().is_some_and(|up| up.number == self.number);
            if mine {
                *now = None;
            }
            mine
        });
    }
}
