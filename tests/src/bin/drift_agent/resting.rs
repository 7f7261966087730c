//! A process while nothing happens.

use std::time::Duration;

use anyhow::Result;
use tamer_tests::bench::Process;

/// How long what was under way may take to end.
const SETTLE: Duration = Duration::from_secs(5);

/// What was measured.
pub struct Resting {
    /// Resident bytes at the end, and the most since it began.
    pub memory: u64,
    pub most: u64,
    /// The share of one core.
    pub cpu: f64,
}

/// Watches it for this long.
pub async fn measure(process: Process, time: Duration) -> Result<Resting> {
    tokio::time::sleep(SETTLE).await;
    let cpu = process.cpu_share(time).await?;
    Ok(Resting { memory: process.memory()?, most: process.peak_memory()?, cpu })
}
