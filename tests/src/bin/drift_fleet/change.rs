//! The same thing changes on some hosts at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use tamer_drift::finding::{Finding, How};
use tamer_tests::bench::Setting;

use crate::fleet::{Fleet, Told};
use crate::hosts::Hosts;
use crate::picture::Version;

/// What changes, and where.
pub struct Which {
    pub version: Version,
    /// What it is called.
    pub name: &'static str,
    /// The first so many hosts.
    pub hosts: usize,
    /// How many findings there were before.
    pub before: usize,
}

/// What was measured; times are from the moment at which the hosts had it.
pub struct Changed {
    pub hosts: usize,
    /// Until the coordinator had the last picture whole.
    pub stored: Duration,
    /// Until the change was told as one finding with all of its hosts.
    pub found: Duration,
    /// One look at it.
    pub look: Duration,
    /// The coordinator's CPU until it was found, looks and all.
    pub cpu: Duration,
    /// The most resident memory of the coordinator meanwhile, in bytes.
    pub most: u64,
    /// The length of the report, in bytes.
    pub report: usize,
    /// Bytes of messages about inventories, both ways.
    pub messages: u64,
}

/// Lets it change, and waits until it is told.
pub async fn measure(setting: &Setting, hosts: &Hosts, which: Which) -> Result<Changed> {
    let Which { version, name, hosts: count, before } = which;
    let mut fleet = Fleet::of(setting).await?;
    let pictures = Hosts::prepare(count, version, before as u64 + 2)?;
    setting.process.reset_peak()?;
    let cpu = setting.process.cpu()?;
    let (stored, messages) = (hosts.tally.stored.times(), hosts.tally.bytes.times());
    hosts.tell(pictures);
    let all = stored + count as u64;
    let stored = hosts.tally.reached(|tally| &tally.stored, all, "pictures stored");
    let is_one = |told: &Told| {
        told.observed && told.report.findings.len() == before + 1 && members(told, name) == count
    };
    let (stored, found) =
        tokio::try_join!(stored, fleet.until("a change is told as one finding", is_one))?;
    let (told, found) = found;
    let cpu = setting.process.cpu()? - cpu;
    let most = setting.process.peak_memory()?;
    // Asked in other words, so that the answer is made anew.
    let look = fleet.drift(&format!("look!=change-{before}")).await?;
    ensure!(is_one(&look), "it is told otherwise: {}", look.report.summary.words);
    let messages = hosts.tally.bytes.times() - messages;
    Ok(Changed {
        hosts: count,
        stored,
        found,
        look: look.took,
        cpu,
        most,
        report: told.bytes,
        messages,
    })
}

/// On how many hosts this is told as changed.
fn members(told: &Told, name: &str) -> usize {
    let is_it = |finding: &&Finding| finding.name == name && finding.change == How::Changed;
    let found = told.report.findings.iter().filter(is_it);
    found.map(|finding| finding.hosts.len() + finding.hosts_left_out as usize).sum()
}
