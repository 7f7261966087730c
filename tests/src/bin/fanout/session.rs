//! One slim agent: says what a real one says, runs nothing, keeps nothing on disk.
//!
//! The command says what is pretended: `true` ends at once, `print BYTES` ends at once having
//! printed so much, `lines RATE SECONDS` writes lines as time goes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use prost::Message as _;
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as ToCoordinator;
use tamer_proto::wire::agent_service_client::AgentServiceClient;
use tamer_proto::wire::coordinator_message::Message as FromCoordinator;
use tamer_tests::bench::hello;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::live;
use crate::tally::Tally;

/// Messages that wait for the connection, as few as keep it busy.
const OUT: usize = 8;

/// Where a slim agent speaks.
#[derive(Clone)]
pub struct Mouth {
    out: mpsc::Sender<wire::AgentMessage>,
    pub tally: Arc<Tally>,
}

impl Mouth {
    /// Says something that counts.
    pub async fn say(&self, message: ToCoordinator) -> Result<()> {
        let message = wire::AgentMessage { message: Some(message) };
        self.tally.send(message.encoded_len());
        Ok(self.out.send(message).await?)
    }

    async fn beat(&self) -> Result<()> {
        let beat = ToCoordinator::Heartbeat(wire::Heartbeat::default());
        Ok(self.out.send(wire::AgentMessage { message: Some(beat) }).await?)
    }
}

/// Serves a session until it ends, which it should not.
pub async fn run(channel: Channel, tally: &Arc<Tally>) -> Result<()> {
    let (out, stream) = mpsc::channel(OUT);
    let mouth = Mouth { out, tally: tally.clone() };
    mouth.say(ToCoordinator::Hello(hello()?)).await?;
    let mut inbound =
        AgentServiceClient::new(channel).session(ReceiverStream::new(stream)).await?.into_inner();
    // Heartbeats of many agents must not fall on one moment.
    let phase = Duration::from_millis(fastrand::u64(0..3000));
    let mut beat =
        tokio::time::interval_at(tokio::time::Instant::now() + phase, Duration::from_secs(3));
    let mut work = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            _ = beat.tick() => mouth.beat().await?,
            Some(done) = work.join_next() => done??,
            message = inbound.message() => match message?.and_then(|message| message.message) {
                Some(FromCoordinator::StartTask(start)) => {
                    // Before it counts as handed over: who releases waits for the count.
                    let gate = mouth.tally.held();
                    mouth.tally.hand();
                    work.spawn(perform(start, gate, mouth.clone()));
                }
                Some(FromCoordinator::EndStored(_)) => mouth.tally.store(),
                Some(FromCoordinator::Close(close)) => bail!("closed: {}", close.code),
                Some(_) => {}
                None => bail!("the session ended"),
            },
        }
    }
}

/// Pretends to run a command: says that it started, does what it says, says its end.
async fn perform(
    start: wire::StartTask,
    gate: Option<watch::Receiver<u64>>,
    mouth: Mouth,
) -> Result<()> {
    let wire::StartTask { task, command, .. } = start;
    let argv = command.unwrap_or_default().argv;
    let started = wire::TaskStarted { task: task.clone(), started_at: 0 };
    mouth.say(ToCoordinator::TaskStarted(started)).await?;
    let number = |at: usize| argv.get(at).and_then(|text| text.parse().ok()).unwrap_or_default();
    let printed = match argv.first().map(String::as_str) {
        Some("print") => vec![b'x'; number(1) as usize],
        Some("lines") => live::write(&mouth, task.clone(), number(1), number(2)).await?,
        Some(_) | None => Vec::new(),
    };
    if let Some(mut gate) = gate {
        gate.changed().await?;
    }
    mouth.say(ToCoordinator::TaskEnded(ended(task, printed))).await
}

fn ended(task: Option<wire::TaskId>, printed: Vec<u8>) -> wire::TaskEnded {
    let end = wire::TaskEnd {
        outcome: wire::Outcome::Succeeded.into(),
        exit_code: Some(0),
        duration_ms: Some(0),
        ..Default::default()
    };
    let stdout =
        wire::KeptStream { total: printed.len() as u64, head: printed, ..Default::default() };
    let output = wire::KeptOutput { stdout: Some(stdout), ..Default::default() };
    wire::TaskEnded { task, end: Some(end), output: Some(output) }
}
