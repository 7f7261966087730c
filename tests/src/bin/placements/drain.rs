//! Hosts that are cordoned and drained at once.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use tamer_proto::wire;
use tamer_tests::bench::Setting;

use crate::fleet::Fleet;
use crate::hosts::{Hosts, name};

/// What was measured.
pub struct Drained {
    pub hosts: usize,
    /// How many copies were on them.
    pub copies: usize,
    /// From the first request until the last copy was told as gone.
    pub stopped: Duration,
    /// From there until the last host had the last replacement; none when that was earlier.
    pub replaced: Duration,
    /// From the first request until all copies were stored as running.
    pub running: Duration,
}

/// Drains the first `n` hosts, of a fleet of `copies` copies.
pub async fn measure(setting: &Setting, hosts: &Hosts, n: usize, copies: usize) -> Result<Drained> {
    let mut fleet = Fleet::of(setting).await?;
    let mut on_hosts = BTreeMap::<String, usize>::new();
    for copy in fleet.copies().await?.into_values() {
        *on_hosts.entry(copy.host_name).or_default() += 1;
    }
    let drained: Vec<_> = (0..n).map(name).collect();
    let moved = drained.iter().filter_map(|host| on_hosts.get(host)).sum();
    let began = hosts.tally.begin();
    // As the guide says: else a copy may go to a host that is drained a moment later.
    let cordons = drained.iter().map(|host| {
        let mut control = setting.control.clone();
        let (host, reason) = (host.clone(), String::new());
        let request = wire::CordonHostRequest { host, cordoned: true, reason };
        async move { control.cordon_host(request).await }
    });
    try_join_all(cordons).await?;
    let requests = drained.iter().map(|host| {
        let mut fleet = fleet.clone();
        async move { fleet.drain(host.clone()).await.with_context(|| format!("drain {host}")) }
    });
    try_join_all(requests).await?;
    let stopped = hosts.tally.ended.reached(moved, "copies gone").await?;
    let replaced = hosts.tally.put.reached(moved, "copies replaced").await?;
    fleet.settled(copies).await?;
    let running = hosts.tally.now();
    let after = fleet.copies().await?;
    let left = after.values().filter(|copy| drained.contains(&copy.host_name)).count();
    ensure!(left == 0, "{left} copies are left on hosts that were drained");
    ensure!(hosts.tally.put.times() == moved, "{} copies moved", hosts.tally.put.times());
    Ok(Drained {
        hosts: n,
        copies: moved,
        stopped: stopped.saturating_sub(began),
        replaced: replaced.saturating_sub(stopped),
        running: running.saturating_sub(began),
    })
}
