//! Benchmarks: they print tables and never fail for being slow.

use std::process::Command;

use anyhow::bail;

use crate::{cargo, peers, rivals};

/// What can be measured; each is a program of the crate of tests.
const BENCHMARKS: [&str; 6] = ["fanout", "instances", "batch", "scheduler", "placements", "drift"];

/// `bench NAME`: builds what it measures in release and runs it. What follows the name is for it.
/// `scheduler` by itself is the decision alone and then the whole fleet, which is `placements`.
pub fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        bail!("which benchmark? There are: {}", BENCHMARKS.join(", "));
    };
    if !BENCHMARKS.contains(&name.as_str()) {
        bail!("there is no benchmark `{name}`. There are: {}", BENCHMARKS.join(", "));
    }
    let benchmarks = match (name.as_str(), rest) {
        ("scheduler", []) => vec!["scheduler", "placements"],
        (name, _) => vec![name],
    };
    let mut build = cargo::cargo()?;
    build.args(["build", "--release"]);
    for program in benchmarks.iter().copied().chain(cargo::PROGRAMS) {
        build.args(["--bin", program]);
    }
    cargo::done(&mut build)?;
    if rest.iter().any(|argument| argument == "--peers") {
        rivals::install()?;
    }
    benchmarks.into_iter().try_for_each(|name| run(name, rest))
}

fn run(name: &str, arguments: &[String]) -> anyhow::Result<()> {
    let folder = cargo::target()?.join("release");
    let mut run = Command::new(folder.join(name));
    run.args(arguments).env("TAMER_BIN", folder).env("TAMER_PEERS", peers::folder()?);
    cargo::done(&mut run)
}
