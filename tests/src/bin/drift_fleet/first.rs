//! Every host tells of its first picture, all of them at once.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tamer_tests::bench::Setting;

use crate::hosts::Hosts;
use crate::picture::Version;

/// What was measured.
pub struct First {
    /// Until the coordinator had all of them whole, and had said so.
    pub stored: Duration,
    /// The coordinator's CPU.
    pub cpu: Duration,
    /// Its resident memory in bytes, before and after.
    pub memory: (u64, u64),
    /// Bytes on the wire, both ways.
    pub wire: u64,
    /// Bytes of messages about inventories, both ways.
    pub messages: u64,
    /// Nodes that were sent.
    pub nodes: u64,
    /// Files of the coordinator's folder of nodes, and what they hold in bytes.
    pub files: (u64, u64),
}

/// Lets them tell.
pub async fn measure(setting: &Setting, hosts: &Hosts) -> Result<First> {
    let pictures = Hosts::prepare(hosts.len(), Version::default(), 1)?;
    let (cpu, memory) = (setting.process.cpu()?, setting.process.memory()?);
    let wire = hosts.wire.bytes();
    hosts.tell(pictures);
    let all = hosts.len() as u64;
    let stored = hosts.tally.reached(|tally| &tally.stored, all, "first pictures stored").await?;
    let after = hosts.wire.bytes();
    Ok(First {
        stored,
        cpu: setting.process.cpu()? - cpu,
        memory: (memory, setting.process.memory()?),
        wire: after.0 + after.1 - wire.0 - wire.1,
        messages: hosts.tally.bytes.times(),
        nodes: hosts.tally.nodes.times(),
        files: files(&setting.folder().join("data/inventory"))?,
    })
}

/// The files below a folder, and their bytes.
fn files(folder: &Path) -> Result<(u64, u64)> {
    let mut all = (0, 0);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let seen = entry.metadata()?;
        let below = if seen.is_dir() { files(&entry.path())? } else { (1, seen.len()) };
        all = (all.0 + below.0, all.1 + below.1);
    }
    Ok(all)
}
