//! What a process uses, read from `/proc` (proc(5)).

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tamer_proto::wire;
use tamer_proto::wire::control_client::ControlClient;
use tonic::transport::Channel;

use crate::slim::Coordinator;

/// A running process.
#[derive(Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// Resident memory in bytes.
    pub fn memory(self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
        Ok(kib * 1024)
    }

    /// CPU time used since it began, to a hundredth of a second.
    pub fn cpu(self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        let fields: Vec<_> =
            stat.rsplit(')').next().context("a comm")?.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The share of one core it uses over `time`.
    pub async fn cpu_share(self, time: Duration) -> Result<f64> {
        let (began, from) = (Instant::now(), self.cpu()?);
        tokio::time::sleep(time).await;
        Ok((self.cpu()? - from).as_secs_f64() / began.elapsed().as_secs_f64())
    }
}

/// What this machine is.
pub fn machine() -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name\t: "))
        .unwrap_or("unknown CPU")
        .to_owned();
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!("{model}, {cores} cores, Linux {}, load {load} at the start", kernel.trim()))
}

struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Resident bytes and share of a core of a real agent with nothing to do.
pub async fn idle_agent(
    programs: &Path,
    coordinator: &Coordinator,
    control: &mut ControlClient<Channel>,
) -> Result<(u64, f64)> {
    let token = control.create_token(wire::CreateTokenRequest::default()).await?.into_inner().token;
    let data = tempfile::tempdir()?;
    let child = Command::new(programs.join("tamer-agent"))
        .args([
            "run",
            "--name",
            "real",
            "--coordinator",
            &coordinator.address.to_string(),
            "--data",
        ])
        .arg(data.path())
        .env("TAMER_TOKEN", token)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let agent = Guard(child);
    let process = Process(agent.0.id());
    let limit = Instant::now() + Duration::from_secs(30);
    loop {
        let request = wire::ListHostsRequest {
            selector: "name=real,state=ready".into(),
            ..Default::default()
        };
        if !control.list_hosts(request).await?.into_inner().hosts.is_empty() {
            break;
        }
        anyhow::ensure!(Instant::now() < limit, "the real agent did not become ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What it did to join is not idling.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let share = process.cpu_share(Duration::from_secs(20)).await?;
    Ok((process.memory()?, share))
}
