//! One mdns-sd daemon: a thread with its sockets, ended when this handle is dropped. The
//! advertiser and the browser each own one.

use std::time::Duration;

use mdns_sd::{Error, Receiver, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::{Interfaces, SERVICE_TYPE};

/// The most records of strangers that a daemon may hold: about 4 MiB. mdns-sd itself sets no
/// bound, so one that holds more is ended and begun anew ([`Daemon::is_flooded`]).
const MAX_RECORDS: i64 = 10_000;
/// How long an answer of the daemon's thread may take. It answers within its next turn.
const ANSWER: Duration = Duration::from_secs(2);
/// mdns-sd says goodbye a second time 120 ms after the first.
const SECOND_GOODBYE: Duration = Duration::from_millis(200);

/// Discovery could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The thread, its sockets or its poller could not be made.
    #[error("cannot start mDNS; give addresses instead, or check that UDP port 5353 may be used")]
    Daemon(#[source] Error),
    /// The service cannot be announced as given.
    #[error("cannot announce the coordinator by mDNS")]
    Register(#[source] Error),
    /// The search cannot be started.
    #[error("cannot search for coordinators by mDNS")]
    Browse(#[source] Error),
}

pub(crate) struct Daemon(ServiceDaemon);

impl Daemon {
    pub(crate) fn start(interfaces: &Interfaces) -> Result<Self, StartError> {
        let daemon = Self(ServiceDaemon::new().map_err(StartError::Daemon)?);
        if let Some((off, on)) = interfaces.selection() {
            daemon.0.disable_interface(off).map_err(StartError::Daemon)?;
            daemon.0.enable_interface(on).map_err(StartError::Daemon)?;
        }
        Ok(daemon)
    }

    pub(crate) fn register(&self, service: ServiceInfo) -> Result<(), StartError> {
        self.0.register(service).map_err(StartError::Register)
    }

    /// Begins a search, or asks again in the place of a former one.
    pub(crate) fn browse(&self) -> Result<Receiver<ServiceEvent>, StartError> {
        self.0.browse(SERVICE_TYPE).map_err(StartError::Browse)
    }

    /// Forgets what was heard and asks again.
    pub(crate) fn browse_afresh(&self) -> Result<Receiver<ServiceEvent>, StartError> {
        self.0.stop_browse(SERVICE_TYPE).map_err(StartError::Browse)?;
        self.browse()
    }

    /// Whether strangers filled its memory, or it no longer answers.
    pub(crate) async fn is_flooded(&self) -> bool {
        let Ok(answer) = self.0.get_metrics() else { return true };
        match tokio::time::timeout(ANSWER, answer.recv_async()).await {
            Ok(Ok(metrics)) => {
                let cached = metrics.iter().filter(|(name, _)| name.starts_with("cached-"));
                cached.map(|(_, count)| count).sum::<i64>() > MAX_RECORDS
            }
            Ok(Err(_)) | Err(_) => true,
        }
    }

    /// Says goodbye for a service, twice, so that listeners forget it at once.
    pub(crate) async fn unregister(&self, fullname: &str) {
        if let Ok(answer) = self.0.unregister(fullname) {
            // Whatever the answer, the daemon is ended next.
            let _ = tokio::time::timeout(ANSWER, answer.recv_async()).await;
            tokio::time::sleep(SECOND_GOODBYE).await;
        }
    }

    /// Ends the thread and waits for its end.
    pub(crate) async fn stop(self) {
        if let Ok(answer) = self.0.shutdown() {
            let _ = tokio::time::timeout(ANSWER, answer.recv_async()).await;
        }
    }
}

impl Drop for Daemon {
    /// Ends the thread without waiting. Its queue holds a hundred commands and takes whole turns
    /// to fill, so a second try is plenty; a daemon that has ended refuses, which is fine too.
    fn drop(&mut self) {
        if matches!(self.0.shutdown(), Err(Error::Again)) {
            std::thread::sleep(Duration::from_millis(20));
            if self.0.shutdown().is_err() {
                tracing::debug!("the mDNS thread did not take the order to end");
            }
        }
    }
}
