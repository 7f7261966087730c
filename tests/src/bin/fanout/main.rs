//! `cargo xtask bench fanout --agents N`: how fast one coordinator reaches many agents, and what
//! each costs it, beside the physical floor measured in the same run.
//!
//! The agents are slim: N real sessions in this process, each with its own key, certificate and TLS
//! connection, that answer a task at once instead of spawning anything; what spawning would cost is
//! the floor's line. The coordinator and `tamerctl` are the real release programs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod floor;
mod probe;
mod slim;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use hdrhistogram::Histogram;
use tamer_proto::wire;
use tamer_proto::wire::batch_event::Event;
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::{Coordinator, Process, machine, median};
use tonic::transport::Channel;

#[derive(Parser)]
#[command(about = "Fan out a no-op to many agents, and print what it took")]
struct Args {
    /// How many agents
    #[arg(long, default_value_t = 1000)]
    agents: usize,
    /// How many times the no-op is run
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Where the programs are; beside this one unless told
    #[arg(long)]
    programs: Option<PathBuf>,
}

fn main() -> Result<()> {
    tamer_certs::install_crypto();
    nix::sys::resource::setrlimit(
        nix::sys::resource::Resource::RLIMIT_NOFILE,
        nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)?.1,
        nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)?.1,
    )?;
    let args = Args::parse();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(bench(args))
}

async fn bench(args: Args) -> Result<()> {
    let beside = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
    let programs = args.programs.unwrap_or(beside);
    let machine = machine()?;
    println!("# {machine}, {} agents, {} runs\n", args.agents, args.runs);
    let floor = floor::measure()?;
    let dir = tempfile::tempdir()?;
    let coordinator = Coordinator::start(&programs, dir.path())?;
    let process = Process(coordinator.pid());
    let before = process.memory()?;
    let mut control = ControlClient::new(coordinator.as_admin().await?);

    let joining = Instant::now();
    let fleet = slim::join(&coordinator, &mut control, args.agents).await?;
    let joined = joining.elapsed();
    eprintln!("{} agents joined in {joined:.1?}", args.agents);
    let after = process.memory()?;

    let idle = process.cpu_share(Duration::from_secs(6)).await?;
    let mut tasks = Histogram::<u64>::new(3)?;
    let mut last = Histogram::<u64>::new(3)?;
    let (cpu, own) = (process.cpu()?, Process(std::process::id()).cpu()?);
    for _ in 0..args.runs {
        last.record(run_once(&mut control, args.agents, &mut tasks).await?.as_micros() as u64)?;
    }
    let runs = args.runs as f64;
    let per_run = |from: Duration, to: Duration| (to - from).as_secs_f64() * 1e3 / runs;
    let cpu = per_run(cpu, process.cpu()?);
    let own = per_run(own, Process(std::process::id()).cpu()?);
    let ms = |h: &Histogram<u64>, q: f64| h.value_at_quantile(q) as f64 / 1e3;
    eprintln!(
        "{} runs: p99 {:.1} ms, {:.1} KiB a session, {cpu:.0} ms of CPU",
        args.runs,
        ms(&tasks, 0.99),
        (after.saturating_sub(before)) as f64 / 1024.0 / args.agents as f64
    );
    let command = wall_of_run(&programs, &coordinator.context, args.agents)?;
    let status = wall_of_status(&programs, &coordinator.context)?;
    drop(fleet);
    let agent = probe::idle_agent(&programs, &coordinator, &mut control).await?;

    println!("| what | figure | aim |\n| --- | --- | --- |");
    println!("| floor: TLS 1.3 echo of 128 B, round trip | p50 {:.0} µs | |", floor.echo_us);
    println!(
        "| floor: {} such round trips, all at once | {:.1} ms | |",
        args.agents,
        floor.fan_ms(args.agents)
    );
    println!("| floor: fork and exec of `true` | p50 {:.0} µs | |", floor.spawn_us);
    println!(
        "| join from nothing, {} agents | {:.1} s ({:.0}/s) | 2,000 in 30 s |",
        args.agents,
        joined.as_secs_f64(),
        args.agents as f64 / joined.as_secs_f64()
    );
    println!(
        "| a task, from the request to its stored result | p50 {:.1} ms, p99 {:.1} ms | p99 < 150 ms at 1,000 |",
        ms(&tasks, 0.5),
        ms(&tasks, 0.99)
    );
    println!(
        "| the last result | p50 {:.1} ms, max {:.1} ms | |",
        ms(&last, 0.5),
        last.max() as f64 / 1e3
    );
    println!("| `tamerctl run`, whole command | p50 {:.0} ms | |", command);
    println!(
        "| coordinator, memory a session | {:.1} KiB ({:.1} MiB before, {:.1} MiB with all) | < 40 KiB |",
        (after.saturating_sub(before)) as f64 / 1024.0 / args.agents as f64,
        before as f64 / 1048576.0,
        after as f64 / 1048576.0
    );
    println!(
        "| coordinator, CPU a run | {cpu:.0} ms ({:.0} µs a task); slim agents and watcher {own:.0} ms | |",
        cpu * 1e3 / args.agents as f64
    );
    println!("| coordinator, CPU while idle | {:.2} % of a core | |", idle * 100.0);
    println!("| `tamerctl status` | p50 {status:.1} ms | < 30 ms |");
    println!(
        "| a real agent, idle | {:.1} MiB resident, {:.3} % of a core | < 15 MiB, 0.1 % |",
        agent.0 as f64 / 1048576.0,
        agent.1 * 100.0
    );
    Ok(())
}

