//! The outside programs that the tests talk to: real ones, installed by package name with the
//! machine's own package manager, and two folders made from them (a systemd root, a Wine prefix).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::cargo;

/// A Debian package and a file that shows that it is there.
struct Peer {
    package: &'static str,
    /// A program on the PATH, or an absolute path.
    shown_by: &'static str,
    why: &'static str,
}

const PEERS: &[Peer] = &[
    peer("iproute2", "ip", "hosts with their own addresses"),
    peer("avahi-daemon", "avahi-daemon", "a foreign mDNS implementation"),
    peer("avahi-utils", "avahi-browse", "a foreign mDNS implementation"),
    peer("dbus", "dbus-daemon", "avahi's bus"),
    peer("strace", "strace", "counts the syncs of a commit"),
    peer("faketime", "faketime", "a host whose clock is off"),
    peer("gcc-mingw-w64-x86-64", "x86_64-w64-mingw32-gcc", "links the Windows programs"),
    peer("wine", "wine", "runs the Windows programs"),
    peer("wine64", "/usr/lib/wine/wine64", "runs the Windows programs"),
    peer("debootstrap", "debootstrap", "makes a machine with systemd"),
    peer("systemd-container", "systemd-nspawn", "boots it"),
    peer("docker.io", "dockerd", "a container engine"),
    peer("iptables", "iptables", "the engine's networks"),
    peer("podman", "podman", "another container engine"),
    peer("runc", "runc", "runs their containers"),
    peer("containernetworking-plugins", "/usr/lib/cni/bridge", "the other engine's networks"),
    peer("catatonit", "catatonit", "the first process of its containers"),
    peer("busybox-static", "/bin/busybox", "what the containers and machines hold"),
    peer("python3", "python3", "starts containers on machines that lack a capability"),
    peer("libvirt-daemon", "libvirtd", "virtual machines"),
    peer(
        "libvirt-daemon-driver-qemu",
        "/usr/share/doc/libvirt-daemon-driver-qemu",
        "virtual machines",
    ),
    peer("libvirt-daemon-system", "/etc/libvirt/libvirtd.conf", "virtual machines"),
    peer("libvirt-clients", "virsh", "a foreign view of the machines"),
    peer("qemu-system-x86", "qemu-system-x86_64", "runs the machines"),
    peer("qemu-utils", "qemu-img", "makes their disks"),
    peer("seabios", "/usr/share/seabios/bios-256k.bin", "their firmware"),
    peer("linux-image-cloud-amd64", "/usr/share/doc/linux-image-cloud-amd64", "their kernel"),
    peer("qemu-guest-agent", "qemu-ga", "answers inside them"),
    peer("cpio", "cpio", "packs what they boot from"),
];

/// What is needed only where it is measured against.
const MEASURED: &[Peer] = &[
    peer("openssh-server", "sshd", "another way to run a command on many machines"),
    peer("python3-venv", "/usr/share/doc/python3-venv", "installs Salt and Ansible"),
];

/// What those need that stay up.
const STANDING: &[&str] = &[
    "iproute2",
    "docker.io",
    "iptables",
    "podman",
    "runc",
    "containernetworking-plugins",
    "catatonit",
    "busybox-static",
    "python3",
    "libvirt-daemon",
    "libvirt-daemon-driver-qemu",
    "libvirt-daemon-system",
    "libvirt-clients",
    "qemu-system-x86",
    "qemu-utils",
    "seabios",
    "linux-image-cloud-amd64",
    "qemu-guest-agent",
    "cpio",
];

const fn peer(package: &'static str, shown_by: &'static str, why: &'static str) -> Peer {
    Peer { package, shown_by, why }
}

impl Peer {
    fn is_there(&self) -> bool {
        if self.shown_by.starts_with('/') {
            return Path::new(self.shown_by).exists();
        }
        // An ordinary user's PATH lacks the sbin folders, where half of these live.
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
            .any(|folder| folder.join(self.shown_by).exists())
    }
}

/// Where the two folders are.
pub fn folder() -> anyhow::Result<PathBuf> {
    match std::env::var_os("TAMER_PEERS").filter(|value| !value.is_empty()) {
        Some(folder) => Ok(folder.into()),
        None => Ok(cargo::cache()?.join("peers")),
    }
}

/// Installs them, or starts or ends those that stay up.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => install(),
        [verb @ ("up" | "down")] => {
            if verb == "up" {
                install_named(STANDING)?;
            }
            let mut peers = cargo::cargo()?;
            peers.args(["run", "--locked", "--quiet", "-p", "tamer-peers", "--", verb]);
            cargo::done(peers.env("TAMER_PEERS", folder()?))
        }
        _ => bail!(
            "`peers` installs what the tests need; `peers up` and `peers down` start and end some"
        ),
    }
}

