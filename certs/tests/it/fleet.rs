//! A fleet for tests, and one handshake between two of its TLS settings.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tamer_certs::{
    Authority, Credentials, HostKey, PeerIdentity, Revocations, RotatingServer, SERVER_NAME,
    install_crypto, server_config,
};
use tamer_model::{CoordinatorId, FleetId, HostId, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

pub struct Fleet {
    pub authority: Authority,
    pub revocations: Revocations,
    pub server: RotatingServer,
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Timestamp::from_millis(u64::try_from(since.as_millis()).expect("a clock of this age"))
}

pub fn ago(by: Duration) -> Timestamp {
    Timestamp::from_millis(now().as_millis() - u64::try_from(by.as_millis()).expect("short"))
}

pub fn host_id(n: u8) -> HostId {
    HostId::from_bytes([n; 10])
}

impl Fleet {
    pub fn new(n: u8) -> Self {
        install_crypto();
        let authority = Authority::create(FleetId::from_bytes([n; 10]), now()).expect("a CA");
        let coordinator = CoordinatorId::from_bytes([n; 10]);
        let own = authority.issue_coordinator(coordinator, now()).expect("a certificate");
        Self { authority, revocations: Revocations::default(), server: RotatingServer::new(own) }
    }

    pub fn host_at(&self, n: u8, at: Timestamp) -> Credentials {
        let key = HostKey::generate().expect("a key");
        let csr = key.csr_der().expect("a request");
        let issued = self.authority.issue_host(&csr, host_id(n), at).expect("a certificate");
        Credentials::new(issued.chain, key).expect("a pair")
    }

    pub fn host(&self, n: u8) -> Credentials {
        self.host_at(n, now())
    }

    pub fn user(&self, name: &str) -> Credentials {
        let name = name.parse().expect("a name");
        self.authority.issue_user_credentials(name, now()).expect("a certificate")
    }

    pub fn server_config(&self) -> ServerConfig {
        server_config(self.authority.trust(), &self.server, self.revocations.clone())
            .expect("settings")
    }

    /// Settings of a server that shows `credentials`, whatever they are.
    pub fn impostor(&self, credentials: Credentials) -> ServerConfig {
        let server = RotatingServer::new(credentials);
        server_config(self.authority.trust(), &server, Revocations::default()).expect("settings")
    }
}

/// What both sides saw. In TLS 1.3 a client's handshake ends before the server looked at the
/// client's certificate, so both ends exchange a byte before the client's word counts.
pub struct Seen {
    pub client: Result<(), String>,
    pub server: Result<Option<PeerIdentity>, rustls::Error>,
}

pub async fn handshake(client: ClientConfig, server: ServerConfig) -> Seen {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let accept = async move {
        let stream = TlsAcceptor::from(Arc::new(server)).accept(far).await;
        let mut stream = stream.map_err(|error| {
            let error = error.into_inner().and_then(|e| e.downcast::<rustls::Error>().ok());
            error.map_or(rustls::Error::General("closed".to_owned()), |error| *error)
        })?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let peer = stream
            .get_ref()
            .1
            .peer_certificates()
            .map(|chain| PeerIdentity::from_der(&chain[0]).expect("the verifier let it pass"));
        stream.write_all(b"!").await.expect("a byte is written");
        stream.flush().await.expect("and sent");
        Ok(peer)
    };
    let connect = async move {
        let name = ServerName::try_from(SERVER_NAME).expect("a name");
        let stream = TlsConnector::from(Arc::new(client)).connect(name, near).await;
        let mut stream = stream.map_err(|error| error.to_string())?;
        let mut byte = [0];
        stream.read_exact(&mut byte).await.map_err(|error| error.to_string())?;
        Ok(())
    };
    let (client, server) = tokio::join!(connect, accept);
    Seen { client, server }
}
