//! `cargo xtask bench scheduler`: how fast placements are decided, and what they cost.
//!
//! The scheduler alone, on one core, without a store. Beside it a floor: a loop over the same hosts
//! that only compares what memory is left.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod fleet;
mod floor;
mod measure;
mod memory;
mod moments;
mod stored;

use anyhow::Result;
use clap::Parser;
use tamer_tests::bench::machine;

#[derive(Parser)]
#[command(about = "Measure the scheduler, and print what decisions cost")]
struct Arguments {
    /// How many hosts there are
    #[arg(long, default_value_t = 10_000)]
    hosts: u32,
    /// How many workloads
    #[arg(long, default_value_t = 1000)]
    workloads: u32,
    /// How many copies each of them has
    #[arg(long, default_value_t = 100)]
    copies: u32,
    /// How many single decisions are timed
    #[arg(long, default_value_t = 5000)]
    decisions: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("# {}\n", machine()?);
    let Arguments { hosts, workloads, copies, decisions } = arguments;
    let measured =
        measure::measure(stored::Scale { hosts, workloads, copies, times: 1 }, decisions)?;
    println!("| measure | ours | the floor | aim |\n| --- | --- | --- | --- |");
    measured.iter().for_each(measure::Row::print);
    Ok(())
}
