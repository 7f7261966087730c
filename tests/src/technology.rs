//! Real technologies beside the agents of a test.

use std::path::{Path, PathBuf};

use tamer_peers::docker::Docker;
use tamer_peers::guest::{self, Guest};
use tamer_peers::image;
use tamer_peers::libvirt::Libvirt;
use tamer_peers::load::load;
use tamer_peers::podman::Podman;

/// Whether everything is installed that is asked for. Says loudly what is not.
///
/// # Panics
/// When something is missing and `TAMER_REQUIRE_PEERS` is 1.
#[track_caller]
pub fn installed(wanted: &[&str]) -> bool {
    let there = |name: &str| match name {
        "docker" => Docker::installed(),
        "podman" => Podman::installed(),
        "libvirt" => guest::missing().is_empty(),
        unknown => panic!("nobody knows the technology {unknown}"),
    };
    let missing: Vec<_> = wanted.iter().filter(|name| !there(name)).collect();
    if missing.is_empty() {
        return true;
    }
    let required = std::env::var_os("TAMER_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "not installed: {missing:?}: run `cargo xtask peers`");
    eprintln!("SKIPPED: not installed: {missing:?}: run `cargo xtask peers`");
    false
}

/// A Docker Engine of the test's own that has the busybox image.
///
/// # Panics
/// When it does not start.
#[track_caller]
pub fn docker(folder: &Path) -> Docker {
    let docker = Docker::start(&made(folder, "docker")).expect("a Docker Engine");
    let archive = image::busybox_tar().expect("an image");
    load(&docker.socket(), &archive).expect("the image is loaded");
    docker
}

/// A Podman of the test's own that has the busybox image.
///
/// # Panics
/// When it does not start.
#[track_caller]
pub fn podman(folder: &Path) -> Podman {
    let podman = Podman::start(&made(folder, "podman")).expect("a Podman");
    let archive = image::busybox_tar().expect("an image");
    load(&podman.socket(), &archive).expect("the image is loaded");
    podman
}

/// A libvirt of the test's own, what its machines boot, and a disk for one of them.
///
/// # Panics
/// When it does not start.
#[track_caller]
pub fn libvirt(folder: &Path) -> (Libvirt, Guest, PathBuf) {
    let folder = made(folder, "libvirt");
    let guest = Guest::get().expect("a guest");
    let disk = folder.join("disk.qcow2");
    Guest::disk(&disk).expect("a disk");
    (Libvirt::start(&folder).expect("a libvirt"), guest, disk)
}

#[track_caller]
fn made(folder: &Path, name: &str) -> PathBuf {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
