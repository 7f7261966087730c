//! What the slim hosts count, all of them together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};

/// How long anything may take until it counts as hung.
pub const LIMIT: Duration = Duration::from_secs(300);

/// How often something happened.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

/// Counts as the hosts see them.
#[derive(Debug, Default)]
pub struct Tally {
    /// Heartbeats that were answered.
    pub beats: Count,
    /// Pictures that were told, as a session began or because they are new.
    pub told: Count,
    /// Pictures that the coordinator has whole.
    pub stored: Count,
    /// Pictures that it did not take.
    pub refused: Count,
    /// Nodes that were sent.
    pub nodes: Count,
    /// Bytes of messages about inventories before TLS and HTTP/2, heartbeats apart.
    pub bytes: Count,
}

impl Count {
    /// How often so far.
    pub fn times(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Once more, or as often.
    pub fn add(&self, times: u64) {
        self.0.fetch_add(times, Ordering::SeqCst);
    }
}

impl Tally {
    /// Waits until so many of them happened, and says for how long.
    pub async fn reached(
        &self,
        count: impl Fn(&Self) -> &Count,
        times: u64,
        what: &str,
    ) -> Result<Duration> {
        let began = Instant::now();
        loop {
            let (so_far, refused) = (count(self).times(), self.refused.times());
            ensure!(refused == 0, "{what}: {refused} pictures were not taken");
            let took = began.elapsed();
            if so_far >= times {
                return Ok(took);
            }
            ensure!(took < LIMIT, "{what}: {so_far} of {times} after {took:.0?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Milliseconds since 1970.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}
