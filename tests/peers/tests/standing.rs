//! What is put up stays up, is put up once, and goes down with everything it started.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tamer_peers::docker::Docker;
use tamer_peers::guest;
use tamer_peers::podman::Podman;

/// Puts them down, also when the test fails.
struct Peers<'a>(&'a Path);

impl Peers<'_> {
    fn run(&self, verb: &str) -> Result<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_tamer-peers"))
            .arg(verb)
            .env("TAMER_PEERS", self.0)
            .output()
            .context("tamer-peers")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "{verb}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(text)
    }

    fn holder(&self) -> Result<String> {
        fs::read_to_string(self.0.join("up/holder")).context("the process that holds them")
    }

    /// The command lines that mention the folder.
    fn running(&self) -> Vec<String> {
        let folder = self.0.to_string_lossy();
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        processes
            .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .filter(|line| line.contains(&*folder))
            .collect()
    }
}

impl Drop for Peers<'_> {
    fn drop(&mut self) {
        let _ = self.run("down");
    }
}

#[test]
fn they_are_up_once_and_go_down_whole() -> Result<()> {
    if !Docker::installed() || !Podman::installed() || !guest::missing().is_empty() {
        let required = std::env::var_os("TAMER_REQUIRE_PEERS").is_some_and(|value| value == "1");
        ensure!(!required, "TAMER_REQUIRE_PEERS=1, and not all peers are installed");
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("tp").tempdir()?;
    let peers = Peers(folder.path());
    ensure!(peers.run("down")?.contains("none was up"));
    let told = peers.run("up")?;
    let holder = peers.holder()?;
    for name in ["docker", "podman"] {
        let endpoint = format!("unix://{}", folder.path().join("up").join(name).display());
        ensure!(told.contains(&format!("endpoint = \"{endpoint}/engine.sock\"")), "{told}");
    }
    ensure!(told.contains("libvirt-sock\""), "{told}");
    ensure!(peers.run("up")? == told && peers.holder()? == holder, "they were started twice");
    ensure!(!peers.running().is_empty(), "nothing runs");
    ensure!(peers.run("down")?.contains("they are down"));
    ensure!(peers.running().is_empty(), "left: {:?}", peers.running());
    ensure!(!folder.path().join("up/docker").exists(), "its files are left");
    Ok(())
}
