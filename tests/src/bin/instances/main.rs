//! `cargo xtask bench instances`: what instances cost, beside a real Docker Engine in the same run.
//!
//! The engine, the coordinator, the agent and the two commands are the real programs. Where only
//! the coordinator is measured its hosts are slim: real sessions in this process.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod api;
mod engine;
mod fleet;
mod listing;
mod logs;
mod many;
mod orders;
mod proxy;
mod slim;
mod table;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use tamer_tests::bench::machine;

use crate::engine::Engine;
use crate::orders::One;

#[derive(Parser)]
#[command(about = "Measure instances beside a real Docker Engine, and print what they cost")]
struct Arguments {
    /// How many hosts the list is over
    #[arg(long, default_value_t = 10)]
    hosts: usize,
    /// How many containers each of them has
    #[arg(long, default_value_t = 100)]
    each: usize,
    /// How many times each thing is done
    #[arg(long, default_value_t = 30)]
    runs: usize,
    /// How long the log is, in megabytes
    #[arg(long, default_value_t = 100)]
    log_mb: u64,
    /// How many containers the one big host has
    #[arg(long, default_value_t = 5000)]
    many: usize,
    /// Only these parts: list, orders, logs, many
    #[arg(long, value_delimiter = ',', default_value = "list,orders,logs,many")]
    only: Vec<String>,
    /// The Docker command
    #[arg(long, default_value = "docker")]
    docker: PathBuf,
    /// Where the programs are; beside this one unless told
    #[arg(long)]
    programs: Option<PathBuf>,
}

/// The arguments, as the parts read them.
struct Args {
    hosts: usize,
    each: usize,
    runs: usize,
    log_mb: u64,
    many: usize,
    programs: PathBuf,
}

fn main() -> Result<()> {
    tamer_certs::install_crypto();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // What is measured runs on this thread, and may block it; sessions run on the two workers.
    runtime.block_on(bench(Arguments::parse()))
}

async fn bench(arguments: Arguments) -> Result<()> {
    let Arguments { hosts, each, runs, log_mb, many, only, docker, programs } = arguments;
    let beside = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
    let programs = programs.unwrap_or(beside);
    let args = Args { hosts, each, runs, log_mb, many, programs };
    let machine = machine()?;
    let began = Instant::now();
    let wants = |part: &str| only.iter().any(|only| only == part);
    let mut rows = Vec::new();

    // A short path: it has to hold a socket.
    let folder = tempfile::Builder::new().prefix("tb").tempdir_in("/tmp")?;
    let mut engine = Engine::start(folder.path(), docker)?;
    println!("# {machine}; {}; {runs} runs\n", engine.versions()?);
    if wants("orders") || wants("logs") {
        let mut one = One::start(&args, &engine).await?;
        if wants("orders") {
            let done = orders::measure(&args, &mut engine, &mut one, &mut rows).await;
            done.with_context(|| one.agent.log())?;
            eprintln!("orders: done after {:.0?}", began.elapsed());
        }
        if wants("logs") {
            let done = logs::measure(&args, &mut engine, &mut one, &mut rows).await;
            done.with_context(|| one.agent.log())?;
            let done = logs::output(&args, &mut engine, &mut one, &mut rows).await;
            done.with_context(|| one.agent.log())?;
            eprintln!("logs: done after {:.0?}", began.elapsed());
        }
    }
    if wants("list") {
        engine.fill(0, hosts * each)?;
        listing::measure(&args, &mut engine, &mut rows).await?;
        eprintln!("list: done after {:.0?}", began.elapsed());
    }
    if wants("many") {
        engine.fill(if wants("list") { hosts * each } else { 0 }, many)?;
        eprintln!("{many} containers made after {:.0?}", began.elapsed());
        many::measure(&args, &mut engine, &mut rows).await?;
    }

    println!("| measure | ours | the peer or floor | ratio | aim |");
    println!("| --- | --- | --- | --- | --- |");
    rows.iter().for_each(table::Row::print);
    drop(engine);
    folder.close()?;
    eprintln!("everything stopped and removed after {:.0?}", began.elapsed());
    Ok(())
}
