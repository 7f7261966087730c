//! Calls of cargo, all with the same target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The programs of the project, by package name; each package's program has the same name.
pub const PROGRAMS: [&str; 3] = ["tamer-coordinator", "tamer-agent", "tamerctl"];

/// The target of the Windows programs.
pub const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// The root of the clone.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_owned()
}

/// Where things are kept that the next clone can use too.
pub fn cache() -> anyhow::Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir().context("no home folder: set HOME")?.join(".cache"),
    };
    Ok(base.join("tamer"))
}

/// Where cargo builds.
pub fn target() -> anyhow::Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(folder) => Ok(std::path::absolute(folder)?),
        None => Ok(cache()?.join("target")),
    }
}

/// `cargo`, with the target folder set and in the root of the clone.
pub fn cargo() -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).env("CARGO_TARGET_DIR", target()?);
    Ok(command)
}

/// Whether cargo has this subcommand.
pub fn has(subcommand: &str) -> bool {
    Command::new("cargo")
        .args([subcommand, "--version"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Says what is run, runs it, and fails when it fails.
pub fn done(command: &mut Command) -> anyhow::Result<()> {
    let line = line(command);
    eprintln!("xtask: {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    command
        .get_args()
        .fold(program.into_owned(), |line, argument| line + " " + &argument.to_string_lossy())
}

/// Makes the Windows target known to the toolchain, when rustup keeps it and it is missing.
pub fn add_windows_target() -> anyhow::Result<()> {
    let Ok(listed) =
        Command::new("rustup").args(["target", "list", "--installed"]).current_dir(root()).output()
    else {
        eprintln!("xtask: no rustup here; the toolchain must know {WINDOWS} by itself");
        return Ok(());
    };
    if String::from_utf8_lossy(&listed.stdout).lines().any(|line| line.trim() == WINDOWS) {
        return Ok(());
    }
    done(Command::new("rustup").args(["target", "add", WINDOWS]).current_dir(root()))
}
