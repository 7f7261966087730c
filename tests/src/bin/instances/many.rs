//! One host with many instances: what it costs its agent, the wire and the coordinator, and what
//! coming back costs.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tamer_store::{EngineKind, Options, Prefix, Range, Revision, Store};
use tamer_tests::bench::{Coordinator, Process, RealAgent, median};

use crate::Args;
use crate::engine::{Engine, name};
use crate::fleet::{Fleet, settings};
use crate::proxy::Proxy;
use crate::table::{Row, Times, mib};

/// Changes that are measured.
const CHANGES: usize = 20;

pub async fn measure(args: &Args, engine: &mut Engine, rows: &mut Vec<Row>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, agent_data) = (folder.path().join("coordinator"), folder.path().join("agent"));
    std::fs::create_dir(&agent_data)?;
    let mut fleet = Fleet::start(&args.programs, &data).await?;
    let proxy = Proxy::start(fleet.coordinator.address).await?;
    let coordinator = Process(fleet.coordinator.pid());
    let before = coordinator.memory()?;
    let (began, sent) = (Instant::now(), proxy.sent());
    let who = ("many", agent_data.as_path());
    let settings = settings(&engine.endpoint());
    let agent =
        RealAgent::start(&args.programs, proxy.address, &mut fleet.control, who, &settings).await?;
    fleet.until_count(args.many).await?;
    let (first_took, first) = (began.elapsed(), proxy.sent() - sent);
    let whole = plain_list(engine)?;
    // Until what was used for the first list is given back, or is not.
    let idle = agent.process().cpu_share(Duration::from_secs(10)).await?;
    let memory = agent.process().memory()?;
    let held = coordinator.memory()?.saturating_sub(before);
    rows.push(
        Row::new(
            format!("agent with {} containers, resident", args.many),
            format!("{:.1} MiB (at most {:.1})", mib(memory), mib(agent.process().peak_memory()?)),
        )
        .aim("< 40 MiB"),
    );
    rows.push(Row::new("the same, CPU while idle", format!("{:.2} % of a core", idle * 100.0)));
    rows.push(
        Row::new(
            "first complete list, bytes on the wire with joining",
            format!(
                "{:.0} KiB, {:.1} s after the agent's start",
                kib(first),
                first_took.as_secs_f64()
            ),
        )
        .beside(format!("`GET /containers/json`: {:.0} KiB", kib(whole)))
        .ratio(first as f64 / whole as f64),
    );
    rows.push(
        Row::new(
            "coordinator, memory for 1,000 instances",
            format!("{:.2} MiB", mib(held) * 1000.0 / args.many as f64),
        )
        .beside(format!(
            "{:.1} MiB before, {:.1} with all",
            mib(before),
            mib(before + held)
        )),
    );
    changes(engine, &mut fleet, &proxy, rows).await?;
    come_back(args, engine, fleet, &data, rows).await
}

/// One change among many: its bytes and how long until the fleet shows it.
async fn changes(
    engine: &mut Engine,
    fleet: &mut Fleet,
    proxy: &Proxy,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let mut bytes = Vec::new();
    let mut times = Times::new();
    for number in 0..CHANGES {
        let renamed = format!("renamed-{number}");
        let sent = proxy.sent();
        engine.api.post(&format!("containers/{}/rename?name={renamed}", name(number)), None)?;
        let began = Instant::now();
        fleet.until_state(&renamed, "creating").await?;
        times.add(began.elapsed());
        bytes.push((proxy.sent() - sent) as f64);
    }
    rows.push(
        Row::new("one change among them, bytes on the wire", format!("p50 {:.0} B", median(bytes)))
            .aim("< 1 KiB"),
    );
    rows.push(Row::new("the same, until the fleet shows it", times.shown()));
    Ok(())
}

/// Stops the coordinator, starts it again, lets the agent come back, and looks into the store for
/// what that wrote.
async fn come_back(
    args: &Args,
    engine: &mut Engine,
    fleet: Fleet,
    data: &Path,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let Fleet { programs, coordinator, control } = fleet;
    drop(control);
    let address = coordinator.address.to_string();
    coordinator.stop()?;
    let (from, ..) = written(data, Revision::ZERO).await?;
    let coordinator = Coordinator::start_at(&programs, data, &address)?;
    let mut fleet = Fleet::of(&programs, coordinator).await?;
    // A session tells its list before its changes, so one change that is seen says that all of the
    // list was taken in.
    let mark = name(args.many - 1);
    engine.api.post(&format!("containers/{mark}/rename?name=mark"), None)?;
    fleet.until_state("mark", "creating").await?;
    let Fleet { coordinator, control, .. } = fleet;
    drop(control);
    coordinator.stop()?;
    let (to, instances, others) = written(data, from).await?;
    ensure!(instances >= 1, "the change that was asked for was not written");
    rows.push(
        Row::new(
            format!("coming back with {} unchanged instances, records of them written", args.many),
            format!("{} (of other things {others}; commits {})", instances - 1, to.0 - from.0 - 1),
        )
        .aim("0"),
    );
    Ok(())
}

/// The store's revision, and how many records of instances and of other things are newer than
/// `since`.
async fn written(data: &Path, since: Revision) -> Result<(Revision, usize, usize)> {
    let store = Store::open(Options::new(data.join("store"), EngineKind::Sled)).await?;
    let revision = store.revision().await?;
    let instances = Prefix::new("fleet/instance/")?;
    let (mut newer, mut others) = (0, 0);
    let mut next = Some(Range::everything());
    while let Some(range) = next {
        let page = store.range(range).await?;
        for entry in page.entries.iter().filter(|entry| entry.modified > since) {
            match instances.contains(&entry.key) {
                true => newer += 1,
                false => others += 1,
            }
        }
        next = page.next;
    }
    store.close().await;
    Ok((revision, newer, others))
}

fn plain_list(engine: &mut Engine) -> Result<u64> {
    Ok(engine.api.get("containers/json?all=1")?.len() as u64)
}

fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
