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
use tamer_certs::{Authority, Credentials, HostKey, JoinToken, SERVER_NAME, pinned_client_config};
use tamer_proto::wire;
use tamer_proto::wire::enrolment_client::EnrolmentClient;
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

    /// Joins a host as an agent does: the authority is pinned by the token.
    pub async fn join(&self, token: &str, name: &str) -> Result<Credentials> {
        let token: JoinToken = token.parse()?;
        let key = HostKey::generate()?;
        let request = wire::EnrolRequest {
            csr: key.csr_der()?,
            token_id: token.id.to_string(),
            token_secret: token.secret.expose().to_vec(),
            name: name.into(),
            facts: Some(facts()),
            ..Default::default()
        };
        let (config, _) = pinned_client_config(token.ca);
        let mut client = EnrolmentClient::new(self.connect(config).await?);
        let Some(wire::enrol_response::Result::Issued(issued)) =
            client.enrol(request).await?.into_inner().result
        else {
            bail!("not issued")
        };
        Ok(Credentials::from_der(&issued.chain[..1], key)?)
    }
}

/// What hosts say of themselves.
pub fn facts() -> wire::Facts {
    wire::Facts { os: "linux".into(), cpus: 4, memory_bytes: 8 << 30, ..Default::default() }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It may have died already, which is what a drop wants.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
