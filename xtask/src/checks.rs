//! Checks that need no running program.

use std::process::Command;

use crate::cargo::{self, WINDOWS};
use crate::peers;

/// Formatting.
pub fn fmt() -> anyhow::Result<()> {
    cargo::done(cargo::cargo()?.args(["fmt", "--all", "--check"]))
}

/// Lints are errors, on both platforms: the Windows half is never seen by the Linux build.
pub fn clippy() -> anyhow::Result<()> {
    cargo::done(cargo::cargo()?.args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    peers::install_named(&["gcc-mingw-w64-x86-64"])?;
    cargo::add_windows_target()?;
    cargo::done(cargo::cargo()?.args([
        "clippy",
        "--locked",
        "--target",
        WINDOWS,
        "-p",
        "tamer-agent",
        "-p",
        "tamerctl",
        "--",
        "-D",
        "warnings",
    ]))
}

/// What `deny.toml` says of licences, bans and sources. Its advisories need a database from the
/// network and are a chore of the release, not of every run.
pub fn deny() -> anyhow::Result<()> {
    let tools = cargo::cache()?.join("tools");
    let own = tools.join("bin").join("cargo-deny");
    if !cargo::has("deny") && !own.exists() {
        eprintln!("xtask: INSTALLING cargo-deny into {} (minutes, once)", tools.display());
        cargo::done(
            Command::new("cargo")
                .args(["install", "cargo-deny", "--locked", "--root"])
                .arg(&tools)
                .env("CARGO_TARGET_DIR", cargo::target()?.join("tools")),
        )?;
    }
    let mut deny = if own.exists() { Command::new(own) } else { Command::new("cargo") };
    if deny.get_program() == "cargo" {
        deny.arg("deny");
    }
    let check = ["--workspace", "--all-features", "check", "bans", "licenses", "sources"];
    cargo::done(deny.args(check).current_dir(cargo::root()))
}

/// The Windows programs.
pub fn windows() -> anyhow::Result<()> {
    peers::install_named(&["gcc-mingw-w64-x86-64"])?;
    cargo::add_windows_target()?;
    cargo::done(cargo::cargo()?.args([
        "build",
        "--locked",
        "--target",
        WINDOWS,
        "-p",
        "tamer-agent",
        "-p",
        "tamerctl",
    ]))
}
