//! What comes on streams: samples, and lines of logs.

use serde::Serialize;
use tamer_model::{InstanceStats, StreamKind};

use super::Time;
use crate::api::Source;

/// One sample of what an instance uses. Counters begin at 0 when the instance starts; what a
/// technology does not count is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Sample {
    pub instance: String,
    pub name: String,
    pub host_name: String,
    pub provider: String,
    /// By the host's clock.
    pub at: Time,
    pub cpu_ns: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub memory_limit_bytes: Option<u64>,
    pub network_received_bytes: Option<u64>,
    pub network_sent_bytes: Option<u64>,
    pub block_read_bytes: Option<u64>,
    pub block_written_bytes: Option<u64>,
    pub pids: Option<u64>,
}

/// A line of an instance's log.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct LogLine<'a> {
    pub instance: &'a str,
    pub name: &'a str,
    pub host_name: &'a str,
    pub provider: &'a str,
    pub stream: StreamKind,
    /// What is no text in it is replaced.
    pub line: &'a str,
}

impl Sample {
    /// A sample of `source`.
    pub fn of(source: &Source, stats: InstanceStats) -> Self {
        let Source { id, name, host, provider } = source.clone();
        let InstanceStats {
            at,
            cpu_ns,
            memory_bytes,
            memory_limit_bytes,
            network_received_bytes,
            network_sent_bytes,
            block_read_bytes,
            block_written_bytes,
            pids,
        } = stats;
        Self {
            instance: id,
            name,
            host_name: host,
            provider,
            at: Time::of(at.as_millis()),
            cpu_ns,
            memory_bytes,
            memory_limit_bytes,
            network_received_bytes,
            network_sent_bytes,
            block_read_bytes,
            block_written_bytes,
            pids,
        }
    }
}

impl<'a> LogLine<'a> {
    /// A line of `source`.
    pub fn of(source: &'a Source, stream: StreamKind, line: &'a str) -> Self {
        let Source { id, name, host, provider } = source;
        Self { instance: id, name, host_name: host, provider, stream, line }
    }
}
