//! Benchmarks: they print tables and never fail for being slow.

use std::process::Command;

use anyhow::bail;

use crate::cargo;

/// `bench fanout`: builds what it measures in release and runs it.
pub fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        bail!("which benchmark? There is: fanout");
    };
    if name != "fanout" {
        bail!("there is no benchmark `{name}`. There is: fanout");
    }
    let mut build = cargo::cargo()?;
    build.args(["build", "--release", "--bin", name]);
    for program in cargo::PROGRAMS {
        build.args(["--bin", program]);
    }
    cargo::done(&mut build)?;
    let folder = cargo::target()?.join("release");
    cargo::done(Command::new(folder.join(name)).args(rest).env("TAMER_BIN", folder))
}
