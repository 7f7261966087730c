//! The engines start, take the image, survive a kill, and leave nothing behind.
#![cfg(unix)]

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tamer_peers::docker::Docker;
use tamer_peers::image;
use tamer_peers::podman::Podman;

/// Asks by a client that is not ours.
fn curl(socket: &std::path::Path, args: &[&str]) -> Result<String> {
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "60", "-H", "Content-Type: application/x-tar", "--unix-socket"])
        .arg(socket)
        .args(args)
        .output()
        .context("curl")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn skipped(name: &str, installed: bool) -> bool {
    if installed {
        return false;
    }
    assert!(std::env::var_os("TAMER_REQUIRE_PEERS").is_none(), "{name} is not installed");
    true
}

fn mounts_below(folder: &std::path::Path) -> String {
    let table = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
    let folder = folder.to_str().expect("a path");
    table.lines().filter(|line| line.contains(folder)).collect::<Vec<_>>().join("\n")
}

fn running_below(folder: &std::path::Path) -> Vec<String> {
    let folder = folder.to_str().expect("a path");
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(folder))
        .collect()
}

#[test]
fn docker_takes_the_image_and_leaves_nothing() -> Result<()> {
    if skipped("docker", Docker::installed()) {
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("tp").tempdir()?;
    let archive = folder.path().join("image.tar");
    std::fs::write(&archive, image::busybox_tar()?)?;
    let mut docker = Docker::start(folder.path())?;
    let upload = format!("@{}", archive.display());
    let load = ["-X", "POST", "--data-binary", &upload, "http://d/v1.41/images/load"];
    let said = curl(&docker.socket(), &load)?;
    ensure!(said.contains("Loaded image: tamer/busybox:1"), "{said}");
    let before = docker.pid()?;
    docker.kill()?;
    docker.start_again()?;
    ensure!(docker.pid()? != before, "the same process");
    let said = curl(&docker.socket(), &["http://d/v1.41/images/json"])?;
    ensure!(said.contains("tamer/busybox:1"), "{said}");
    drop(docker);
    ensure!(mounts_below(folder.path()).is_empty(), "{}", mounts_below(folder.path()));
    ensure!(running_below(folder.path()).is_empty(), "{:?}", running_below(folder.path()));
    Ok(())
}

#[test]
fn podman_takes_the_image_and_leaves_nothing() -> Result<()> {
    if skipped("podman", Podman::installed()) {
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("tp").tempdir()?;
    let archive = folder.path().join("image.tar");
    std::fs::write(&archive, image::busybox_tar()?)?;
    let mut podman = Podman::start(folder.path())?;
    let upload = format!("@{}", archive.display());
    let load = ["-X", "POST", "--data-binary", &upload, "http://d/v1.41/images/load"];
    let said = curl(&podman.socket(), &load)?;
    ensure!(said.contains("tamer/busybox:1"), "{said}");
    podman.kill()?;
    podman.start_again()?;
    let said = curl(&podman.socket(), &["http://d/v1.41/images/json"])?;
    ensure!(said.contains("localhost/tamer/busybox:1"), "{said}");
    drop(podman);
    ensure!(mounts_below(folder.path()).is_empty(), "{}", mounts_below(folder.path()));
    ensure!(running_below(folder.path()).is_empty(), "{:?}", running_below(folder.path()));
    Ok(())
}
