//! Which collectors there are on Linux, and where files lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::ifaddrs::getifaddrs;
use tamer_drift::{Kind, Value};

use super::Place;
use super::accounts::Accounts;
use super::jobs::Jobs;
use super::mounts::Mounts;
use super::network::Network;
use super::packages::{Dpkg, STATUS};
use super::ports::Ports;
use super::rpm::Rpm;
use super::services::Services;
use super::sysctls::Sysctls;
use super::system::System;
use crate::inventory::{About, Blocking, Collector, Format, Hider, Look, News, Pace, text};

/// How a file looked: size, times, place on the disk. Equal stamps mean equal content, once the
/// times are settled.
pub type Stamp = [u64; 6];

/// Within this time after a change the clock of a file system may say the same again, in
/// nanoseconds.
const UNSETTLED: i128 = 2_000_000_000;

/// The collectors of this platform. `sysctls` are patterns on top of the shipped ones.
pub fn collectors(sysctls: &[String], hider: &Hider, pace: &Pace) -> Vec<Arc<dyn Collector>> {
    let place = Place::root();
    let of = |name, kinds: &[Kind], news| About::host(name, kinds.iter().copied(), news);
    let mut all: Vec<Arc<dyn Collector>> = Vec::new();
    let system = System { place: place.clone(), hider: hider.clone() };
    add(&mut all, of("system", &[Kind::System], News::Polled), system, pace);
    let packages = of("packages", &[Kind::Package], News::Events);
    if place.at(STATUS).is_file() {
        add(&mut all, packages, Dpkg { place: place.clone() }, pace);
    } else if let Some(rpm) = Rpm::here(packages) {
        all.push(Arc::new(rpm));
    }
    if let Some(services) = Services::here(of("services", &[Kind::Service], News::Polled)) {
        all.push(Arc::new(services));
    }
    let accounts = Accounts { place: place.clone(), hider: hider.clone() };
    add(&mut all, of("users", &[Kind::User, Kind::Group], News::Events), accounts, pace);
    add(&mut all, of("ports", &[Kind::Port], News::Polled), Ports { place: place.clone() }, pace);
    add(
        &mut all,
        of("mounts", &[Kind::Mount], News::Polled),
        Mounts { place: place.clone() },
        pace,
    );
    let network = Network { place: place.clone(), addresses };
    let kinds = [Kind::Interface, Kind::Route, Kind::Resolver];
    add(&mut all, of("network", &kinds, News::Polled), network, pace);
    let kernel = Sysctls { place: place.clone(), more: sysctls.to_vec() };
    add(&mut all, of("sysctls", &[Kind::Sysctl], News::Polled), kernel, pace);
    let jobs = Jobs { place, hider: hider.clone() };
    add(&mut all, of("jobs", &[Kind::Job], News::Polled), jobs, pace);
    all
}

fn add(all: &mut Vec<Arc<dyn Collector>>, about: About, look: impl Look, pace: &Pace) {
    all.push(Arc::new(Blocking::new(about, look, pace.clone())));
}

/// Files that are looked at unless the configuration names others: who may come in, and as whom;
/// what is started; where names and packages come from. None below `/home`, which may be a dead
/// mount.
pub const fn default_files() -> &'static [&'static str] {
    &[
        "/etc/apt/sources.list",
        "/etc/apt/sources.list.d/*",
        "/etc/environment",
        "/etc/fstab",
        "/etc/hosts",
        "/etc/ld.so.preload",
        "/etc/modprobe.d/*",
        "/etc/nsswitch.conf",
        "/etc/pam.d/*",
        "/etc/profile",
        "/etc/profile.d/*",
        "/etc/security/*",
        "/etc/ssh/ssh_config",
        "/etc/ssh/sshd_config",
        "/etc/ssh/sshd_config.d/*",
        "/etc/sudoers",
        "/etc/sudoers.d/*",
        "/etc/sysctl.conf",
        "/etc/sysctl.d/*",
        "/etc/systemd/system/*",
        "/etc/yum.repos.d/*",
        "/root/.ssh/authorized_keys",
    ]
}

/// Where certificates are looked for unless the configuration names others.
pub const fn default_certificates() -> &'static [&'static str] {
    &[
        "/etc/docker/certs.d/*/*",
        "/etc/kubernetes/pki/*.crt",
        "/etc/letsencrypt/live/*/fullchain.pem",
        "/etc/pki/ca-trust/source/anchors/*",
        "/etc/pki/tls/certs/*",
        "/etc/ssl/*.pem",
        "/etc/ssl/certs/*",
        "/etc/ssl/private/*",
        "/usr/local/share/ca-certificates/*",
    ]
}

/// Folders of the authorities that the host trusts. Each is one thing, whoever names it: those that
/// its site added lie elsewhere too, and are told one by one there.
pub const fn trust_stores() -> &'static [&'static str] {
    &["/etc/pki/tls/certs", "/etc/ssl/certs"]
}

/// Configuration files of technologies: where, whose, how they are written.
pub const fn configs() -> &'static [(&'static str, &'static str, Format)] {
    &[
        ("/etc/containers/containers.conf", "podman", Format::Toml),
        ("/etc/containers/registries.conf", "podman", Format::Toml),
        ("/etc/containers/storage.conf", "podman", Format::Toml),
        ("/etc/docker/daemon.json", "docker", Format::Json),
        ("/etc/wsl.conf", "wsl", Format::Ini),
        ("/root/.docker/config.json", "docker", Format::Json),
    ]
}

/// How a file looks.
pub fn stamp(seen: &Metadata) -> Stamp {
    let nanos = |seconds: i64, nanos: i64| {
        (seconds as u64).wrapping_mul(1_000_000_000).wrapping_add(nanos as u64)
    };
    [
        seen.len(),
        nanos(seen.mtime(), seen.mtime_nsec()),
        nanos(seen.ctime(), seen.ctime_nsec()),
        seen.ino(),
        seen.dev(),
        u64::from(seen.mode()),
    ]
}

/// Whether a file was changed long enough ago that a change of it now would show in its stamp. One
/// whose times lie ahead of the clock is never settled.
pub fn is_settled(seen: &Metadata) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as i128;
    let at = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let last = at(seen.mtime(), seen.mtime_nsec()).max(at(seen.ctime(), seen.ctime_nsec()));
    now - last > UNSETTLED
}

/// Whether not everybody may read a file.
pub fn is_private(seen: &Metadata) -> bool {
    seen.mode() & 0o004 == 0
}

/// Whose a file is, and who may do what with it.
pub fn owner_of(seen: &Metadata) -> Vec<(&'static str, Value)> {
    let mut told = vec![
        ("uid", Value::Int(i64::from(seen.uid()))),
        ("gid", Value::Int(i64::from(seen.gid()))),
    ];
    // Everybody may do everything with a link, which means nothing.
    if !seen.is_symlink() {
        told.push(("mode", text(format!("{:04o}", seen.mode() & 0o7777))));
    }
    told
}

/// The IPv4 addresses of each interface.
fn addresses() -> BTreeMap<String, BTreeSet<String>> {
    let mut addresses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for interface in getifaddrs().into_iter().flatten() {
        let ip = interface.address.and_then(|address| Some(address.as_sockaddr_in()?.ip()));
        let mask = interface.netmask.and_then(|mask| Some(mask.as_sockaddr_in()?.ip()));
        if let Some(ip) = ip {
            let prefix = mask.map_or(32, |mask| u32::from(mask).count_ones());
            addresses.entry(interface.interface_name).or_default().insert(format!("{ip}/{prefix}"));
        }
    }
    addresses
}
