//! Many real sessions in one process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tamer_certs::client_config;
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as ToCoordinator;
use tamer_proto::wire::agent_service_client::AgentServiceClient;
use tamer_proto::wire::control_client::ControlClient;
use tamer_proto::wire::coordinator_message::Message as FromCoordinator;
use tamer_tests::bench::{Coordinator, connect, enrol, facts, join_token, patiently};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

/// Agents that join at once, as a rollout tool would start them.
const AT_ONCE: usize = 64;

/// Joins `n` agents, each from nothing, and waits until all are ready. They live until dropped.
pub async fn join(
    coordinator: &Coordinator,
    control: &mut ControlClient<Channel>,
    n: usize,
) -> Result<JoinSet<Result<()>>> {
    let token = Arc::new(join_token(control, n).await?);
    let turns = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut agents = JoinSet::new();
    for number in 0..n {
        let (token, turns) = (token.clone(), turns.clone());
        let (address, trust) = (coordinator.address, coordinator.trust.clone());
        agents.spawn(async move {
            let turn = turns.acquire_owned().await?;
            let credentials =
                patiently(|| enrol(address, &token, format!("slim-{number}"))).await?;
            let channel = patiently(|| async {
                connect(address, client_config(&trust, Some(&credentials))?).await
            })
            .await?;
            drop(turn);
            session(channel).await
        });
    }
    let limit = Instant::now() + Duration::from_secs(180);
    loop {
        let ready = control.get_status(wire::GetStatusRequest {}).await?.into_inner().ready;
        if ready as usize == n {
            return Ok(agents);
        }
        if let Some(ended) = agents.try_join_next() {
            bail!("an agent ended: {:?}", ended?);
        }
        ensure!(Instant::now() < limit, "{ready} of {n} agents became ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Serves a session: answers each task at once, keeps nothing on disk.
async fn session(channel: Channel) -> Result<()> {
    let (out, stream) = tokio::sync::mpsc::channel(8);
    let mut journal = [0; 10];
    getrandom::fill(&mut journal).ok().context("random bytes")?;
    let hello = wire::Hello {
        agent_version: "0.1.0".to_owned(),
        wire_minor: tamer_proto::WIRE_MINOR,
        facts: Some(facts()),
        journal: tamer_model::JournalId::from_bytes(journal).to_string(),
        ..Default::default()
    };
    let say = |message| wire::AgentMessage { message: Some(message) };
    out.send(say(ToCoordinator::Hello(hello))).await?;
    let mut inbound =
        AgentServiceClient::new(channel).session(ReceiverStream::new(stream)).await?.into_inner();
    // Heartbeats of many agents must not fall on one moment.
    let phase = Duration::from_millis(fastrand::u64(0..3000));
    let mut beat =
        tokio::time::interval_at(tokio::time::Instant::now() + phase, Duration::from_secs(3));
    loop {
        tokio::select! {
            _ = beat.tick() => out.send(say(ToCoordinator::Heartbeat(wire::Heartbeat { sequence: 0 }))).await?,
            message = inbound.message() => match message?.and_then(|message| message.message) {
                Some(FromCoordinator::StartTask(wire::StartTask { task, .. })) => {
                    let end = wire::TaskEnd {
                        outcome: wire::Outcome::Succeeded.into(),
                        exit_code: Some(0),
                        duration_ms: Some(0),
                        ..Default::default()
                    };
                    out.send(say(ToCoordinator::TaskEnded(wire::TaskEnded { task, end: Some(end), output: None }))).await?;
                }
                Some(FromCoordinator::Close(close)) => bail!("closed: {}", close.code),
                Some(_) => {}
                None => bail!("the session ended"),
            },
        }
    }
}
