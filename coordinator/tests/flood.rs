//! A flood at the door: thousands of connections that show no certificate, from another address,
//! while a session and a person go on as if nothing were.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use support::{Coordinator, facts};
use tamer_certs::{Trust, client_config};
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as ToCoordinator;
use tamer_proto::wire::agent_service_client::AgentServiceClient;
use tamer_proto::wire::control_client::ControlClient;
use tamer_proto::wire::coordinator_message::Message as FromCoordinator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

/// How long the flood lasts: longer than the silence that makes a host lost.
const FLOOD: Duration = Duration::from_secs(11);
/// Connections of the flood at once.
const HANDS: usize = 64;

fn now() -> tamer_model::Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    tamer_model::Timestamp::from_millis(since.as_millis() as u64)
}

/// Holds a session; returns the number of heartbeats that were answered, when it is told to stop.
async fn session(channel: Channel, stop: Arc<AtomicBool>) -> Result<u64> {
    let (out, stream) = mpsc::channel(8);
    let say = |message| wire::AgentMessage { message: Some(message) };
    let hello = wire::Hello {
        facts: Some(facts()),
        journal: "j-0000000000000000".into(),
        ..Default::default()
    };
    out.send(say(ToCoordinator::Hello(hello))).await?;
    let mut inbound =
        AgentServiceClient::new(channel).session(ReceiverStream::new(stream)).await?.into_inner();
    let (mut beat, mut answered) = (tokio::time::interval(Duration::from_secs(1)), 0);
    while !stop.load(Ordering::Relaxed) {
        tokio::select! {
            _ = beat.tick() => out.send(say(ToCoordinator::Heartbeat(wire::Heartbeat::default()))).await?,
            message = inbound.message() => match message?.context("the session ended")?.message {
                Some(FromCoordinator::HeartbeatAck(_)) => answered += 1,
                Some(FromCoordinator::Close(close)) => anyhow::bail!("closed: {}", close.code),
                _ => {}
            },
        }
    }
    Ok(answered)
}

/// Connects from 127.0.0.9 and sends what no client would; every other time it sends nothing, and
/// holds on to its place.
async fn annoy(address: SocketAddr, stop: Arc<AtomicBool>, tries: Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        let number = tries.fetch_add(1, Ordering::Relaxed);
        let attempt = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, 9], 0)))?;
            let mut stream = socket.connect(address).await?;
            if number.is_multiple_of(2) {
                stream.write_all(&[0x16; 512]).await?;
            }
            stream.read(&mut [0; 64]).await
        };
        // What becomes of it is the coordinator's affair; a silent one is held for a moment.
        let _ = tokio::time::timeout(Duration::from_millis(200), attempt).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_leaves_the_fleet_alone() -> Result<()> {
    tamer_certs::install_crypto();
    let dir = tempfile::tempdir()?;
    let coordinator = Coordinator::start(dir.path(), &[])?;
    let authority = coordinator.authority()?;
    let trust: Trust = authority.trust().clone();
    let admin = authority.issue_user_credentials("admin".parse()?, now())?;
    let mut control =
        ControlClient::new(coordinator.connect(client_config(&trust, Some(&admin))?).await?);
    let token = control.create_token(wire::CreateTokenRequest::default()).await?.into_inner().token;
    let host = coordinator.join(&token, "calm").await?;
    let stop = Arc::new(AtomicBool::new(false));
    let calm = tokio::spawn(session(
        coordinator.connect(client_config(&trust, Some(&host))?).await?,
        stop.clone(),
    ));

    let tries = Arc::new(AtomicUsize::new(0));
    let hands: Vec<_> = (0..HANDS)
        .map(|_| tokio::spawn(annoy(coordinator.address, stop.clone(), tries.clone())))
        .collect();
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    while began.elapsed() < FLOOD {
        tokio::time::sleep(Duration::from_millis(250)).await;
        // A new connection of a person, and one that stands.
        let asked = Instant::now();
        let channel = coordinator.connect(client_config(&trust, Some(&admin))?).await?;
        ControlClient::new(channel).get_status(wire::GetStatusRequest {}).await?;
        slowest = slowest.max(asked.elapsed());
        let status = control.get_status(wire::GetStatusRequest {}).await?.into_inner();
        ensure!(
            began.elapsed() < Duration::from_secs(2) || status.ready == 1,
            "the host was lost in the flood"
        );
    }
    stop.store(true, Ordering::Relaxed);
    for hand in hands {
        hand.await?;
    }
    let answered = calm.await??;
    ensure!(tries.load(Ordering::Relaxed) > 500, "{tries:?} connections are no flood");
    ensure!(answered >= 8, "{answered} heartbeats were answered in {FLOOD:?}");
    ensure!(slowest < Duration::from_secs(5), "a person waited {slowest:?}");
    Ok(())
}
