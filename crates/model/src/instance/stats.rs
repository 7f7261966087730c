//! What an instance uses: counters, and the caller makes rates of two of them.

use crate::Timestamp;

/// One sample. Counters begin at 0 when the instance starts; what a technology does not count is
/// absent, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstanceStats {
    /// When it was taken, by the host's clock.
    pub at: Timestamp,
    /// Processor time used, all processors together, in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Memory in use, without what the kernel can take back at will, in bytes.
    pub memory_bytes: Option<u64>,
    /// The most memory it may use, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// Bytes received on all its networks.
    pub network_received_bytes: Option<u64>,
    /// Bytes sent on all its networks.
    pub network_sent_bytes: Option<u64>,
    /// Bytes read from its disks.
    pub block_read_bytes: Option<u64>,
    /// Bytes written to its disks.
    pub block_written_bytes: Option<u64>,
    /// Processes and threads in it.
    pub pids: Option<u64>,
}
