//! `cargo xtask bench batch`: a command on every machine as a person runs it, with real agents,
//! beside the floor of this machine and, with `--peers`, beside Salt, Ansible and ssh.
//!
//! All are up at once and take turns, so that whatever the machine does to one it does to all. Every
//! "machine" is on the loopback and shares these cores; compare ratios.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod ansible;
mod contest;
mod floor;
mod ours;
mod salt;
mod ssh;
mod venv;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use tamer_tests::bench::machine;

use crate::contest::{Contest, Contestant};

#[derive(Parser)]
#[command(about = "Run `true` on every host, ours and others', and print what it took")]
struct Args {
    /// How many hosts; several are measured one after the other
    #[arg(long, value_delimiter = ',', default_value = "25,50")]
    hosts: Vec<usize>,
    /// How many times each of them runs it
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Also measure Salt, Ansible and ssh
    #[arg(long)]
    peers: bool,
    /// Where the peers were installed
    #[arg(long, env = "TAMER_PEERS")]
    peers_folder: Option<PathBuf>,
    /// Where the programs are; beside this one unless told
    #[arg(long)]
    programs: Option<PathBuf>,
}

fn main() -> Result<()> {
    tamer_certs::install_crypto();
    let args = Args::parse();
    let beside = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
    let programs = args.programs.clone().unwrap_or(beside);
    println!("# {}, {} runs each, in turns", machine()?, args.runs);
    for hosts in &args.hosts {
        let scratch = tempfile::tempdir()?;
        let mut contest = Contest::new(*hosts);
        contest.enter(floor::Floor::start(*hosts)?);
        for ours in ours::start(&programs, scratch.path(), *hosts)? {
            contest.enter(ours);
        }
        if args.peers {
            let folder = args.peers_folder.as_deref().context(
                "where are the peers? `cargo xtask bench batch --peers` installs them and says",
            )?;
            for (name, started) in peers(folder, scratch.path(), *hosts) {
                match started {
                    Ok(peers) => peers.into_iter().for_each(|peer| contest.enter(peer)),
                    Err(error) => eprintln!("LEFT OUT: {name}: {error:#}"),
                }
            }
        }
        contest.run(args.runs)?;
        contest.print();
    }
    Ok(())
}

type Started = Result<Vec<Box<dyn Contestant>>>;

/// Starts the others, each with as many hosts. Ansible goes over the servers of ssh.
fn peers(
    folder: &std::path::Path,
    scratch: &std::path::Path,
    hosts: usize,
) -> Vec<(&'static str, Started)> {
    let servers = ssh::Servers::start(&scratch.join("ssh"), hosts).map(std::rc::Rc::new);
    let over_ssh = servers.as_ref().map_err(|error| anyhow::anyhow!("no ssh servers: {error:#}"));
    let ansible = over_ssh
        .and_then(|servers| ansible::start(folder, &scratch.join("ansible"), servers.clone()));
    vec![
        ("ssh", servers.map(ssh::start)),
        ("Ansible", ansible),
        ("Salt", salt::start(folder, &scratch.join("salt"), hosts)),
    ]
}
