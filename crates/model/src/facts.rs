//! What a host says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::DeviceName;

/// The family of operating systems a host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Any Linux.
    Linux,
    /// Any Windows.
    Windows,
}

impl Os {
    /// `linux` or `windows`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

/// What an agent tells of its machine, at the hello and whenever it changed. Only what holds for
/// hours is a fact: free space and load are measurements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The family of the operating system.
    pub os: Os,
    /// The distribution's id (`debian`, `ubuntu` …) or `windows`.
    pub distro: String,
    /// The distribution's version (`12`, `24.04`, `10.0.22631`).
    pub distro_version: String,
    /// The kernel's release.
    pub kernel: String,
    /// The machine's architecture as Rust names it: `x86_64`, `aarch64`.
    pub arch: String,
    /// What the machine calls itself.
    pub hostname: String,
    /// Logical processors.
    pub cpus: u32,
    /// Main memory in bytes.
    pub memory_bytes: u64,
    /// Mounted disks, by mount point.
    pub disks: Vec<Disk>,
    /// The addresses of its interfaces, without loopback and link-local ones, sorted.
    pub addresses: Vec<String>,
    /// What the machine itself runs in: `none`, `kvm`, `hyperv`, `vmware`, `wsl`, `docker` …
    pub virtualization: String,
    /// Technologies whose command or socket was found.
    pub providers: Vec<ProviderHint>,
    /// How many devices of each kind it has for placements, as its agent's configuration says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<DeviceName, u32>,
}

/// A mounted disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// Its file system.
    pub filesystem: String,
    /// Its size in bytes.
    pub total_bytes: u64,
}

/// A sign that a technology is there. A provider decides whether it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderHint {
    /// The technology: `docker`, `podman`, `libvirt` …
    pub name: String,
    /// The command or socket that was found.
    pub found: String,
}
