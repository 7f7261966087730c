//! `cargo xtask bench drift`, its last part: what it costs a host to look at itself.
//!
//! The inventory of the agent, run by itself: the keeper, its collectors and its pace are those of the
//! program. Five technologies that answer slowly are looked at side by side; a folder of very many
//! files is walked through for the first time, and again. Beside it the floor: `find`, which looks at
//! the same files and keeps nothing.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod looking;
mod many;
mod side;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(about = "Measure how a host is looked at, and print what it costs")]
struct Arguments {
    /// How many files there are in the folder that is walked through
    #[arg(long, default_value_t = 1_000_000)]
    files: usize,
    /// Where that folder is made, and removed afterwards; with a block for each file
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { files, folder } = Arguments::parse();
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    println!("| what | figure | the floor | aim |\n| --- | --- | --- | --- |");
    side::measure().await?;
    many::measure(files, &folder).await
}

/// One line of the table.
fn row(what: &str, figure: &str, floor: &str, aim: &str) {
    println!("| {what} | {figure} | {floor} | {aim} |");
}
