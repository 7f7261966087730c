//! Being found: the coordinator announces itself.

use std::time::Duration;

use mdns_sd::ServiceInfo;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::daemon::{Daemon, StartError};
use crate::{Interfaces, SERVICE_TYPE, Txt};

/// How often the daemon's memory is looked at. At 100 Mbit/s of forged records it could grow by
/// some 100 MiB in between, on a network that is unusable by then.
const LOOK: Duration = Duration::from_secs(10);

/// What a coordinator announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertisement {
    /// What it says about itself.
    pub txt: Txt,
    /// The TCP port it listens on, on every address of the interfaces.
    pub port: u16,
    /// Where it announces.
    pub interfaces: Interfaces,
}

/// An announcement that stands. Its addresses are those of the machine's interfaces and follow
/// their changes within seconds. Dropping it says goodbye once, in passing; [`stop`](Self::stop)
/// does it properly.
pub struct Advertiser {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Advertiser {
    /// Starts announcing. Must be called inside a tokio runtime.
    pub fn start(advertisement: Advertisement) -> Result<Self, StartError> {
        let announcement = Announcement::start(advertisement)?;
        let (stop, stopped) = oneshot::channel();
        Ok(Self { stop, task: tokio::spawn(announcement.run(stopped)) })
    }

    /// Says goodbye, so that listeners forget the coordinator at once, and ends. Takes about
    /// 0.3 s, and 4 s at most.
    pub async fn stop(self) {
        // A task that has ended already needs no telling.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

struct Announcement {
    advertisement: Advertisement,
    fullname: String,
    daemon: Daemon,
}

impl Announcement {
    fn start(advertisement: Advertisement) -> Result<Self, StartError> {
        let service = service(&advertisement).map_err(StartError::Register)?;
        let fullname = service.get_fullname().to_owned();
        let daemon = Daemon::start(&advertisement.interfaces)?;
        daemon.register(service)?;
        Ok(Self { advertisement, fullname, daemon })
    }

    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            // Both branches are cancel-safe: a receiver that stays, and a timer.
            tokio::select! {
                order = &mut stopped => return self.end(order.is_ok()).await,
                () = tokio::time::sleep(LOOK) => self.look().await,
            }
        }
    }

    /// Begins anew when strangers filled the daemon's memory. The old one leaves without a word
    /// that would make listeners forget us, except its last goodbye, which the new one's
    /// announcement follows.
    async fn look(&mut self) {
        if !self.daemon.is_flooded().await {
            return;
        }
        tracing::debug!("mDNS holds too many foreign records and is begun anew");
        match Self::start(self.advertisement.clone()) {
            Ok(fresh) => *self = fresh,
            Err(error) => tracing::debug!(?error, "mDNS cannot be begun anew yet"),
        }
    }

    async fn end(self, gracefully: bool) {
        if gracefully {
            self.daemon.unregister(&self.fullname).await;
            self.daemon.stop().await;
        }
    }
}

/// The coordinator's id names the instance and the host: unique, so that neither collides with the
/// machine's own name, which another mDNS responder may hold with other addresses.
fn service(advertisement: &Advertisement) -> mdns_sd::Result<ServiceInfo> {
    let Advertisement { txt, port, interfaces: _ } = advertisement;
    let (id, pairs) = (txt.coordinator.to_string(), txt.to_pairs());
    let host = format!("{id}.local.");
    let service = ServiceInfo::new(SERVICE_TYPE, &id, &host, "", *port, &pairs[..])?;
    Ok(service.enable_addr_auto())
}
