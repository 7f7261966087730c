//! What a process uses, read from `/proc` (proc(5)).

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A running process.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// Resident memory in bytes.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn memory(self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most resident memory it ever had, in bytes.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn peak_memory(self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Forgets what the most was: from now on it is counted anew (proc(5), `clear_refs`).
    ///
    /// # Errors
    /// When there is no such process, or it is somebody else's.
    pub fn reset_peak(self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.0), "5")?)
    }

    fn status(self, key: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find(|line| line.starts_with(key)).context("a line of memory")?;
        let kib: u64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
        Ok(kib * 1024)
    }

    /// CPU time used since it began, to a hundredth of a second.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn cpu(self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        let fields: Vec<_> =
            stat.rsplit(')').next().context("a comm")?.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The share of one core it uses over `time`.
    ///
    /// # Errors
    /// When it ends meanwhile.
    pub async fn cpu_share(self, time: Duration) -> Result<f64> {
        let (began, from) = (Instant::now(), self.cpu()?);
        tokio::time::sleep(time).await;
        Ok((self.cpu()? - from).as_secs_f64() / began.elapsed().as_secs_f64())
    }
}

/// What this machine is.
///
/// # Errors
/// When `/proc` cannot be read.
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
