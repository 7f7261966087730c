//! What the slim agents count, all of them together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Counts and moments, as the agents see them. Moments are microseconds since [`Tally::new`].
#[derive(Debug)]
pub struct Tally {
    began: Instant,
    /// Tasks handed over.
    handed: AtomicU64,
    /// When the last one was.
    last_handed: AtomicU64,
    /// Ends that the coordinator said are stored.
    stored: AtomicU64,
    /// When it said so last.
    last_stored: AtomicU64,
    /// Messages sent, and their bytes before TLS and HTTP/2. Heartbeats are not counted: how many
    /// fall into a measure is chance.
    messages: AtomicU64,
    bytes: AtomicU64,
    /// Whether ends are kept back until `release`.
    holding: AtomicBool,
    gate: watch::Sender<u64>,
}

/// What was counted so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    pub messages: u64,
    pub bytes: u64,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            handed: AtomicU64::new(0),
            last_handed: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            last_stored: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            holding: AtomicBool::new(false),
            gate: watch::Sender::new(0),
        }
    }

    /// Now, by the clock that all moments here are of.
    pub fn now(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// Begins a batch: counts from nothing.
    pub fn begin(&self, hold: bool) {
        self.handed.store(0, Ordering::SeqCst);
        self.stored.store(0, Ordering::SeqCst);
        self.holding.store(hold, Ordering::SeqCst);
    }

    /// A task was handed over.
    pub fn hand(&self) {
        self.last_handed.fetch_max(self.now(), Ordering::SeqCst);
        self.handed.fetch_add(1, Ordering::SeqCst);
    }

    /// An end was acknowledged as stored.
    pub fn store(&self) {
        self.last_stored.fetch_max(self.now(), Ordering::SeqCst);
        self.stored.fetch_add(1, Ordering::SeqCst);
    }

    /// A message was sent.
    pub fn send(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn sent(&self) -> Sent {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Sent { messages: of(&self.messages), bytes: of(&self.bytes) }
    }

    /// Waits until `n` tasks were handed over, and says when the last was.
    pub async fn all_handed(&self, n: usize) -> u64 {
        reached(&self.handed, n).await;
        self.last_handed.load(Ordering::SeqCst)
    }

    /// Waits until `n` ends are stored, and says when the last was said to be.
    pub async fn all_stored(&self, n: usize) -> u64 {
        reached(&self.stored, n).await;
        self.last_stored.load(Ordering::SeqCst)
    }

    /// Whether an end waits for [`Tally::release`], and for which.
    pub fn held(&self) -> Option<watch::Receiver<u64>> {
        self.holding.load(Ordering::SeqCst).then(|| self.gate.subscribe())
    }

    /// Lets the ends go that wait. Returns the moment.
    pub fn release(&self) -> u64 {
        let now = self.now();
        self.gate.send_modify(|turn| *turn += 1);
        now
    }
}

/// Whoever waits has a limit around it.
async fn reached(count: &AtomicU64, n: usize) {
    while count.load(Ordering::SeqCst) < n as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
