//! Counts what an agent and its coordinator send each other: a plain relay between the two, which
//! sees the bytes of TLS as a network would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub struct Proxy {
    pub address: SocketAddr,
    sent: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn start(to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let task = tokio::spawn(async move {
            while let Ok((agent, _)) = listener.accept().await {
                tokio::spawn(relay(agent, to, Arc::clone(&counter)));
            }
        });
        Ok(Self { address, sent, task })
    }

    /// Bytes that agents have sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when either side does; a connection that breaks is what an agent has to live with.
async fn relay(agent: TcpStream, to: SocketAddr, sent: Arc<AtomicU64>) -> std::io::Result<()> {
    let coordinator = TcpStream::connect(to).await?;
    agent.set_nodelay(true)?;
    coordinator.set_nodelay(true)?;
    let (mut from_agent, mut to_agent) = agent.into_split();
    let (mut from_coordinator, mut to_coordinator) = coordinator.into_split();
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = from_agent.read(&mut buffer).await?;
            if count == 0 {
                return std::io::Result::Ok(());
            }
            sent.fetch_add(count as u64, Ordering::Relaxed);
            to_coordinator.write_all(&buffer[..count]).await?;
        }
    };
    tokio::select! {
        ended = up => ended,
        ended = tokio::io::copy(&mut from_coordinator, &mut to_agent) => ended.map(drop),
    }
}
