//! A host that is lost, and comes back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tamer_proto::wire;
use tamer_tests::bench::Setting;

use crate::fleet::Fleet;
use crate::hosts::{Hosts, name};
use crate::tally::LIMIT;

/// What was measured.
pub struct Lost {
    /// How many copies the host had.
    pub copies: usize,
    /// From its end until it counted as lost.
    pub silent: Duration,
    /// From then until the last replacement was with another host, in milliseconds.
    pub replaced_ms: f64,
    /// From its return until each copy was there once.
    pub returned: Duration,
}

/// Cuts the host with the most copies off, of a fleet of `copies` copies, and lets it come back.
pub async fn measure(setting: &Setting, hosts: &Hosts, copies: usize) -> Result<Lost> {
    let mut fleet = Fleet::of(setting).await?;
    let before = fleet.copies().await?;
    let mut on_hosts = BTreeMap::<&str, usize>::new();
    before.values().for_each(|copy| *on_hosts.entry(&copy.host_name).or_default() += 1);
    let on = |host: &str| on_hosts.get(host).copied().unwrap_or_default();
    let all = (0..hosts.len()).map(|number| (number, on(&name(number))));
    let Some((number, had)) = all.max_by_key(|(_, had)| *had).filter(|(_, had)| *had > 0) else {
        bail!("no host has a copy")
    };
    let began = hosts.tally.begin();
    hosts.cut(number, true)?;
    let since = lost_since(setting, &name(number)).await?;
    let replaced = hosts.tally.put.reached(had, "copies of the lost host replaced").await?;
    let replaced_ms = hosts.tally.wall(replaced) - since as f64;
    ensure!(hosts.tally.put.times() == had, "{} copies for {had}", hosts.tally.put.times());

    let back = Instant::now();
    hosts.cut(number, false)?;
    // What it still runs is there twice, until it is told to stop it.
    hosts.tally.ended.reached(had, "duplicates gone").await?;
    fleet.settled(copies).await?;
    let returned = back.elapsed();
    let after = fleet.copies().await?;
    ensure!(after.len() == copies, "{} copies of {copies} after its return", after.len());
    Ok(Lost {
        copies: had,
        silent: Duration::from_secs_f64((since as f64 - hosts.tally.wall(began)).max(0.0) / 1e3),
        replaced_ms,
        returned,
    })
}

/// Since when the host is lost, in milliseconds since 1970.
async fn lost_since(setting: &Setting, name: &str) -> Result<u64> {
    let mut control = setting.control.clone();
    let limit = Instant::now() + LIMIT;
    loop {
        let request = wire::ListHostsRequest { name: name.to_owned(), ..Default::default() };
        let hosts = control.list_hosts(request).await?.into_inner().hosts;
        if let Some(host) = hosts.iter().find(|host| host.state == "lost") {
            return Ok(host.state_since);
        }
        ensure!(Instant::now() < limit, "{name} is not lost: {hosts:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
