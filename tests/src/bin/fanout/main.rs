//! `cargo xtask bench fanout --agents N`: how fast one coordinator reaches many agents, and what
//! each costs it, beside the physical floor measured in the same run.
//!
//! The agents are slim: N real sessions in this process, each with its own key, certificate and TLS
//! connection, that do what a command says at once instead of spawning anything; what spawning
//! would cost is the floor's line. The coordinator and `tamerctl` are the real release programs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod batch;
mod floor;
mod live;
mod probe;
mod session;
mod slim;
mod table;
mod tally;
mod walls;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use tamer_tests::bench::{Setting, machine, raise_file_limit};

use crate::batch::Kind;
use crate::table::{Figures, Memory};

#[derive(Parser)]
#[command(about = "Fan out to many agents, and print what it took")]
struct Args {
    /// How many agents
    #[arg(long, default_value_t = 1000)]
    agents: usize,
    /// How many times each kind of batch is run
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// How many of the agents write live; 0 leaves that part out
    #[arg(long, default_value_t = 100)]
    live: usize,
    /// Lines a second that each of these writes
    #[arg(long, default_value_t = 1000)]
    lines: u64,
    /// For how many seconds they do
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Leave out the part that measures a real agent at rest, which takes 25 seconds
    #[arg(long)]
    no_real_agent: bool,
    /// Where the programs are; beside this one unless told
    #[arg(long)]
    programs: Option<PathBuf>,
}

fn main() -> Result<()> {
    tamer_certs::install_crypto();
    let args = Args::parse();
    raise_file_limit(args.agents)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(bench(args))
}

async fn bench(args: Args) -> Result<()> {
    let beside = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
    let programs = args.programs.clone().unwrap_or(beside);
    println!("# {}, {} agents, {} runs\n", machine()?, args.agents, args.runs);
    let floor = floor::measure()?;
    let setting = Setting::start(&programs).await?;
    let mut control = setting.control.clone();
    let before = setting.process.memory()?;

    let fleet = slim::join(&setting, args.agents, args.live.min(args.agents)).await?;
    eprintln!("{} agents joined in {:.1?}", args.agents, fleet.joined_in);
    let joined = setting.process.memory()?;
    let idle = setting.process.cpu_share(Duration::from_secs(6)).await?;

    let mut batches = Vec::new();
    for kind in Kind::ALL {
        let measured = batch::measure(&setting, &fleet.tally, kind, args.agents, args.runs).await?;
        eprintln!("{measured}");
        batches.push(measured);
    }
    let after = setting.process.memory()?;
    let mut lives = Vec::new();
    for watchers in [1, 2].into_iter().filter(|_| args.live > 0) {
        let how = live::How { watchers, lines: args.lines, seconds: args.seconds };
        let measured = live::measure(&setting, &fleet, how).await?;
        eprintln!("{measured}");
        lives.push(measured);
    }
    // Nobody releases what is held from here on.
    fleet.tally.begin(false);
    let run = walls::run(&programs, setting.context(), args.agents)?;
    let status = walls::status(&programs, setting.context())?;
    let memory = Memory { before, joined, after, most: setting.process.peak_memory()? };
    let joined_in = fleet.joined_in;
    drop(fleet);
    let agent = if args.no_real_agent {
        None
    } else {
        Some(probe::idle_agent(&programs, &setting.coordinator, &mut control).await?)
    };
    let agents = args.agents;
    Figures { agents, floor, joined_in, batches, lives, run, status, memory, idle, agent }.print();
    Ok(())
}
