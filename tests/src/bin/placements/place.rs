//! A file that wants many copies, from the request until all of them run.

use std::time::Duration;

use anyhow::{Result, ensure};
use tamer_model::WorkloadSpec;
use tamer_tests::bench::Setting;

use crate::fleet::Fleet;
use crate::hosts::Hosts;

/// What was measured; times are from the request.
pub struct Placed {
    pub copies: usize,
    /// Until the answer: the file is stored.
    pub applied: Duration,
    /// Until the coordinator showed the last copy as placed, which it does when that is stored.
    pub stored: Duration,
    /// Until the last host had its order.
    pub handed: Duration,
    /// Until the last copy was stored as running.
    pub running: Duration,
    /// The coordinator's CPU.
    pub cpu: Duration,
    /// Its resident memory in bytes, before and after.
    pub memory: (u64, u64),
    /// Bytes to hosts and from them.
    pub bytes: (u64, u64),
}

/// Applies a file of `copies` copies to a fleet that has `others`.
pub async fn measure(
    setting: &Setting,
    hosts: &Hosts,
    specs: &[WorkloadSpec],
    (copies, others): (usize, usize),
) -> Result<Placed> {
    let mut fleet = Fleet::of(setting).await?;
    let mut caller = fleet.clone();
    let (cpu, memory) = (setting.process.cpu()?, setting.process.memory()?);
    let asked = hosts.tally.begin();
    let all = (copies + others) as u32;
    let apply = async {
        caller.apply(specs).await?;
        anyhow::Ok(hosts.tally.now())
    };
    let look = async {
        fleet
            .until("copies are placed", |counts| {
                let elsewhere = counts.failed + counts.unknown + counts.completed;
                counts.running + counts.starting + elsewhere >= all
            })
            .await?;
        let stored = hosts.tally.now();
        fleet.settled(copies + others).await?;
        anyhow::Ok((stored, hosts.tally.now()))
    };
    let handed = hosts.tally.put.reached(copies, "copies handed over");
    let (applied, (stored, running), handed) = tokio::try_join!(apply, look, handed)?;
    let again = hosts.tally.again.times();
    ensure!(again == 0 && hosts.tally.put.times() == copies, "{again} copies were told twice");
    Ok(Placed {
        copies,
        applied: applied - asked,
        // The counts are looked at now and then; an order is only sent when its copy is stored.
        stored: stored.min(handed) - asked,
        handed: handed - asked,
        running: running - asked,
        cpu: setting.process.cpu()? - cpu,
        memory: (memory, setting.process.memory()?),
        bytes: hosts.tally.bytes(),
    })
}
