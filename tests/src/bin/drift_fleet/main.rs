//! `cargo xtask bench drift`, its second part: what it costs a whole fleet to know what is different.
//!
//! The hosts are slim: real sessions in this process, each with its own key, certificate and TLS
//! connection, that tell of their inventories what a real agent tells, at its pace. The coordinator,
//! on its durable store, is the real program. Beside it the floor: the same hosts' heartbeats before
//! any of them told of an inventory, and a bare comparison of as many digests.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod change;
mod first;
mod fleet;
mod floor;
mod hosts;
mod kept;
mod look;
mod picture;
mod restart;
mod session;
mod still;
mod table;
mod tally;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use tamer_tests::bench::{Setting, machine, raise_file_limit};

use crate::change::Which;
use crate::picture::{LIBC, OPENSSL, SYSCTL, Version};
use crate::table::Figures;

#[derive(Parser)]
#[command(about = "Let many hosts tell what they hold, change some of it; print what it took")]
struct Args {
    /// How many hosts
    #[arg(long, default_value_t = 10_000)]
    hosts: usize,
    /// On how many of them the same thing changes
    #[arg(long, default_value_t = 212)]
    some: usize,
    /// How many heartbeats of a host are counted where nothing changes
    #[arg(long, default_value_t = 10)]
    beats: u32,
    /// Where the programs are; beside this one unless told
    #[arg(long)]
    programs: Option<PathBuf>,
}

fn main() -> Result<()> {
    tamer_certs::install_crypto();
    let args = Args::parse();
    ensure!(args.some > 1 && args.some < args.hosts, "--some must be less than --hosts");
    raise_file_limit(args.hosts)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(bench(args))
}

async fn bench(args: Args) -> Result<()> {
    let Args { hosts: count, some, beats, programs } = args;
    let beside = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
    let programs = programs.unwrap_or(beside);
    println!("# {}, {count} hosts\n", machine()?);
    let began = Instant::now();
    let done = |what: &str| eprintln!("{what} after {:.1?}", began.elapsed());
    let setting = Setting::start(&programs).await?;
    let mut hosts = hosts::join(&setting, count).await?;
    done("hosts joined");

    let bare = still::measure(&setting, &hosts, beats).await?;
    done("heartbeats without inventories counted");
    let first = first::measure(&setting, &hosts).await?;
    done("first pictures stored");
    let (baseline, same) = look::measure(&setting, count).await?;
    done("nothing found");
    let still = still::measure(&setting, &hosts, beats).await?;
    done("heartbeats with inventories counted");
    let version = Version { sysctl: 1, ..Version::default() };
    let which = Which { version, name: SYSCTL, hosts: 1, before: 0 };
    let one = change::measure(&setting, &hosts, which).await?;
    let version = Version { openssl: some, ..version };
    let which = Which { version, name: OPENSSL, hosts: some, before: 1 };
    let few = change::measure(&setting, &hosts, which).await?;
    done("changes found");
    let version = Version { libc: count, ..version };
    let which = Which { version, name: LIBC, hosts: count, before: 2 };
    let all = change::measure(&setting, &hosts, which).await?;
    done("the same change found everywhere");
    let (setting, restarted, kept) = restart::measure(setting, &mut hosts, &baseline).await?;
    done("the coordinator was started again");
    hosts.check()?;

    let joined_in = hosts.joined_in;
    drop(hosts);
    drop(setting);
    let floor = floor::measure(count);
    let figures = Figures {
        hosts: count,
        joined_in,
        floor,
        bare,
        first,
        same,
        still,
        one,
        few,
        all,
        restarted,
        kept,
    };
    figures.print();
    Ok(())
}
