//! What this machine is. `session` sends it at the hello and when it changed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sysinfo::{Disks, MemoryRefreshKind, RefreshKind, System};
use tamer_model::{DeviceName, Disk, Facts};

use crate::platform;

/// The most disks and addresses that are told: what the wire takes.
const MAX_LIST: usize = 256;

/// Collects the facts; `devices` are as the configuration says. Takes a few milliseconds of file
/// reading: call it where blocking is allowed.
pub fn collect(devices: BTreeMap<DeviceName, u32>) -> Facts {
    let (distro, distro_version) = platform::distribution();
    let kernel = System::kernel_version().unwrap_or_default();
    // CPU figures are not refreshed: on some machines without performance counters that aborts.
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(memory);
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
    let virtualization = platform::virtualization(&kernel);
    let mut addresses: Vec<IpAddr> =
        platform::addresses().into_iter().filter(|address| worth_telling(*address)).collect();
    addresses.truncate(MAX_LIST);
    Facts {
        os: platform::OS,
        distro,
        distro_version,
        kernel,
        arch: std::env::consts::ARCH.to_owned(),
        hostname: System::host_name().unwrap_or_default(),
        cpus,
        memory_bytes: system.map_or(0, |system| system.total_memory()),
        disks: disks(),
        addresses: addresses.iter().map(IpAddr::to_string).collect(),
        virtualization,
        providers: platform::providers(),
        devices,
    }
}

/// Loopback and link-local addresses say nothing to anybody else.
fn worth_telling(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

fn disks() -> Vec<Disk> {
    let Ok(listed) = Disks::new_with_refreshed_list() else { return Vec::new() };
    let mut disks: Vec<Disk> = listed
        .iter()
        .map(|disk| Disk {
            mount: disk.mount_point().display().to_string(),
            filesystem: disk.file_system().to_string_lossy().into_owned(),
            total_bytes: disk.total_space(),
        })
        .filter(|disk| disk.total_bytes > 0)
        .collect();
    disks.sort_by(|a, b| a.mount.cmp(&b.mount));
    disks.dedup();
    disks.truncate(MAX_LIST);
    disks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_hold_still() {
        let devices = || [("gpu".parse().expect("a name"), 2)].into();
        let facts = collect(devices());
        assert_eq!(facts, collect(devices()));
        assert_eq!(facts.devices, devices());
        assert!(facts.cpus > 0 && facts.memory_bytes > 0 && !facts.hostname.is_empty());
    }

    #[test]
    fn local_addresses_are_not_told() {
        for (address, told) in [
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("10.0.0.1", true),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", true),
        ] {
            assert_eq!(worth_telling(address.parse().expect("an address")), told, "{address}");
        }
    }
}
