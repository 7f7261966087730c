//! One slim host: it says of placements what a real agent says, at the same pace, and runs nothing.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use prost::Message as _;
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as ToCoordinator;
use tamer_proto::wire::agent_service_client::AgentServiceClient;
use tamer_proto::wire::coordinator_message::Message as FromCoordinator;
use tamer_tests::bench::hello;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::held::Held;
use crate::tally::Tally;

/// Messages that wait for the connection, as few as keep it busy.
const OUT: usize = 8;
/// The pause of a real agent after it told changes: the first is told at once, others gather.
const PAUSE: Duration = Duration::from_millis(50);
const BEAT: Duration = Duration::from_secs(3);

/// Serves a session until it ends, and says how.
pub async fn run(channel: Channel, held: &mut Held, tally: &Tally) -> Result<()> {
    let (out, stream) = mpsc::channel(OUT);
    let mut mouth = Mouth { out, tally };
    let greeting = wire::Hello { placements: held.wanted().cloned().collect(), ..hello()? };
    mouth.say(ToCoordinator::Hello(greeting)).await?;
    let mut inbound =
        AgentServiceClient::new(channel).session(ReceiverStream::new(stream)).await?.into_inner();
    let first = inbound.message().await?.and_then(|message| message.message);
    ensure!(matches!(first, Some(FromCoordinator::Welcome(_))), "no welcome: {first:?}");
    mouth.say(ToCoordinator::Providers(docker())).await?;
    mouth.tell(held.tell_all()).await?;
    // Heartbeats of many hosts must not fall on one moment.
    let phase = BEAT.mul_f64(fastrand::f64());
    let mut beat = interval_at(Instant::now() + phase, BEAT);
    let mut may_tell = Instant::now();
    loop {
        tokio::select! {
            _ = beat.tick() => {
                mouth.say(ToCoordinator::Heartbeat(wire::Heartbeat::default())).await?;
            }
            () = sleep_until(may_tell), if held.has_news() => {
                mouth.tell(held.tell(tally)).await?;
                may_tell = Instant::now() + PAUSE;
            }
            message = inbound.message() => match message?.and_then(|message| message.message) {
                Some(FromCoordinator::Placements(wanted)) => {
                    tally.hear(wanted.encoded_len());
                    held.want(wanted, tally);
                }
                Some(FromCoordinator::Close(close)) => bail!("closed: {}", close.code),
                Some(_) => {}
                None => bail!("the session ended"),
            },
        }
    }
}

struct Mouth<'a> {
    out: mpsc::Sender<wire::AgentMessage>,
    tally: &'a Tally,
}

impl Mouth<'_> {
    async fn say(&mut self, message: ToCoordinator) -> Result<()> {
        Ok(self.out.send(wire::AgentMessage { message: Some(message) }).await?)
    }

    async fn tell(&mut self, pages: Vec<wire::PlacementsTold>) -> Result<()> {
        for page in pages {
            self.tally.told(page.encoded_len());
            self.say(ToCoordinator::Placements(page)).await?;
        }
        Ok(())
    }
}

fn docker() -> wire::Providers {
    let docker = wire::ProviderStatus {
        name: "docker".into(),
        version: "Docker Engine 20.10.24".into(),
        endpoint: "unix:///var/run/docker.sock".into(),
        ..Default::default()
    };
    wire::Providers { providers: vec![docker] }
}
