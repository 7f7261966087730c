//! Hosts: how one joins, and the real agent.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tamer_certs::{Credentials, HostKey, JoinToken, pinned_client_config};
use tamer_proto::wire;
use tamer_proto::wire::control_client::ControlClient;
use tamer_proto::wire::enrolment_client::EnrolmentClient;
use tonic::transport::Channel;

use super::{Process, connect};

/// A token for so many hosts.
///
/// # Errors
/// When the coordinator gives none.
pub async fn join_token(control: &mut ControlClient<Channel>, uses: usize) -> Result<JoinToken> {
    let token = wire::CreateTokenRequest { uses: uses as u32, ..Default::default() };
    Ok(control.create_token(token).await?.into_inner().token.parse()?)
}

/// Tries again for a while: the door turns away what comes too fast.
///
/// # Errors
/// What the last attempt said.
pub async fn patiently<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    for _ in 0..100 {
        if let Ok(done) = attempt().await {
            return Ok(done);
        }
        tokio::time::sleep(Duration::from_millis(200 + fastrand::u64(0..400))).await;
    }
    attempt().await
}

/// Joins as a host of this name.
///
/// # Errors
/// When it was not let in.
pub async fn enrol(address: SocketAddr, token: &JoinToken, name: String) -> Result<Credentials> {
    let key = HostKey::generate()?;
    let (config, _) = pinned_client_config(token.ca);
    let request = wire::EnrolRequest {
        csr: key.csr_der()?,
        token_id: token.id.to_string(),
        token_secret: token.secret.expose().to_vec(),
        name,
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

/// What a slim host says of itself.
pub fn facts() -> wire::Facts {
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

/// How a slim host greets: it has no memory of tasks.
///
/// # Errors
/// When the machine has no random bytes.
pub fn hello() -> Result<wire::Hello> {
    let mut journal = [0; 10];
    getrandom::fill(&mut journal).ok().context("random bytes")?;
    Ok(wire::Hello {
        agent_version: "0.1.0".to_owned(),
        wire_minor: tamer_proto::WIRE_MINOR,
        facts: Some(facts()),
        journal: tamer_model::JournalId::from_bytes(journal).to_string(),
        ..Default::default()
    })
}

/// The real agent program. It ends when this is dropped.
pub struct RealAgent {
    child: Child,
    log: PathBuf,
}

impl RealAgent {
    /// Starts the program of this folder, with its data in another and this much of its
    /// configuration, and waits until it is ready.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn start(
        programs: &Path,
        address: SocketAddr,
        control: &mut ControlClient<Channel>,
        (name, data): (&str, &Path),
        settings: &[String],
    ) -> Result<Self> {
        let token = control.create_token(wire::CreateTokenRequest::default()).await?;
        let mut command = Command::new(programs.join("tamer-agent"));
        command
            .args(["run", "--name", name, "--no-discovery", "--exit-with-stdin"])
            .args(["--coordinator", &address.to_string()])
            .arg("--data")
            .arg(data)
            .env("TAMER_TOKEN", token.into_inner().token)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(data.join("log"))?);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let agent = Self { child: command.spawn()?, log: data.join("log") };
        let limit = Instant::now() + Duration::from_secs(30);
        loop {
            let request = wire::ListHostsRequest {
                selector: format!("name={name},state=ready"),
                ..Default::default()
            };
            if !control.list_hosts(request).await?.into_inner().hosts.is_empty() {
                return Ok(agent);
            }
            ensure!(Instant::now() < limit, "the real agent did not become ready: {}", agent.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// What it logged, for who wants to know why something failed.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log);
        format!("the agent's log:\n{}", log.unwrap_or_else(|error| error.to_string()))
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
