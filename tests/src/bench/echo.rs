//! An echo over mutual TLS on the loopback: the floor of whatever talks to many machines.

use std::sync::Arc;

use anyhow::Result;
use rustls::pki_types::ServerName;
use tamer_certs::{
    Authority, Revocations, RotatingServer, SERVER_NAME, client_config, server_config,
};
use tamer_model::{CoordinatorId, FleetId, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Bytes of a message.
const MESSAGE: usize = 128;

/// A live connection whose other end sends back what it hears.
pub struct Echo(TlsStream<TcpStream>);

impl Echo {
    /// So many connections, both ends in this process.
    ///
    /// # Errors
    /// When they cannot be had.
    pub async fn connect(n: usize) -> Result<Vec<Self>> {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let now = Timestamp::from_millis(since.as_millis() as u64);
        let authority = Authority::create(FleetId::from_bytes([1; 10]), now)?;
        let own = authority.issue_coordinator(CoordinatorId::from_bytes([1; 10]), now)?;
        let user = authority.issue_user_credentials("floor".parse()?, now)?;
        let server =
            server_config(authority.trust(), &RotatingServer::new(own), Revocations::default())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(server))));
        let connector =
            TlsConnector::from(Arc::new(client_config(authority.trust(), Some(&user))?));
        let mut echoes = Vec::new();
        for _ in 0..n {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(SERVER_NAME)?;
            echoes.push(Self(connector.connect(name, stream).await?));
        }
        Ok(echoes)
    }

    /// Sends 128 bytes and waits until they are back.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn round_trip(&mut self) -> Result<()> {
        let mut buffer = [7; MESSAGE];
        self.0.write_all(&buffer).await?;
        self.0.flush().await?;
        self.0.read_exact(&mut buffer).await?;
        Ok(())
    }
}

/// Echoes until the runtime ends.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            let mut stream = acceptor.accept(stream).await?;
            let mut buffer = [0; MESSAGE];
            while stream.read_exact(&mut buffer).await.is_ok() {
                stream.write_all(&buffer).await?;
                stream.flush().await?;
            }
            std::io::Result::Ok(())
        });
    }
}
