//! What a coordinator of a test needs before it says a word: an authority, TLS, and the agent's
//! configuration. Real TLS, real certificates, no mocks of either side's code.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use tamer_agent::config::{Config, environment, merge};
use tamer_certs::{Authority, JoinToken, Lifetimes, Revocations, RotatingServer, server_config};
use tamer_model::{CoordinatorId, FleetId, HostId, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

pub fn now() -> Timestamp {
    tamer_agent::clock::now()
}

/// Issues a certificate for the one host there is.
pub fn issue(authority: &Authority, csr: &[u8]) -> Vec<Vec<u8>> {
    let host = HostId::from_bytes([5; 10]);
    let issued = authority.issue_host(csr, host, now()).expect("issued");
    let ca = authority.trust().der().to_vec();
    issued.chain_der().into_iter().chain([ca]).collect()
}

/// A fleet of one host.
pub struct Fleet {
    pub authority: Arc<Authority>,
    token: JoinToken,
}

impl Fleet {
    pub fn new(lifetimes: Lifetimes) -> Self {
        tamer_certs::install_crypto();
        let _ = tamer_telemetry::init(tamer_telemetry::Options {
            format: Default::default(),
            level: "info".into(),
        });
        let fleet = FleetId::from_bytes([3; 10]);
        let authority = Authority::create_with(fleet, now(), lifetimes).expect("an authority");
        let token = JoinToken::generate(fleet, authority.fingerprint());
        Self { authority: Arc::new(authority), token }
    }

    /// Listens on a port of its own. Returns the address, and the connections as they come.
    pub async fn listen(&self) -> (String, ReceiverStream<io::Result<Connection>>) {
        let own = self.authority.issue_coordinator(CoordinatorId::from_bytes([4; 10]), now());
        let server = RotatingServer::new(own.expect("a certificate"));
        let tls = server_config(self.authority.trust(), &server, Revocations::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let acceptor = TlsAcceptor::from(Arc::new(tls.expect("settings")));
        let (connections, incoming) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A refused handshake is the agent's to tell.
                if let Ok(stream) = acceptor.accept(stream).await
                    && connections.send(Ok(Connection(stream))).await.is_err()
                {
                    return;
                }
            }
        });
        (address, ReceiverStream::new(incoming))
    }

    /// The environment of an agent that joins with a token. It serves no technology of this
    /// machine.
    pub fn variables(&self, data: &Path, address: &str) -> Vec<(String, String)> {
        let data = data.display().to_string();
        let token = self.token.reveal();
        let set = [
            ("TAMER_AGENT_DATA", data.as_str()),
            ("TAMER_AGENT_COORDINATORS", address),
            ("TAMER_AGENT_DISCOVERY", "false"),
            ("TAMER_AGENT_PROVIDERS_DOCKER_ENABLED", "false"),
            ("TAMER_AGENT_PROVIDERS_PODMAN_ENABLED", "false"),
            ("TAMER_AGENT_PROVIDERS_LIBVIRT_ENABLED", "false"),
            // Tests of it say so: this machine's own holdings are nobody else's business.
            ("TAMER_AGENT_INVENTORY_ENABLED", "false"),
            ("TAMER_TOKEN", &token),
        ];
        set.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }
}

/// What an agent makes of its environment.
pub fn configuration(variables: Vec<(String, String)>) -> Config {
    Config::read(&merge([environment(variables).expect("known")])).expect("a configuration")
}

/// A connection whose certificate the calls see.
pub struct Connection(TlsStream<TcpStream>);

/// The certificate that the client showed.
#[derive(Clone)]
pub struct Shown(pub Option<CertificateDer<'static>>);

impl Connected for Connection {
    type ConnectInfo = Shown;

    fn connect_info(&self) -> Shown {
        let shown = self.0.get_ref().1.peer_certificates();
        Shown(shown.and_then(|chain| chain.first()).map(|der| der.clone().into_owned()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
