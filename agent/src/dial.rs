//! Reaching a coordinator: TCP, then TLS under the fleet's name, then one HTTP/2 channel. `enrol`
//! and `session` use it.
//!
//! The connection is made before tonic sees it, so that a refusal is told as what it is. In TLS
//! 1.3 a refused client learns of it only when it first reads, so [`Refusal`] watches the stream.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::streams::MAX_STREAMS;
use crate::work::MAX_TRANSFERS;

/// How much the other side may send on one call before we read it, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// How much it may send on all calls together. Enough that every bulk stream and every transfer can
/// stall with a full window and the session, with a few calls more, still has its own: HTTP/2 counts
/// what a stalled stream holds against the connection, and a smaller sum would let one user who does
/// not read silence the heartbeats of the host. Windows are permissions: nothing is reserved for
/// them.
const CONNECTION_WINDOW: u32 = (MAX_STREAMS as u32 + MAX_TRANSFERS as u32 + 4) * STREAM_WINDOW;

/// How long connecting may take, TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// Why a coordinator was not reached.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nothing answered.
    #[error("cannot connect to {address}")]
    Connect {
        /// What was dialled.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Something answered that did not prove to be a coordinator of ours.
    #[error("no TLS with {address}")]
    Tls {
        /// What was dialled.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It did not take HTTP/2.
    #[error("no HTTP/2 with {address}")]
    Http {
        /// What was dialled.
        address: String,
        /// Why.
        source: tonic::transport::Error,
    },
}

/// What the other side said of our certificate, if it said anything.
#[derive(Debug, Clone, Default)]
pub struct Refusal(Arc<OnceLock<AlertDescription>>);

impl Refusal {
    /// The alert that ended the connection.
    pub fn alert(&self) -> Option<AlertDescription> {
        self.0.get().copied()
    }
}

/// Connects to `address` and returns the channel and what becomes known of a refusal.
pub async fn dial(address: &str, tls: Arc<ClientConfig>) -> Result<(Channel, Refusal), DialError> {
    let at = || address.to_owned();
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let tcp = timeout(CONNECT, TcpStream::connect(address)).await.map_err(late).flatten();
    let tcp = tcp.map_err(|source| DialError::Connect { address: at(), source })?;
    // Messages are small and wait for nobody.
    let _ = tcp.set_nodelay(true);
    let name = ServerName::try_from(tamer_certs::SERVER_NAME)
        .map_err(|error| DialError::Tls { address: at(), source: io::Error::other(error) })?;
    let stream = timeout(CONNECT, TlsConnector::from(tls).connect(name, tcp)).await;
    let stream = stream.map_err(late).flatten();
    let stream = stream.map_err(|source| DialError::Tls { address: at(), source })?;
    let refusal = Refusal::default();
    let mut watched = Some(TokioIo::new(Watched { stream, refusal: refusal.clone() }));
    let connector = tower::service_fn(move |_: http::Uri| {
        // One channel, one connection: a lost one is dialled again by us, with our backoff.
        let stream = watched.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
        std::future::ready(stream)
    });
    let channel = Endpoint::from_static("http://coordinator.tamer")
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_with_connector(connector)
        .await
        .map_err(|source| DialError::Http { address: at(), source })?;
    Ok((channel, refusal))
}

/// A stream that remembers the alert that ended it.
struct Watched {
    stream: TlsStream<TcpStream>,
    refusal: Refusal,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Poll::Ready(Err(error)) = &poll
            && let Some(inner) = error.get_ref()
            && let Some(rustls::Error::AlertReceived(alert)) = inner.downcast_ref()
        {
            let _ = self.refusal.0.set(*alert);
        }
        poll
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
