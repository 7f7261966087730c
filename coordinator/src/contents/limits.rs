//! How much is held, and how much moves at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The table `[contents]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContentLimits {
    /// Bytes of all contents together, also those that are being sent. Default: 10 GiB.
    pub max_bytes: u64,
    /// Contents that are received at once; more wait. Default: 64.
    pub uploads: usize,
    /// Contents that are sent at once; more wait. Each costs at most 384 KiB of memory: a chunk
    /// being read, one in the queue, and what HTTP/2 holds of its stream. Default: 128.
    pub downloads: usize,
}

impl Default for ContentLimits {
    fn default() -> Self {
        Self { max_bytes: 10 << 30, uploads: 64, downloads: 128 }
    }
}

/// How long an upload waits for its turn. Those who wait are bounded by the calls of a connection.
pub(super) const TURN: Duration = Duration::from_secs(300);
/// How often whoever waits to be sent a content hears that it waits.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How long a turn lasts without a chunk moving: whoever is slower gives it up, and goes on from
/// where it was.
pub(super) const STALLED: Duration = Duration::from_secs(60);
