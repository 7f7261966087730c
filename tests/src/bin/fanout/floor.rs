//! The physical floor on this machine: what no fleet can be faster than.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use tamer_certs::{
    Authority, Revocations, RotatingServer, SERVER_NAME, client_config, server_config,
};
use tamer_model::{CoordinatorId, FleetId, Timestamp};
use tamer_tests::bench::median;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What was measured.
pub struct Floor {
    /// A round trip of 128 bytes over TLS 1.3, in microseconds.
    pub echo_us: f64,
    /// Fork, exec and wait of `true`, in microseconds.
    pub spawn_us: f64,
    fan_us_each: f64,
}

impl Floor {
    /// How long `n` round trips take that are all begun at once, in milliseconds.
    pub fn fan_ms(&self, n: usize) -> f64 {
        self.fan_us_each * n as f64 / 1e3
    }
}

/// Connections of the fan-out; more would measure the scheduler.
const FAN: usize = 200;

pub fn measure() -> Result<Floor> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // On a thread of its own: the caller is inside a runtime already.
    let echo = std::thread::spawn(move || runtime.block_on(echo()));
    let (echo_us, fan_us_each) = echo.join().ok().context("the echo's thread")??;
    let spawns = (0..200)
        .map(|_| {
            let began = Instant::now();
            Command::new("true").status()?;
            Ok(began.elapsed().as_secs_f64() * 1e6)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Floor { echo_us, spawn_us: median(spawns), fan_us_each })
}

async fn echo() -> Result<(f64, f64)> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = Timestamp::from_millis(since.as_millis() as u64);
    let authority = Authority::create(FleetId::from_bytes([1; 10]), now)?;
    let own = authority.issue_coordinator(CoordinatorId::from_bytes([1; 10]), now)?;
    let user = authority.issue_user_credentials("floor".parse()?, now)?;
    let server =
        server_config(authority.trust(), &RotatingServer::new(own), Revocations::default())?;
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                let mut stream = acceptor.accept(stream).await?;
                let mut buffer = [0; 128];
                while stream.read_exact(&mut buffer).await.is_ok() {
                    stream.write_all(&buffer).await?;
                    stream.flush().await?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    let connector = TlsConnector::from(Arc::new(client_config(authority.trust(), Some(&user))?));
    let mut streams = Vec::new();
    for _ in 0..FAN {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(connector.connect(ServerName::try_from(SERVER_NAME)?, stream).await?);
    }
    let mut one = Vec::new();
    for _ in 0..2000 {
        let began = Instant::now();
        round_trip(&mut streams[0]).await?;
        one.push(began.elapsed().as_secs_f64() * 1e6);
    }
    let mut all = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        let trips = streams.iter_mut().map(round_trip);
        futures_util::future::try_join_all(trips).await?;
        all.push(began.elapsed().as_secs_f64() * 1e6 / FAN as f64);
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    Ok((median(one), median(all)))
}

async fn round_trip(stream: &mut tokio_rustls::client::TlsStream<TcpStream>) -> Result<()> {
    let mut buffer = [7; 128];
    stream.write_all(&buffer).await?;
    stream.flush().await?;
    stream.read_exact(&mut buffer).await?;
    Ok(())
}