/// Installs every peer and makes the folders.
pub fn install() -> anyhow::Result<()> {
    if cfg!(not(target_os = "linux")) {
        bail!(
            "the end-to-end tests need Linux; `cargo nextest run --workspace --lib` runs the rest"
        );
    }
    let all: Vec<&str> = PEERS.iter().map(|peer| peer.package).collect();
    install_named(&all)?;
    let folder = folder()?;
    fs::create_dir_all(&folder)?;
    make_systemd_root(&folder)?;
    make_wine_prefix(&folder)
}

/// Installs these peers, by package name.
pub fn install_named(packages: &[&str]) -> anyhow::Result<()> {
    let all = PEERS.iter().chain(MEASURED);
    let missing: Vec<&Peer> =
        all.filter(|peer| packages.contains(&peer.package) && !peer.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for peer in &missing {
        eprintln!("xtask: MISSING {} ({})", peer.package, peer.why);
    }
    let mut names: Vec<String> = missing.iter().map(|peer| peer.package.to_owned()).collect();
    if !is_root() || !Path::new("/etc/debian_version").exists() {
        bail!(
            "the tests need {names}. On Debian: sudo apt-get install --no-install-recommends \
             {names}; elsewhere install what gives the same programs",
            names = names.join(" ")
        );
    }
    eprintln!("xtask: INSTALLING {}", names.join(" "));
    cargo::done(apt().args(["update", "--quiet"]))?;
    if missing.iter().any(|peer| peer.package == "qemu-system-x86") {
        names.retain(|name| name != "qemu-utils");
        names.extend(like("qemu-utils", "qemu-system-x86"));
    }
    let install = ["install", "--quiet", "--yes", "--no-install-recommends", "--allow-downgrades"];
    cargo::done(apt().args(install).args(&names))?;
    match missing.iter().find(|peer| !peer.is_there()) {
        Some(peer) => bail!("{} is installed but `{}` is not there", peer.package, peer.shown_by),
        None => Ok(()),
    }
}

/// `package` in the version that `other` would be installed in. A machine may have a newer one from
/// elsewhere, beside which the other could not be installed.
fn like(package: &str, other: &str) -> Option<String> {
    let policy = Command::new("apt-cache").args(["policy", other]).env("LC_ALL", "C").output();
    let policy = String::from_utf8(policy.ok()?.stdout).ok()?;
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    Some(format!("{package}={version}"))
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    apt
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "0")
}

/// A small Debian with systemd as its first process. Tests boot throw-away copies of it.
fn make_systemd_root(folder: &Path) -> anyhow::Result<()> {
    let root = folder.join("systemd-root");
    if root.join("lib/systemd/systemd").exists() {
        return Ok(());
    }
    eprintln!("xtask: MAKING {} (a minute or more, once)", root.display());
    // Made beside and renamed: a half-made one is never taken for whole.
    let half = folder.join("systemd-root.making");
    if half.exists() {
        fs::remove_dir_all(&half)?;
    }
    cargo::done(
        Command::new("debootstrap")
            .args(["--variant=minbase", "--include=systemd,systemd-sysv,dbus,procps", "bookworm"])
            .arg(&half)
            .stdout(Stdio::null()),
    )?;
    let archives = half.join("var/cache/apt/archives");
    if archives.exists() {
        fs::remove_dir_all(archives)?;
    }
    fs::rename(&half, &root)?;
    Ok(())
}

/// A Wine prefix, and the library that Wine 8 lacks and every Rust program on Windows asks for.
fn make_wine_prefix(folder: &Path) -> anyhow::Result<()> {
    let prefix = folder.join("wine");
    let library = prefix.join("bcryptprimitives.dll");
    if library.exists() {
        return Ok(());
    }
    eprintln!("xtask: MAKING {} (ten seconds, once)", prefix.display());
    fs::create_dir_all(&prefix)?;
    cargo::done(
        Command::new("wine")
            .args(["wineboot", "--init"])
            .env("WINEPREFIX", &prefix)
            .env("WINEDEBUG", "-all")
            // Neither a display nor the offers to download browsers and runtimes.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env_remove("DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    cargo::done(
        Command::new("x86_64-w64-mingw32-gcc")
            .args(["-shared", "-o"])
            .arg(&library)
            .arg(cargo::root().join("tests/wine/bcryptprimitives.c"))
            .arg("-ladvapi32"),
    )
    .context("cannot build the library that Wine lacks")
}
