//! The door: the one port, TLS, and the limits on what comes unauthenticated.
//!
//! A connection passes three gates before a handler sees it: the rate of its source address, the
//! number of handshakes in flight, and TLS. What then shows a certificate is served as long as it
//! likes; what does not can only enrol, in small messages, and not for long. So a flood at the door
//! costs a bounded share of the machine and leaves open sessions alone.

mod limits;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tamer_certs::{PeerIdentity, TLS_BUFFER_LIMIT};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

pub use limits::{DoorLimits, Gate};
pub use serve::Services;

use crate::caller::Caller;

/// A handshake that takes longer is not meant.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Lets connections in.
pub struct Door {
    pub listener: TcpListener,
    pub tls: Arc<ServerConfig>,
    pub limits: DoorLimits,
    pub services: Services,
    /// Owns the connection tasks; the program waits for them when it stops.
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

impl Door {
    /// Serves until `stop`, then takes no more.
    pub async fn run(self) {
        let acceptor = TlsAcceptor::from(self.tls);
        let handshakes = Arc::new(Semaphore::new(self.limits.handshakes));
        let gate = Gate::new(&self.limits);
        loop {
            // Both branches are cancel-safe.
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most often: time is what helps.
                    warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Some(pass) = gate.admit(from) else {
                debug!(%from, "turned away: too many connections from there");
                continue;
            };
            let (acceptor, handshakes, services) =
                (acceptor.clone(), handshakes.clone(), self.services.clone());
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                // Boxed, and with it the connection that comes out: a connection lasts for days,
                // and ten thousand of them would each keep room for their handshake.
                let shaken = Box::pin(async move {
                    let _turn = handshakes.acquire_owned().await.ok()?;
                    let (stream, caller) = shake_in_time(acceptor, stream, from).await?;
                    Some(services.serve(stream, caller, pass))
                });
                if let Some(serving) = shaken.await {
                    serving.until(stop).await;
                }
            });
        }
    }
}

type Tls = tokio_rustls::server::TlsStream<TcpStream>;

async fn shake_in_time(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    from: SocketAddr,
) -> Option<(Tls, Caller)> {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, shake(acceptor, stream, from)).await {
        Ok(Ok(shaken)) => return Some(shaken),
        Ok(Err(reason)) => info!(%from, reason, "handshake refused"),
        Err(_) => debug!(%from, "no handshake in time"),
    }
    None
}

async fn shake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    from: SocketAddr,
) -> Result<(Tls, Caller), String> {
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let mut stream = acceptor.accept(stream).await.map_err(|error| error.to_string())?;
    stream.get_mut().1.set_buffer_limit(Some(TLS_BUFFER_LIMIT));
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer =
        certificate.map(PeerIdentity::from_der).transpose().map_err(|error| error.to_string())?;
    Ok((stream, Caller { peer, from }))
}
