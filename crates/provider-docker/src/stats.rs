//! What a container uses.

use std::collections::BTreeMap;

use serde::Deserialize;
use tamer_model::{InstanceStats, NativeId, Timestamp};
use tamer_provider::{Fault, FaultKind, Result};

use crate::client::Ask;
use crate::engine::Engine;
use crate::fault;

/// From here on a limit of memory is the kernel's way to say "none".
const NO_LIMIT: u64 = 1 << 60;

/// One sample.
pub(crate) async fn stats(engine: &Engine, id: &NativeId) -> Result<InstanceStats> {
    let doing = format!("tell what {id} uses");
    let mut ask = Ask::get(&["containers", id.as_str(), "stats"]).query("stream", "false");
    if engine.api.has_one_shot_stats() {
        // Without it an engine waits a second for a second sample.
        ask = ask.query("one-shot", "true");
    }
    let text = engine.client.text(&doing, ask).await?;
    let stopped = || Fault::new(FaultKind::Conflict, format!("{id} does not run"));
    // Podman answers nothing for a container that does not run, Docker a sample full of zeros.
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(stopped());
    }
    let sample: Sample =
        serde_json::from_slice(&text).map_err(|error| fault::garbled(&doing, &error))?;
    sample.stats().ok_or_else(stopped)
}

#[derive(Debug, Deserialize)]
struct Sample {
    read: String,
    pids_stats: Option<Pids>,
    cpu_stats: Option<Cpu>,
    memory_stats: Option<Memory>,
    networks: Option<BTreeMap<String, Network>>,
    blkio_stats: Option<Block>,
}

#[derive(Debug, Deserialize)]
struct Pids {
    current: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Cpu {
    cpu_usage: Option<CpuUsage>,
}

#[derive(Debug, Deserialize)]
struct CpuUsage {
    total_usage: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Memory {
    usage: Option<u64>,
    limit: Option<u64>,
    stats: Option<BTreeMap<String, u64>>,
}

#[derive(Debug, Deserialize)]
struct Network {
    rx_bytes: Option<u64>,
    tx_bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Block {
    io_service_bytes_recursive: Option<Vec<BlockEntry>>,
}

#[derive(Debug, Deserialize)]
struct BlockEntry {
    op: String,
    value: u64,
}

impl Sample {
    /// None for the sample of a container that does not run.
    fn stats(&self) -> Option<InstanceStats> {
        let at: jiff::Timestamp = self.read.parse().ok()?;
        let millis = u64::try_from(at.as_millisecond()).ok().filter(|millis| *millis > 0)?;
        let networks = self.networks.as_ref().map(BTreeMap::values);
        let memory = self.memory_stats.as_ref();
        Some(InstanceStats {
            at: Timestamp::from_millis(millis),
            cpu_ns: self.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage),
            memory_bytes: memory.and_then(Memory::in_use),
            memory_limit_bytes: memory
                .and_then(|memory| memory.limit)
                .filter(|limit| *limit < NO_LIMIT),
            network_received_bytes: networks
                .clone()
                .and_then(|all| sum(all.map(|one| one.rx_bytes))),
            network_sent_bytes: networks.and_then(|all| sum(all.map(|one| one.tx_bytes))),
            block_read_bytes: self.block("read"),
            block_written_bytes: self.block("write"),
            pids: self.pids_stats.as_ref().and_then(|pids| pids.current),
        })
    }

    /// Sums over devices. Absent where no device was counted: no I/O so far and no counting look
    /// the same.
    fn block(&self, op: &str) -> Option<u64> {
        let entries = self.blkio_stats.as_ref()?.io_service_bytes_recursive.as_ref()?;
        let of_op = entries.iter().filter(|entry| entry.op.eq_ignore_ascii_case(op));
        sum(of_op.map(|entry| Some(entry.value)))
    }
}

impl Memory {
    /// Without the page cache that the kernel gives up first: `total_inactive_file` with control
    /// groups of version 1, `inactive_file` with version 2.
    fn in_use(&self) -> Option<u64> {
        let cached = self.stats.as_ref().and_then(|stats| {
            stats.get("total_inactive_file").or_else(|| stats.get("inactive_file"))
        });
        Some(self.usage?.saturating_sub(cached.copied().unwrap_or(0)))
    }
}

fn sum(values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    values.flatten().fold(None, |sum, value| Some(sum.unwrap_or(0u64).saturating_add(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_and_2_of_control_groups_are_read() {
        let one: Sample = serde_json::from_str(
            r#"{"read":"2026-11-21T07:23:16.57040868Z","pids_stats":{"current":1},
            "blkio_stats":{"io_service_bytes_recursive":[{"major":8,"minor":0,"op":"Read","value":5},
              {"major":8,"minor":1,"op":"Read","value":7},{"major":8,"minor":0,"op":"Write","value":1}]},
            "cpu_stats":{"cpu_usage":{"total_usage":21060569}},
            "memory_stats":{"usage":1000,"stats":{"inactive_file":1,"total_inactive_file":300},
              "limit":9223372036854771712},
            "networks":{"eth0":{"rx_bytes":200,"tx_bytes":0},"eth1":{"rx_bytes":1,"tx_bytes":2}}}"#,
        )
        .expect("it is well made");
        let stats = one.stats().expect("it is well made");
        assert_eq!(stats.memory_bytes, Some(700));
        assert_eq!(stats.memory_limit_bytes, None);
        assert_eq!(stats.block_read_bytes, Some(12));
        assert_eq!(stats.block_written_bytes, Some(1));
        assert_eq!(stats.network_received_bytes, Some(201));
        assert_eq!(stats.network_sent_bytes, Some(2));
        assert_eq!(stats.at.as_millis() % 1000, 570);
        let two: Sample = serde_json::from_str(
            r#"{"read":"2026-11-21T07:23:16Z","memory_stats":{"usage":1000,
            "stats":{"inactive_file":400}},"blkio_stats":{"io_service_bytes_recursive":null}}"#,
        )
        .expect("it is well made");
        let stats = two.stats().expect("it is well made");
        assert_eq!(stats.memory_bytes, Some(600));
        assert_eq!((stats.cpu_ns, stats.pids, stats.block_read_bytes), (None, None, None));
        assert_eq!(stats.network_received_bytes, None);
    }

    #[test]
    fn a_sample_from_before_time_is_of_what_does_not_run() {
        let sample: Sample = serde_json::from_str(
            r#"{"read":"0001-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":0}}}"#,
        )
        .expect("it is well made");
        assert_eq!(sample.stats(), None);
    }
}
