//! Benchmarks: they print tables and never fail for being slow.

use std::process::Command;

use anyhow::bail;

use crate::{cargo, peers, rivals};

/// What can be measured; each is a program of the crate of tests.
const BENCHMARKS: [&str; 4] = ["fanout", "instances", "batch", "scheduler"];

/// `bench NAME`: builds what it measures in release and runs it.
pub fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        bail!("which benchmark? There are: {}", BENCHMARKS.join(", "));
    };
    if !BENCHMARKS.contains(&name.as_str()) {
        bail!("there is no benchmark `{name}`. There are: {}", BENCHMARKS.join(", "));
    }
    let mut build = cargo::cargo()?;
    build.args(["build", "--release", "--bin", name]);
    for program in cargo::PROGRAMS {
        build.args(["--bin", program]);
    }
    cargo::done(&mut build)?;
    let folder = cargo::target()?.join("release");
    if rest.iter().any(|argument| argument == "--peers") {
        rivals::install()?;
    }
    let mut run = Command::new(folder.join(name));
    cargo::done(run.args(rest).env("TAMER_BIN", folder).env("TAMER_PEERS", peers::folder()?))
}
