//! Benchmarks: they print tables and never fail for being slow.

use std::process::Command;

use anyhow::bail;

use crate::{cargo, peers, rivals};

/// What can be measured; each is a program of the crate of tests, but for the last.
const BENCHMARKS: [&str; 9] = [
    "fanout",
    "instances",
    "batch",
    "scheduler",
    "placements",
    "drift",
    "drift_fleet",
    "drift_agent",
    INVENTORY,
];
/// An example of the agent: it needs a technology that only the agent's tests have. It is built
/// apart, so that no program that is measured has it.
const INVENTORY: &str = "inventory_bench";

/// `bench NAME`: builds what it measures in release and runs it. What follows the name is for it.
/// `scheduler` by itself is the decision alone and then the whole fleet, which is `placements`; `drift`
/// by itself is the pure part, then the whole fleet, an agent, and how it looks at its host.
pub fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        bail!("which benchmark? There are: {}", BENCHMARKS.join(", "));
    };
    if !BENCHMARKS.contains(&name.as_str()) {
        bail!("there is no benchmark `{name}`. There are: {}", BENCHMARKS.join(", "));
    }
    let benchmarks = match (name.as_str(), rest) {
        ("scheduler", []) => vec!["scheduler", "placements"],
        ("drift", []) => vec!["drift", "drift_fleet", "drift_agent", INVENTORY],
        (name, _) => vec![name],
    };
    let (examples, programs): (Vec<_>, Vec<_>) =
        benchmarks.iter().copied().partition(|name| *name == INVENTORY);
    let mut build = cargo::cargo()?;
    build.args(["build", "--release"]);
    for program in programs.into_iter().chain(cargo::PROGRAMS) {
        build.args(["--bin", program]);
    }
    cargo::done(&mut build)?;
    if !examples.is_empty() {
        let mut build = cargo::cargo()?;
        build.args(["build", "--release", "-p", "tamer-agent", "--example", INVENTORY]);
        cargo::done(&mut build)?;
    }
    if rest.iter().any(|argument| argument == "--peers") {
        rivals::install()?;
    }
    benchmarks.into_iter().try_for_each(|name| run(name, rest))
}

fn run(name: &str, arguments: &[String]) -> anyhow::Result<()> {
    let folder = cargo::target()?.join("release");
    let place = if name == INVENTORY { folder.join("examples") } else { folder.clone() };
    let mut run = Command::new(place.join(name));
    run.args(arguments).env("TAMER_BIN", folder).env("TAMER_PEERS", peers::folder()?);
    cargo::done(&mut run)
}