/// One no-op on all agents: notes how long each task took from the request on, and returns when the
/// last result was there.
async fn run_once(
    control: &mut ControlClient<Channel>,
    agents: usize,
    tasks: &mut Histogram<u64>,
) -> Result<Duration> {
    let began = Instant::now();
    let command = wire::CommandSpec { argv: vec!["true".into()], ..Default::default() };
    let mut id = [0; 16];
    getrandom::fill(&mut id).ok().context("random bytes")?;
    let request = wire::CreateBatchRequest {
        command: Some(command),
        request_id: u128::from_be_bytes(id).to_string(),
        ..Default::default()
    };
    let batch = control.create_batch(request).await?.into_inner();
    let watch = wire::WatchBatchRequest { id: batch.id, output: false };
    let mut events = control.watch_batch(watch).await?.into_inner();
    let mut ended = std::collections::HashSet::new();
    let mut last = Duration::ZERO;
    while let Some(event) = events.message().await? {
        if let Some(Event::Task(task)) = event.event
            && let Some(end) = &task.end
        {
            ensure!(
                end.outcome() == wire::Outcome::Succeeded,
                "{} ended as {}",
                task.name,
                task.state
            );
            if ended.insert(task.host) {
                last = began.elapsed();
                tasks.record(last.as_micros() as u64)?;
            }
        }
    }
    ensure!(ended.len() == agents, "{} of {agents} answered", ended.len());
    Ok(last)
}

fn wall_of_run(
    programs: &std::path::Path,
    context: &std::path::Path,
    agents: usize,
) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let done = Command::new(programs.join("tamerctl"))
            .env("TAMER_CONFIG", context)
            .args(["run", "-o", "json", "--", "true"])
            .output()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(
            done.status.success(),
            "tamerctl run failed: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        let told: serde_json::Value = serde_json::from_slice(&done.stdout)?;
        ensure!(
            told["tasks"].as_array().is_some_and(|tasks| tasks.len() == agents),
            "not all tasks were told"
        );
    }
    Ok(median(times))
}

fn wall_of_status(programs: &std::path::Path, context: &std::path::Path) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        let done = Command::new(programs.join("tamerctl"))
            .env("TAMER_CONFIG", context)
            .args(["status", "-o", "json"])
            .output()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(
            done.status.success(),
            "tamerctl status failed: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok(median(times))
}
