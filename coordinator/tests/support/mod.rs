//! A real coordinator process, and clients with any certificate one likes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tamer_certs::{Authority, SERVER_NAME};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

/// A coordinator that dies with its owner.
pub struct Coordinator {
    child: Child,
    pub address: SocketAddr,
    pub data: PathBuf,
}

impl Coordinator {
    /// Starts one on a port of its own and waits until it serves.
    pub fn start(data: &Path, more: &[&str]) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tamer-coordinator"))
            .args([
                "run",
                "--listen",
                "127.0.0.1:0",
                "--health",
                "off",
                "--no-mdns",
                "--log",
                "warn",
                "--data",
            ])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
        let address = line.split(' ').find_map(|word| word.strip_prefix("address="));
        let Some(address) = address else { bail!("not ready: {line:?}") };
        Ok(Self { address: address.parse()?, child, data: data.to_owned() })
    }

    /// Its fleet's authority: with it a test issues what no coordinator would.
    pub fn authority(&self) -> Result<Authority> {
        Ok(Authority::load(&self.data)?)
    }

    /// Connects with these settings.
    pub async fn connect(&self, config: ClientConfig) -> Result<Channel> {
        let address = self.address;
        let tls = TlsConnector::from(Arc::new(config));
        let connector = tower::service_fn(move |_: http::Uri| {
            let tls = tls.clone();
            async move {
                let stream = TcpStream::connect(address).await?;
                let name = ServerName::try_from(SERVER_NAME).map_err(std::io::Error::other)?;
                Ok::<_, std::io::Error>(TokioIo::new(tls.connect(name, stream).await?))
            }
        });
        Ok(Endpoint::from_static("http://coordinator.tamer")
            .connect_with_connector(connector)
            .await?)
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It may have died already, which is what a drop wants.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
