//! Heartbeats while nothing changes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use prost::Message as _;
use tamer_proto::wire;
use tamer_tests::bench::Setting;

use crate::hosts::Hosts;
use crate::session::BEAT;

/// What was measured.
pub struct Still {
    /// Bytes on the wire of one heartbeat of one host, with its answer.
    pub wire: f64,
    /// The coordinator's CPU for one heartbeat of every host.
    pub cpu: Duration,
}

/// Watches so many heartbeats of every host.
pub async fn measure(setting: &Setting, hosts: &Hosts, beats: u32) -> Result<Still> {
    // What was under way is over.
    tokio::time::sleep(BEAT).await;
    let (cpu, told) = (setting.process.cpu()?, hosts.tally.told.times());
    let (began, wire, before) = (Instant::now(), hosts.wire.bytes(), hosts.tally.beats.times());
    tokio::time::sleep(BEAT * beats).await;
    let (after, count) = (hosts.wire.bytes(), hosts.tally.beats.times() - before);
    let cycles = began.elapsed().as_secs_f64() / BEAT.as_secs_f64();
    ensure!(hosts.tally.told.times() == told, "a picture was told while nothing changed");
    ensure!(count > 0, "no heartbeat was answered");
    Ok(Still {
        wire: (after.0 + after.1 - wire.0 - wire.1) as f64 / count as f64,
        cpu: (setting.process.cpu()? - cpu).div_f64(cycles),
    })
}

/// Bytes of a heartbeat as a message, with a root or without.
pub fn message(inventory: Vec<u8>) -> usize {
    let beat = wire::Heartbeat { sequence: 1000, inventory };
    let message = wire::agent_message::Message::Heartbeat(beat);
    wire::AgentMessage { message: Some(message) }.encoded_len()
}
