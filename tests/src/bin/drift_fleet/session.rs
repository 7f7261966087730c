//! One slim host: it tells of its inventory what a real agent tells, at the same pace, and looks at
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use prost::Message as _;
use tamer_drift::Digest;
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as ToCoordinator;
use tamer_proto::wire::agent_service_client::AgentServiceClient;
use tamer_proto::wire::coordinator_message::Message as FromCoordinator;
use tamer_tests::bench::{Slim, hello};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::picture::Picture;
use crate::tally::Tally;

/// Messages that wait for the connection, as few as keep it busy.
const OUT: usize = 8;
/// The most bytes of nodes in one message, as a real agent sends them.
const PAGE: usize = 256 * 1024;
/// How often a host says that it is there.
pub const BEAT: Duration = Duration::from_secs(3);

/// A slim host.
pub struct Host {
    pub epoch: [u8; 16],
    /// What it holds now; none: it keeps no inventory yet.
    pub picture: watch::Receiver<Option<Arc<Picture>>>,
    /// The root that was told last.
    pub told: Option<Digest>,
    /// How many heartbeats there were.
    pub beats: u64,
    pub tally: Arc<Tally>,
}

impl Slim for Host {
    async fn session(&mut self, channel: Channel) -> Result<()> {
        let (out, stream) = mpsc::channel(OUT);
        let mouth = Mouth { out, tally: self.tally.clone() };
        mouth.say(ToCoordinator::Hello(hello()?)).await?;
        let stream = ReceiverStream::new(stream);
        let mut inbound = AgentServiceClient::new(channel).session(stream).await?.into_inner();
        let first = inbound.message().await?.and_then(|message| message.message);
        ensure!(matches!(first, Some(FromCoordinator::Welcome(_))), "no welcome: {first:?}");
        // A session begins with what the host holds, told to this coordinator or not.
        self.picture.mark_changed();
        // Heartbeats of many hosts must not fall on one moment.
        let phase = BEAT.mul_f64(fastrand::f64());
        let mut beat = interval_at(Instant::now() + phase, BEAT);
        loop {
            tokio::select! {
                _ = beat.tick() => mouth.say(self.beat()).await?,
                Ok(()) = self.picture.changed() => {
                    let picture = self.picture.borrow_and_update().clone();
                    if let Some(picture) = picture {
                        self.told = Some(picture.root);
                        self.tally.told.add(1);
                        mouth.tell(ToCoordinator::Inventory(picture.told(self.epoch))).await?;
                    }
                }
                message = inbound.message() => match message?.and_then(|message| message.message) {
                    Some(message) => self.hear(message, &mouth).await?,
                    None => bail!("the session ended"),
                },
            }
        }
    }
}

impl Host {
    fn beat(&mut self) -> ToCoordinator {
        self.beats += 1;
        let inventory = self.told.map(|root| root.as_bytes().to_vec()).unwrap_or_default();
        ToCoordinator::Heartbeat(wire::Heartbeat { sequence: self.beats, inventory })
    }

    async fn hear(&self, message: FromCoordinator, mouth: &Mouth) -> Result<()> {
        match message {
            FromCoordinator::HeartbeatAck(_) => self.tally.beats.add(1),
            FromCoordinator::InventoryWanted(wanted) => self.answer(wanted, mouth).await?,
            FromCoordinator::InventoryStored(stored) => {
                mouth.heard(&FromCoordinator::InventoryStored(stored));
                self.tally.stored.add(1);
            }
            // Figures of a picture that is not taken would be of nothing: who waits sees this.
            FromCoordinator::InventoryRefused(_) => self.tally.refused.add(1),
            FromCoordinator::Close(close) => bail!("closed: {}", close.code),
            FromCoordinator::Welcome(_)
            | FromCoordinator::StartTask(_)
            | FromCoordinator::CancelTask(_)
            | FromCoordinator::EndStored(_)
            | FromCoordinator::Certificate(_)
            | FromCoordinator::OpenStream(_)
            | FromCoordinator::Placements(_) => {}
        }
        Ok(())
    }

    /// Sends the nodes that are asked for, in pages, and says which are not there.
    async fn answer(&self, wanted: wire::InventoryWanted, mouth: &Mouth) -> Result<()> {
        mouth.heard(&FromCoordinator::InventoryWanted(wanted.clone()));
        let picture = self.picture.borrow().clone();
        let (mut page, mut bytes) = (wire::InventoryNodes::default(), 0);
        for digest in wanted.digests {
            let name = Digest::from_bytes(<[u8; 32]>::try_from(digest.as_slice())?);
            let node = picture.as_ref().and_then(|picture| picture.nodes.get(&name));
            let Some(node) = node else {
                page.unknown.push(digest);
                continue;
            };
            if bytes + node.len() > PAGE && !page.nodes.is_empty() {
                mouth.tell(ToCoordinator::InventoryNodes(std::mem::take(&mut page))).await?;
                bytes = 0;
            }
            bytes += node.len();
            self.tally.nodes.add(1);
            page.nodes.push(Bytes::copy_from_slice(node));
        }
        mouth.tell(ToCoordinator::InventoryNodes(page)).await
    }
}

struct Mouth {
    out: mpsc::Sender<wire::AgentMessage>,
    tally: Arc<Tally>,
}

impl Mouth {
    async fn say(&self, message: ToCoordinator) -> Result<()> {
        Ok(self.out.send(wire::AgentMessage { message: Some(message) }).await?)
    }

    async fn tell(&self, message: ToCoordinator) -> Result<()> {
        let message = wire::AgentMessage { message: Some(message) };
        self.tally.bytes.add(message.encoded_len() as u64);
        Ok(self.out.send(message).await?)
    }

    fn heard(&self, message: &FromCoordinator) {
        let message = wire::CoordinatorMessage { message: Some(message.clone()) };
        self.tally.bytes.add(message.encoded_len() as u64);
    }
}
