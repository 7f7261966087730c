//! Many real sessions in one process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tamer_certs::{
    Authority, Credentials, HostKey, JoinToken, SERVER_NAME, Trust, client_config,
    pinned_client_config,
};
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as ToCoordinator;
use tamer_proto::wire::agent_service_client::AgentServiceClient;
use tamer_proto::wire::control_client::ControlClient;
use tamer_proto::wire::coordinator_message::Message as FromCoordinator;
use tamer_proto::wire::enrolment_client::EnrolmentClient;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

/// Agents that join at once, as a rollout tool would start them.
const AT_ONCE: usize = 64;

/// The real program, on a port of its own.
pub struct Coordinator {
    child: Child,
    pub address: SocketAddr,
    pub context: PathBuf,
    trust: Trust,
    admin: Credentials,
}

impl Coordinator {
    pub fn start(programs: &Path, data: &Path) -> Result<Self> {
        let mut child = Command::new(programs.join("tamer-coordinator"))
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
        let admin = authority.issue_user_credentials("bench".parse()?, now)?;
        Ok(Self { child, address, context, trust: authority.trust().clone(), admin })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub async fn as_admin(&self) -> Result<Channel> {
        connect(self.address, client_config(&self.trust, Some(&self.admin))?).await
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn connect(address: SocketAddr, config: ClientConfig) -> Result<Channel> {
    let tls = TlsConnector::from(Arc::new(config));
    let connector = tower::service_fn(move |_: http::Uri| {
        let tls = tls.clone();
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(SERVER_NAME).map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(tls.connect(name, stream).await?))
        }
    });
    Ok(Endpoint::from_static("http://coordinator.tamer").connect_with_connector(connector).await?)
}

/// Joins `n` agents, each from nothing, and waits until all are ready. They live until dropped.
pub async fn join(
    coordinator: &Coordinator,
    control: &mut ControlClient<Channel>,
    n: usize,
) -> Result<JoinSet<Result<()>>> {
    let token = wire::CreateTokenRequest { uses: n as u32, ..Default::default() };
    let token: JoinToken = control.create_token(token).await?.into_inner().token.parse()?;
    let token = Arc::new(token);
    let turns = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut agents = JoinSet::new();
    for number in 0..n {
        let (token, turns) = (token.clone(), turns.clone());
        let (address, trust) = (coordinator.address, coordinator.trust.clone());
        agents.spawn(async move {
            let turn = turns.acquire_owned().await?;
            let credentials = retry(|| enrol(address, &token, number)).await?;
            let channel = retry(|| async {
                connect(address, client_config(&trust, Some(&credentials))?).await
            })
            .await?;
            drop(turn);
            session(channel).await
        });
    }
    let limit = Instant::now() + Duration::from_secs(180);
    loop {
        let ready = control.get_status(wire::GetStatusRequest {}).await?.into_inner().ready;
        if ready as usize == n {
            return Ok(agents);
        }
        if let Some(ended) = agents.try_join_next() {
            bail!("an agent ended: {:?}", ended?);
        }
        ensure!(Instant::now() < limit, "{ready} of {n} agents became ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The door turns away what comes too fast; an agent tries again.
async fn retry<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    for _ in 0..100 {
        if let Ok(done) = attempt().await {
            return Ok(done);
        }
        tokio::time::sleep(Duration::from_millis(200 + fastrand::u64(0..400))).await;
    }
    attempt().await
}

async fn enrol(address: SocketAddr, token: &JoinToken, number: usize) -> Result<Credentials> {
    let key = HostKey::generate()?;
    let (config, _) = pinned_client_config(token.ca);
    let request = wire::EnrolRequest {
        csr: key.csr_der()?,
        token_id: token.id.to_string(),
        token_secret: token.secret.expose().to_vec(),
        name: format!("slim-{number}"),
        agent_version: "0.1.0".to_owned(),
        facts: Some(facts()),
    };
    let mut client = EnrolmentClient::new(connect(address, config).await?);
    let response = client.enrol(request).await?.into_inner();
    let Some(wire::enrol_response::Result::Issued(issued)) = response.result else {
        bail!("not issued")
    };
    Ok(Credentials::from_der(&issued.chain[..1], key)?)
}

fn facts() -> wire::Facts {
    wire::Facts {
        os: "linux".into(),
        distro: "debian".into(),
        distro_version: "12".into(),
        kernel: "6.1.0".into(),
        arch: "x86_64".into(),
        hostname: "slim".into(),
        cpus: 2,
        memory_bytes: 1 << 32,
        ..Default::default()
    }
}

/// Serves a session: answers each task at once, keeps nothing on disk.
async fn session(channel: Channel) -> Result<()> {
    let (out, stream) = tokio::sync::mpsc::channel(8);
    let mut journal = [0; 10];
    getrandom::fill(&mut journal).ok().context("random bytes")?;
    let hello = wire::Hello {
        agent_version: "0.1.0".to_owned(),
        wire_minor: tamer_proto::WIRE_MINOR,
        facts: Some(facts()),
        journal: tamer_model::JournalId::from_bytes(journal).to_string(),
        ..Default::default()
    };
    let say = |message| wire::AgentMessage { message: Some(message) };
    out.send(say(ToCoordinator::Hello(hello))).await?;
    let mut inbound =
        AgentServiceClient::new(channel).session(ReceiverStream::new(stream)).await?.into_inner();
    // Heartbeats of many agents must not fall on one moment.
    let phase = Duration::from_millis(fastrand::u64(0..3000));
    let mut beat =
        tokio::time::interval_at(tokio::time::Instant::now() + phase, Duration::from_secs(3));
    loop {
        tokio::select! {
            _ = beat.tick() => out.send(say(ToCoordinator::Heartbeat(wire::Heartbeat { sequence: 0 }))).await?,
            message = inbound.message() => match message?.and_then(|message| message.message) {
                Some(FromCoordinator::StartTask(wire::StartTask { task, .. })) => {
                    let end = wire::TaskEnd {
                        outcome: wire::Outcome::Succeeded.into(),
                        exit_code: Some(0),
                        duration_ms: Some(0),
                        ..Default::default()
                    };
                    out.send(say(ToCoordinator::TaskEnded(wire::TaskEnded { task, end: Some(end), output: None }))).await?;
                }
                Some(FromCoordinator::Close(close)) => bail!("closed: {}", close.code),
                Some(_) => {}
                None => bail!("the session ended"),
            },
        }
    }
}
