//! The coordinator starts again on what it knows of every host.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tamer_tests::bench::{Setting, all_ready};

use crate::fleet::{Baseline, Fleet};
use crate::hosts::Hosts;
use crate::kept::{self, Kept};
use crate::tally::LIMIT;

/// What was measured; times are from the start of the process.
pub struct Restarted {
    /// Until an administrator had an answer, among all the hosts that dial.
    pub serving: Duration,
    /// Until every host is ready.
    pub ready: Duration,
    /// Until every host has told of its picture again, and that it is the one that is known was said.
    pub heard: Duration,
    /// Until a look says that everything is seen again.
    pub seen: Duration,
    /// CPU until then.
    pub cpu: Duration,
    /// Resident bytes then, and the most until then.
    pub memory: (u64, u64),
    /// Bytes of messages about inventories, both ways.
    pub messages: u64,
    /// Nodes that were sent.
    pub nodes: u64,
}

/// Stops the coordinator, looks at what it kept, starts it again, and waits until it says of every
/// host what it said before. Fails when the baseline is another.
pub async fn measure(
    setting: Setting,
    hosts: &mut Hosts,
    baseline: &Baseline,
) -> Result<(Setting, Restarted, Kept)> {
    let before = Fleet::of(&setting).await?.drift("").await?.report;
    let data = setting.folder().join("data");
    let stopped = setting.stop()?;
    let kept = kept::measure(&data).await?;
    let (messages, nodes) = (hosts.tally.bytes.times(), hosts.tally.nodes.times());
    let all = hosts.tally.stored.times() + hosts.len() as u64;
    let began = Instant::now();
    let setting = stopped.start().await?;
    let serving = began.elapsed();
    all_ready(&setting, hosts, LIMIT).await?;
    let ready = began.elapsed();
    hosts.tally.reached(|tally| &tally.stored, all, "pictures told again").await?;
    let heard = began.elapsed();
    let mut fleet = Fleet::of(&setting).await?;
    let (after, _) = fleet.until("every host is seen again", |told| told.observed).await?;
    let seen = began.elapsed();
    let is = fleet.baseline().await?;
    ensure!(is == *baseline, "the baseline was {baseline:?} and is {is:?}");
    let findings = |report: &tamer_drift::finding::Report| {
        let ids = report.findings.iter().map(|finding| (finding.id, finding.hosts.len()));
        ids.collect::<Vec<_>>()
    };
    let (was, is) = (findings(&before), findings(&after.report));
    ensure!(was == is, "other findings: {was:?} and {is:?}");
    let restarted = Restarted {
        serving,
        ready,
        heard,
        seen,
        cpu: setting.process.cpu()?,
        memory: (setting.process.memory()?, setting.process.peak_memory()?),
        messages: hosts.tally.bytes.times() - messages,
        nodes: hosts.tally.nodes.times() - nodes,
    };
    Ok((setting, restarted, kept))
}
