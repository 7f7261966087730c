//! What the slim hosts count, all of them together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

/// How long anything may take until it counts as hung.
pub const LIMIT: Duration = Duration::from_secs(120);

/// How often something happened, and when last.
#[derive(Debug, Default)]
pub struct Count {
    times: AtomicU64,
    last: AtomicU64,
}

/// Counts as the hosts see them, since [`Tally::begin`].
#[derive(Debug)]
pub struct Tally {
    began: Instant,
    /// Placements handed over that the host did not have.
    pub put: Count,
    /// Placements handed over that the host had already.
    pub again: Count,
    /// Placements that the host has, runs, and was told to keep.
    pub kept: Count,
    /// Placements that the host was told to keep and does not run.
    pub missing: Count,
    /// Placements that the host was told to stop.
    pub stopped: Count,
    /// Placements that were told as running.
    pub ran: Count,
    /// Placements that were told as gone.
    pub ended: Count,
    /// Whole lists heard.
    pub lists: Count,
    /// Bytes of messages about placements before TLS and HTTP/2, to the hosts and from them.
    heard_bytes: AtomicU64,
    told_bytes: AtomicU64,
}

impl Count {
    /// How often.
    pub fn times(&self) -> usize {
        self.times.load(Ordering::SeqCst) as usize
    }

    /// When last, by the clock of [`Tally::now`].
    pub fn last(&self) -> Duration {
        Duration::from_micros(self.last.load(Ordering::SeqCst))
    }

    /// Waits until it happened so often.
    pub async fn reached(&self, times: usize, what: &str) -> Result<Duration> {
        let limit = Instant::now() + LIMIT;
        while self.times() < times {
            if Instant::now() > limit {
                bail!("{what}: {} of {times} after {LIMIT:?}", self.times());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(self.last())
    }

    fn add(&self, at: Duration) {
        self.last.fetch_max(at.as_micros() as u64, Ordering::SeqCst);
        self.times.fetch_add(1, Ordering::SeqCst);
    }

    fn reset(&self) {
        self.times.store(0, Ordering::SeqCst);
        self.last.store(0, Ordering::SeqCst);
    }
}

impl Tally {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            put: Count::default(),
            again: Count::default(),
            kept: Count::default(),
            missing: Count::default(),
            stopped: Count::default(),
            ran: Count::default(),
            ended: Count::default(),
            lists: Count::default(),
            heard_bytes: AtomicU64::new(0),
            told_bytes: AtomicU64::new(0),
        }
    }

    /// Counts from nothing. Returns the moment.
    pub fn begin(&self) -> Duration {
        let Self { began: _, put, again, kept, missing, stopped, ran, ended, lists, .. } = self;
        for count in [put, again, kept, missing, stopped, ran, ended, lists] {
            count.reset();
        }
        self.heard_bytes.store(0, Ordering::SeqCst);
        self.told_bytes.store(0, Ordering::SeqCst);
        self.now()
    }

    /// Now, by the clock that all moments here are of.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// A moment of this clock as milliseconds since 1970.
    pub fn wall(&self, moment: Duration) -> f64 {
        wall_ms() as f64 - (self.now().saturating_sub(moment)).as_secs_f64() * 1e3
    }

    /// Bytes to the hosts, and from them.
    pub fn bytes(&self) -> (u64, u64) {
        (self.heard_bytes.load(Ordering::SeqCst), self.told_bytes.load(Ordering::SeqCst))
    }

    pub fn hear(&self, bytes: usize) {
        self.heard_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn told(&self, bytes: usize) {
        self.told_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn put(&self, known: bool) {
        if known { &self.again } else { &self.put }.add(self.now());
    }

    pub fn keep(&self, runs: bool) {
        if runs { &self.kept } else { &self.missing }.add(self.now());
    }

    pub fn stop(&self) {
        self.stopped.add(self.now());
    }

    pub fn ran(&self) {
        self.ran.add(self.now());
    }

    pub fn ended(&self) {
        self.ended.add(self.now());
    }

    pub fn listed(&self) {
        self.lists.add(self.now());
    }
}

/// Milliseconds since 1970.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}
