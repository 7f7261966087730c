//! `cargo xtask bench drift`: what it costs to know what is different.
//!
//! The pure part alone, on one core: resources to trees, differences between trees, deltas, a fleet
//! where nothing changed. Beside it floors in the same run: blake3 over the same bytes, and two flat
//! lists that are sorted and compared.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod flat;
mod fleet;
mod grow;
mod measure;
mod single;
mod table;

use anyhow::Result;
use clap::Parser;
use tamer_tests::bench::machine;

#[derive(Parser)]
#[command(about = "Measure snapshots and their differences, and print what they cost")]
struct Arguments {
    /// How many resources are compared
    #[arg(long, default_value_t = 1_000_000)]
    resources: u32,
    /// One of how many of them differs
    #[arg(long, default_value_t = 1000)]
    one_of: u32,
    /// How many hosts are compared where nothing changed
    #[arg(long, default_value_t = 10_000)]
    hosts: u32,
    /// How many resources an ordinary host has
    #[arg(long, default_value_t = 5000)]
    ordinary: u32,
    /// How often short things are timed
    #[arg(long, default_value_t = 20)]
    runs: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("# {}\n", machine()?);
    let rows = measure::measure(&arguments)?;
    table::print(&rows);
    Ok(())
}
