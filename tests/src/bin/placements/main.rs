//! `cargo xtask bench scheduler`, its second part: how fast a whole fleet places copies, replaces
//! them and finds them again, beside the floor measured in the same run.
//!
//! The hosts are slim: real sessions in this process, each with its own key, certificate and TLS
//! connection, that say of placements what a real agent says, at its pace, and run nothing. The
//! coordinator, on its durable store, and `tamerctl` are the real programs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod drain;
mod fleet;
mod floor;
mod held;
mod hosts;
mod lost;
mod place;
mod restart;
mod session;
mod table;
mod tally;
mod walls;
mod wanted;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use tamer_tests::bench::{Setting, machine, raise_file_limit};

use crate::table::Figures;

#[derive(Parser)]
#[command(about = "Place copies on many hosts, replace them, find them again; print what it took")]
struct Args {
    /// How many hosts
    #[arg(long, default_value_t = 5000)]
    hosts: usize,
    /// How many copies the measured file wants
    #[arg(long, default_value_t = 25_000)]
    copies: usize,
    /// How many there are when the coordinator is started again
    #[arg(long, default_value_t = 100_000)]
    all: usize,
    /// How many hosts are drained
    #[arg(long, default_value_t = 100)]
    drain: usize,
    /// Where the programs are; beside this one unless told
    #[arg(long)]
    programs: Option<PathBuf>,
}

fn main() -> Result<()> {
    tamer_certs::install_crypto();
    let args = Args::parse();
    let Args { hosts, copies, all, drain, .. } = args;
    ensure!(all > copies, "--all must be more than --copies");
    ensure!(drain < hosts, "--drain must be less than --hosts");
    // Copies without a host would be waited for until the limit.
    let room = wanted::room(hosts - drain);
    ensure!(all <= room, "--all must be at most {room}: the hosts left have no room for more");
    raise_file_limit(hosts)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(bench(args))
}

async fn bench(args: Args) -> Result<()> {
    let Args { hosts: count, copies, all, drain, programs } = args;
    let beside = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
    let programs = programs.unwrap_or(beside);
    println!("# {}, {count} hosts\n", machine()?);
    let began = Instant::now();
    let done = |what: &str| eprintln!("{what} after {:.1?}", began.elapsed());
    let setting = Setting::start(&programs).await?;
    let empty = setting.process.memory()?;
    let floor = floor::measure(setting.folder()).await?;
    let mut hosts = hosts::join(&setting, count).await?;
    done("hosts joined");

    let specs = wanted::file("shop", copies)?;
    let placed = place::measure(&setting, &hosts, &specs, (copies, 0)).await?;
    done("copies placed");
    let walls = walls::measure(&setting, &programs, &specs)?;
    let lost = lost::measure(&setting, &hosts, copies).await?;
    done("a host was lost and came back");
    let drained = drain::measure(&setting, &hosts, drain, copies).await?;
    done("hosts drained");
    let more = wanted::file("more", all - copies)?;
    let rest = place::measure(&setting, &hosts, &more, (all - copies, copies)).await?;
    done("the rest placed");
    let most = setting.process.peak_memory()?;
    let (setting, restarted) = restart::measure(setting, &hosts, all).await?;
    done("the coordinator was started again");
    hosts.check()?;

    let joined_in = hosts.joined_in;
    drop(hosts);
    drop(setting);
    let figures = Figures {
        hosts: count,
        floor,
        joined_in,
        empty,
        placed,
        walls,
        lost,
        drained,
        rest,
        restarted,
        most,
    };
    figures.print();
    Ok(())
}
