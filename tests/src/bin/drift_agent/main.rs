//! `cargo xtask bench drift`, its third part: what it costs an agent to keep a picture of its host.
//!
//! The real agent beside a real coordinator, with the resources of this machine and as many files as
//! make them enough, while nothing changes. Beside it the floor: the same agent that keeps no
//! inventory.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

mod files;
mod picture;
mod resting;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use tamer_tests::bench::{RealAgent, Setting, machine};

use crate::picture::Picture;
use crate::resting::Resting;

#[derive(Parser)]
#[command(about = "Let an agent keep a picture of its host, and print what that costs")]
struct Args {
    /// How many resources the picture has at least
    #[arg(long, default_value_t = 5000)]
    resources: usize,
    /// For how many seconds an agent is watched while nothing changes
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the programs are; beside this one unless told
    #[arg(long)]
    programs: Option<PathBuf>,
}

fn main() -> Result<()> {
    tamer_certs::install_crypto();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(bench(Args::parse()))
}

async fn bench(args: Args) -> Result<()> {
    let Args { resources, seconds, programs } = args;
    let beside = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
    let programs = programs.unwrap_or(beside);
    println!("# {}\n", machine()?);
    let setting = Setting::start(&programs).await?;
    let time = Duration::from_secs(seconds);
    let off = ["inventory.enabled=false".to_owned()];
    let bare = agent(&setting, &programs, "bare", &off).await?;
    let floor = resting::measure(bare.process(), time).await?;
    drop(bare);
    eprintln!("the agent without an inventory was watched");
    let files = files::make(&setting.folder().join("files"), resources)?;
    let began = Instant::now();
    let agent = agent(&setting, &programs, "picture", &[files]).await?;
    let picture = picture::whole(&setting, &agent, resources, began).await?;
    eprintln!("its picture is whole");
    let resting = resting::measure(agent.process(), time).await?;
    print(&picture, &resting, &floor);
    Ok(())
}

async fn agent(
    setting: &Setting,
    programs: &std::path::Path,
    name: &str,
    settings: &[String],
) -> Result<RealAgent> {
    let data = setting.folder().join(name);
    std::fs::create_dir(&data)?;
    let address = setting.coordinator.address;
    RealAgent::start(programs, address, &mut setting.control.clone(), (name, &data), settings).await
}

fn print(picture: &Picture, resting: &Resting, floor: &Resting) {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let Picture { resources, took, pass } = picture;
    let row = |what: &str, figure: String, floor: String, aim: &str| {
        println!("| {what} | {figure} | {floor} | {aim} |");
    };
    println!("| what | figure | without inventory | aim |\n| --- | --- | --- | --- |");
    let name = format!("agent, {resources} resources");
    let figure = format!("{:.1} s", took.as_secs_f64());
    row(&format!("{name}: from its start until the picture is stored"), figure, String::new(), "");
    let figure = format!("{} ms", pass.as_millis());
    row(&format!("{name}: the longest collector of a full pass"), figure, String::new(), "");
    let memory =
        |one: &Resting| format!("{:.1} MiB, {:.1} at most", mib(one.memory), mib(one.most));
    row(&format!("{name}: resident memory"), memory(resting), memory(floor), "< 40 MiB");
    let cpu = |one: &Resting| format!("{:.2} % of one core", one.cpu * 100.0);
    row(&format!("{name}: CPU while nothing changes"), cpu(resting), cpu(floor), "");
}
