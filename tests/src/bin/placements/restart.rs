//! The coordinator starts again on many placements.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tamer_proto::wire;
use tamer_tests::bench::Setting;

use crate::fleet::Fleet;
use crate::hosts::Hosts;
use crate::tally::LIMIT;

/// What was measured.
pub struct Restarted {
    pub copies: usize,
    /// From the start of the process until it said that it serves.
    pub ready: Duration,
    /// Until an administrator had an answer, among all the hosts that dial.
    pub serving: Duration,
    /// From there until the last host has heard its whole list.
    pub confirmed: Duration,
    /// Until every host is ready and every copy counts as running.
    pub settled: Duration,
    /// CPU from the start on.
    pub cpu: Duration,
    /// Resident bytes after.
    pub memory: u64,
}

/// Stops the coordinator, starts it again, and waits until every host is back. Fails when a copy
/// was touched.
pub async fn measure(
    setting: Setting,
    hosts: &Hosts,
    copies: usize,
) -> Result<(Setting, Restarted)> {
    let before = Fleet::of(&setting).await?.copies().await?;
    ensure!(before.len() == copies, "{} copies of {copies}", before.len());
    let stopped = setting.stop()?;
    hosts.tally.begin();
    let began = Instant::now();
    let setting = stopped.start().await?;
    let serving = began.elapsed();
    let mut fleet = Fleet::of(&setting).await?;
    let confirmed = hosts.tally.lists.reached(hosts.len(), "lists heard").await;
    confirmed.with_context(|| format!("of {} hosts", hosts.len()))?;
    let confirmed = began.elapsed() - serving;
    all_ready(&setting, hosts.len()).await?;
    fleet.settled(copies).await?;
    let settled = began.elapsed();
    let after = fleet.copies().await?;
    let changed = before.iter().filter(|(id, copy)| after.get(*id) != Some(*copy)).count();
    ensure!(changed == 0 && after.len() == copies, "{changed} of {copies} copies changed");
    let tally = &hosts.tally;
    let told =
        [&tally.put, &tally.again, &tally.stopped, &tally.missing].map(|count| count.times());
    ensure!(told == [0; 4], "hosts were told to touch copies: {told:?}");
    ensure!(tally.kept.times() >= copies, "{} of {copies} were kept", tally.kept.times());
    let ready = setting.ready_in;
    let (cpu, memory) = (setting.process.cpu()?, setting.process.memory()?);
    Ok((setting, Restarted { copies, ready, serving, confirmed, settled, cpu, memory }))
}

async fn all_ready(setting: &Setting, hosts: usize) -> Result<()> {
    let mut control = setting.control.clone();
    let limit = Instant::now() + LIMIT;
    loop {
        let ready = control.get_status(wire::GetStatusRequest {}).await?.into_inner().ready;
        if ready as usize == hosts {
            return Ok(());
        }
        ensure!(Instant::now() < limit, "{ready} of {hosts} hosts came back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
