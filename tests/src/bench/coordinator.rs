//! The real coordinator, and clients of it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use hyper_util::rt::TokioIo;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tamer_certs::{Authority, Credentials, SERVER_NAME, Trust, client_config};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use super::wire::{Counted, Wire};

/// The real program.
pub struct Coordinator {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
    /// The context file of its first administrator, for tamerctl.
    pub context: PathBuf,
    /// The fleet's CA.
    pub trust: Trust,
    admin: Credentials,
}

impl Coordinator {
    /// Starts the program of this folder on a free port of the loopback.
    ///
    /// # Errors
    /// When it does not serve.
    pub fn start(programs: &Path, data: &Path) -> Result<Self> {
        Self::start_at(programs, data, "127.0.0.1:0")
    }

    /// Starts the program of this folder at this address.
    ///
    /// # Errors
    /// When it does not serve.
    pub fn start_at(programs: &Path, data: &Path, listen: &str) -> Result<Self> {
        Self::spawn(programs, data, listen, None)
    }

    /// Starts the program of this folder at this address, with the settings of a file.
    ///
    /// # Errors
    /// When it does not serve.
    pub fn start_with(programs: &Path, data: &Path, listen: &str, config: &Path) -> Result<Self> {
        Self::spawn(programs, data, listen, Some(config))
    }

    fn spawn(programs: &Path, data: &Path, listen: &str, config: Option<&Path>) -> Result<Self> {
        let mut child = Command::new(programs.join("tamer-coordinator"))
            .args(["run", "--listen", listen])
            .args(config.into_iter().flat_map(|file| [OsStr::new("--config"), file.as_os_str()]))
            // A benchmark that is killed leaves nothing behind: its end of the pipe goes with it.
            .args(["--health", "off", "--no-mdns", "--log", "warn", "--exit-with-stdin", "--data"])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("tamer-coordinator must be beside this program")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        let value = |key: &str| {
            line.trim().split(' ').find_map(|word| word.strip_prefix(key)).map(str::to_owned)
        };
        let address = value("address=").with_context(|| format!("not ready: {line:?}"))?.parse()?;
        let context = value("context=").context("no context")?.into();
        let authority = Authority::load(data)?;
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let now = tamer_model::Timestamp::from_millis(since.as_millis() as u64);
        // Who tamerctl speaks for too: what one of them makes, the other may change.
        let admin = authority.issue_user_credentials("admin".parse()?, now)?;
        Ok(Self { child, address, context, trust: authority.trust().clone(), admin })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection of an administrator.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn as_admin(&self) -> Result<Channel> {
        connect(self.address, client_config(&self.trust, Some(&self.admin))?).await
    }

    /// Asks it to stop, and waits until its data folder is free.
    ///
    /// # Errors
    /// When it did not end in order.
    pub fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?;
        // It ends by itself within its own limits; a hung one is a finding.
        let status = self.child.wait()?;
        ensure!(status.success(), "the coordinator was asked to stop and ended with {status}");
        Ok(())
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection as whoever the configuration says.
///
/// # Errors
/// When there is none to be had.
pub async fn connect(address: SocketAddr, config: ClientConfig) -> Result<Channel> {
    connect_counted(address, config, Arc::default()).await
}

/// The same, with its bytes counted.
///
/// # Errors
/// When there is none to be had.
pub async fn connect_counted(
    address: SocketAddr,
    config: ClientConfig,
    wire: Arc<Wire>,
) -> Result<Channel> {
    let tls = TlsConnector::from(Arc::new(config));
    let connector = tower::service_fn(move |_: http::Uri| {
        let (tls, wire) = (tls.clone(), wire.clone());
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(SERVER_NAME).map_err(std::io::Error::other)?;
            let stream = tls.connect(name, Counted { stream, wire }).await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    Ok(Endpoint::from_static("http://coordinator.tamer").connect_with_connector(connector).await?)
}
