//! A coordinator that plays what a test wrote for it, behind real TLS, and the real program that
//! asks it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tamer_certs::{Authority, Revocations, RotatingServer, server_config};
use tamer_model::{CoordinatorId, FleetId, Timestamp};
use tamer_proto::wire::control_server::ControlServer;
use tamer_proto::wire::drift_server::DriftServer;
use tamer_proto::wire::workloads_server::WorkloadsServer;
use tamerctl::context::{Context, write};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;

use crate::fleet::FleetAsked;
use crate::pictures::DriftAsked;
use crate::play::{Asked, Play};

/// How long a command may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A coordinator that serves; it ends with its owner.
pub struct Stage {
    /// What it was asked.
    pub asked: Arc<Asked>,
    /// What it was asked about workloads.
    pub fleet: Arc<FleetAsked>,
    /// What it was asked about drift.
    pub drift: Arc<DriftAsked>,
    folder: TempDir,
    server: JoinHandle<()>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Stage {
    /// Opens one that plays `play`.
    pub async fn open(mut play: Play) -> Self {
        tamer_certs::install_crypto();
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tls = fleet(&folder, address);
        let asked = Arc::clone(&play.asked);
        let workloads = std::mem::take(&mut play.fleet);
        let about = Arc::clone(&workloads.asked);
        let pictures = std::mem::take(&mut play.pictures);
        let drift = Arc::clone(&pictures.asked);
        let service = Routes::new(ControlServer::new(play));
        let service = service.add_service(WorkloadsServer::new(workloads));
        let service = service.add_service(DriftServer::new(pictures)).prepare();
        let server = tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(tls));
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, service) = (acceptor.clone(), service.clone());
                // It ends with the runtime of the test.
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let service = TowerToHyperService::new(service);
                    // Who leaves in the middle of a stream breaks the connection.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { asked, fleet: about, drift, folder, server }
    }

    /// The program with these arguments. It dies with its owner.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tamerctl"));
        command.args(arguments).env("TAMER_CONFIG", self.context()).env_remove("TAMER_CONTEXT");
        for name in ["ENDPOINT", "MODEL", "KEY_FILE", "TIMEOUT"] {
            command.env_remove(format!("TAMER_EXPLAIN_{name}"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// The file that says where it is.
    pub fn context(&self) -> std::path::PathBuf {
        self.folder.path().join("context.toml")
    }

    /// A path for a file of the test.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program to its end.
    pub async fn run(&self, line: &str) -> Ended {
        self.run_with(line, &[]).await
    }

    /// The same with something on its standard input.
    pub async fn run_with(&self, line: &str, stdin: &[u8]) -> Ended {
        let mut command = self.command(line.split_whitespace());
        let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
        let mut input = child.stdin.take().expect("piped");
        let stdin = stdin.to_vec();
        let feed = tokio::spawn(async move {
            // A command need not read all of it.
            let _ = input.write_all(&stdin).await;
        });
        let Output { status, stdout, stderr } = timeout(PATIENCE, child.wait_with_output())
            .await
            .unwrap_or_else(|_| panic!("`{line}` does not end"))
            .expect("its output");
        feed.abort();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Ended {
    /// Checks the exit code; shows everything when it is another.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// Makes a fleet: the TLS of its coordinator, and the context of its user beside it.
fn fleet(folder: &TempDir, address: SocketAddr) -> ServerConfig {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let now = Timestamp::from_millis(since.as_millis() as u64);
    let authority = Authority::create(FleetId::from_bytes([7; 10]), now).expect("an authority");
    let server = authority.issue_coordinator(CoordinatorId::from_bytes([8; 10]), now);
    let server = RotatingServer::new(server.expect("a certificate"));
    let user = authority.issue_user_credentials("admin".parse().expect("a name"), now);
    let user = user.expect("a certificate");
    let context = Context {
        version: 1,
        name: "stage".to_owned(),
        fleet: authority.fleet().to_string(),
        user: "admin".to_owned(),
        addresses: vec![address.to_string()],
        ca: authority.trust().to_pem(),
        certificate: user.chain_pem(),
        key: user.key().to_pem().to_string().into(),
        confirm_above: None,
        explain: None,
    };
    write(&folder.path().join("context.toml"), &context).expect("a context");
    server_config(authority.trust(), &server, Revocations::default()).expect("TLS")
}
