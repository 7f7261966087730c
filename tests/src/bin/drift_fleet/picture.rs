//! What the hosts hold: nearly the same everywhere, 200 resources each, five of them a host's own.

use std::collections::HashMap;

use anyhow::{Context, Result};
use tamer_drift::tree::{NodeBytes, build};
use tamer_drift::{Digest, Domain, Kind, Resource, ResourceKey, Source};
use tamer_proto::wire;

use crate::tally::wall_ms;

/// Resources of a host.
pub const RESOURCES: u32 = 200;

/// How many of each kind are the same on every host.
const SHARED: [(Kind, u32); 6] = [
    (Kind::Package, 120),
    (Kind::Service, 30),
    (Kind::File, 25),
    (Kind::Sysctl, 10),
    (Kind::User, 5),
    (Kind::Job, 5),
];
/// What a real agent's collectors are called, with their kinds.
const SOURCES: [(&str, &[Kind]); 12] = [
    ("system", &[Kind::System]),
    ("packages", &[Kind::Package]),
    ("services", &[Kind::Service]),
    ("users", &[Kind::User, Kind::Group]),
    ("ports", &[Kind::Port]),
    ("mounts", &[Kind::Mount]),
    ("network", &[Kind::Interface, Kind::Route, Kind::Resolver]),
    ("sysctls", &[Kind::Sysctl]),
    ("jobs", &[Kind::Job]),
    ("files", &[Kind::File]),
    ("certificates", &[Kind::Certificate]),
    ("configs", &[Kind::Config]),
];
/// When a host's certificate ends: in a year by the clock of whoever measures.
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1000;

/// On how many hosts, the first ones, something is another way than at the first telling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Version {
    /// A setting of the kernel.
    pub sysctl: usize,
    /// A package.
    pub openssl: usize,
    /// Another package.
    pub libc: usize,
}

/// What the setting and the packages are called.
pub const SYSCTL: &str = "net.part.value_0";
pub const OPENSSL: &str = "openssl";
pub const LIBC: &str = "libc6";

/// A host's picture.
#[derive(Debug)]
pub struct Picture {
    pub root: Digest,
    pub nodes: HashMap<Digest, NodeBytes>,
    counter: u64,
}

impl Picture {
    /// That of a host, told as its `counter`-th.
    pub fn of(number: usize, version: Version, counter: u64) -> Result<Self> {
        let built = build(resources(number, version)?)?;
        Ok(Self { root: built.root, nodes: built.nodes.into_iter().collect(), counter })
    }

    /// What is told of it.
    pub fn told(&self, epoch: [u8; 16]) -> wire::InventoryTold {
        let at = wall_ms();
        let source = |(name, kinds): &(&str, &[Kind])| wire::SourceTold {
            name: (*name).to_owned(),
            complete: true,
            took_ms: 12,
            resources: u64::from(RESOURCES) / SOURCES.len() as u64,
            at,
            kinds: kinds.iter().map(ToString::to_string).collect(),
            still: at,
            ..Default::default()
        };
        wire::InventoryTold {
            epoch: epoch.to_vec(),
            counter: self.counter,
            root: self.root.as_bytes().to_vec(),
            at,
            took_ms: 120,
            resources: u64::from(RESOURCES),
            sources: SOURCES.iter().map(source).collect(),
            ..Default::default()
        }
    }
}

fn resources(number: usize, version: Version) -> Result<Vec<Resource>> {
    let mut all = own(number)?;
    for (kind, count) in SHARED {
        for at in 0..count {
            all.push(shared(kind, at, number, version)?);
        }
    }
    Ok(all)
}

fn shared(kind: Kind, at: u32, host: usize, version: Version) -> Result<Resource> {
    Ok(match kind {
        Kind::Package => package(at, host, version)?,
        Kind::Service => new(kind, &format!("part-{at:02}.service"))?
            .with("enabled", "enabled")
            .with("active", "active")
            .with("type", "simple")
            .with("file", format!("/lib/systemd/system/part-{at:02}.service")),
        Kind::File => file(&format!("/etc/part-{at:02}.conf"), u64::from(at))?,
        Kind::Sysctl => new(kind, &format!("{}{at}", SYSCTL.trim_end_matches('0')))?
            .with("value", if at == 0 && host < version.sysctl { "10" } else { "60" }),
        Kind::User => new(kind, &format!("user-{at}"))?
            .with("uid", i64::from(1000 + at))
            .with("home", format!("/home/user-{at}"))
            .with("shell", "/bin/bash")
            .with("password", "locked"),
        kind => new(kind, &format!("timer part-{at}.timer"))?
            .with("schedule", "daily")
            .with("command", format!("/usr/bin/part-{at} --all")),
    })
}

fn package(at: u32, host: usize, changed: Version) -> Result<Resource> {
    let (name, version) = match at {
        0 if host < changed.openssl => (OPENSSL.to_owned(), "3.0.16-1~deb12u1"),
        0 => (OPENSSL.to_owned(), "3.0.15-1~deb12u1"),
        1 if host < changed.libc => (LIBC.to_owned(), "2.36-9+deb12u10"),
        1 => (LIBC.to_owned(), "2.36-9+deb12u9"),
        at => (format!("libpart{at:03}"), "1.4.2-3"),
    };
    let mut package = new(Kind::Package, &format!("{name}:amd64"))?;
    package.name = name;
    let package = package.with("version", version).with("architecture", "amd64");
    Ok(package.with("source", "part").with("format", "deb"))
}

/// What no other host has the same.
fn own(number: usize) -> Result<Vec<Resource>> {
    let seed = number as u64;
    let system = new(Kind::System, "system")?
        .with("hostname", format!("host-{number}"))
        .with("machine_id", digest(seed))
        .with("kernel", "6.1.0-28-amd64");
    let address = format!("10.{}.{}.{}/8", number >> 16 & 255, number >> 8 & 255, number & 255);
    let interface = new(Kind::Interface, "eth0")?.with("address", address).with("mtu", 1500_i64);
    let ends = i64::try_from(wall_ms() / YEAR_MS * YEAR_MS + 2 * YEAR_MS)?;
    let certificate = new(Kind::Certificate, "/etc/ssl/private/host.pem")?
        .with("subject", format!("CN=host-{number}"))
        .with("not_after", ends);
    let key = |name: &str| file(&format!("/etc/ssh/ssh_host_{name}_key.pub"), seed + 1000);
    Ok(vec![system, interface, certificate, key("ed25519")?, key("rsa")?])
}

fn file(path: &str, seed: u64) -> Result<Resource> {
    let file = new(Kind::File, path)?.with("type", "file").with("digest", digest(seed));
    Ok(file.with("mode", "0644").with("uid", 0_i64).with("gid", 0_i64).with("size_bytes", 911_i64))
}

fn digest(seed: u64) -> String {
    Digest::of(Domain::RESOURCE, &seed.to_le_bytes()).to_string()
}

fn new(kind: Kind, id: &str) -> Result<Resource> {
    let key = ResourceKey::new(Source::host(), kind, id).context("a key")?;
    Ok(Resource::new(key, id))
}
