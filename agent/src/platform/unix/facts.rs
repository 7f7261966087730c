//! Facts of a Linux machine, read from files; nothing is run for them.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use tamer_model::{Os, ProviderHint};

/// The family of this operating system.
pub const OS: Os = Os::Linux;

/// The distribution's id and version (os-release(5)).
pub fn distribution() -> (String, String) {
    let text = fs::read_to_string("/etc/os-release")
        .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
        .unwrap_or_default();
    let value = |key: &str| {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.trim_matches(['"', '\'']).to_owned())
    };
    (value("ID").unwrap_or_else(|| "linux".to_owned()), value("VERSION_ID").unwrap_or_default())
}

/// The addresses of the interfaces that are up, without loopback and link-local ones.
pub fn addresses() -> BTreeSet<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return BTreeSet::new() };
    interfaces
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|interface| {
            let address = interface.address?;
            address
                .as_sockaddr_in()
                .map(|v4| IpAddr::V4(v4.ip()))
                .or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        })
        .collect()
}

/// What the machine runs in: the innermost first, since that is what a provider meets.
pub fn virtualization(kernel: &str) -> String {
    container()
        .or_else(|| kernel.to_ascii_lowercase().contains("microsoft").then_some("wsl"))
        .or_else(machine)
        .unwrap_or("none")
        .to_owned()
}

fn container() -> Option<&'static str> {
    if Path::new("/.dockerenv").exists() {
        return Some("docker");
    }
    if Path::new("/run/.containerenv").exists() {
        return Some("podman");
    }
    // systemd's container interface; gone from many containers, so the cgroup is looked at too.
    let named = fs::read_to_string("/run/systemd/container").unwrap_or_default();
    let groups = fs::read_to_string("/proc/1/cgroup").unwrap_or_default();
    ["docker", "kubepods", "lxc", "podman", "systemd-nspawn", "containerd"]
        .into_iter()
        .find(|word| named.trim() == *word || groups.contains(word))
        .map(|word| if word == "kubepods" { "kubernetes" } else { word })
}

/// What the firmware says of the machine (the vendors that systemd-detect-virt knows).
fn machine() -> Option<&'static str> {
    const VENDORS: &[(&str, &str)] = &[
        ("KVM", "kvm"),
        ("Amazon EC2", "amazon"),
        ("QEMU", "qemu"),
        ("VMware", "vmware"),
        ("innotek GmbH", "virtualbox"),
        ("VirtualBox", "virtualbox"),
        ("Xen", "xen"),
        ("Bochs", "bochs"),
        ("Parallels", "parallels"),
        ("Microsoft Corporation", "hyperv"),
        ("Google Compute Engine", "google"),
        ("OpenStack", "kvm"),
    ];
    let told: String = ["product_name", "sys_vendor", "board_vendor", "bios_vendor"]
        .iter()
        .filter_map(|name| fs::read_to_string(format!("/sys/class/dmi/id/{name}")).ok())
        .collect();
    let named = VENDORS.iter().find(|(vendor, _)| told.contains(vendor)).map(|(_, name)| *name);
    // Microsoft also makes machines of metal.
    if named == Some("hyperv") && !told.contains("Virtual Machine") {
        return None;
    }
    let guest = || {
        fs::read_to_string("/proc/cpuinfo")
            .is_ok_and(|text| {
                text.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor"))
            })
            .then_some("vm")
    };
    named.or_else(guest)
}

/// Technologies whose socket or command is there.
pub fn providers() -> Vec<ProviderHint> {
    const SOCKETS: &[(&str, &[&str])] = &[
        ("docker", &["/run/docker.sock", "/var/run/docker.sock"]),
        ("podman", &["/run/podman/podman.sock"]),
        ("libvirt", &["/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"]),
        ("containerd", &["/run/containerd/containerd.sock"]),
        ("kubernetes", &["/var/run/kubelet.sock", "/etc/rancher/k3s/k3s.yaml"]),
        ("proxmox", &["/etc/pve"]),
        ("wsl", &["/mnt/c/Windows/System32/wsl.exe"]),
    ];
    const COMMANDS: &[(&str, &[&str])] = &[
        ("docker", &["docker"]),
        ("podman", &["podman"]),
        ("libvirt", &["virsh"]),
        ("containerd", &["ctr", "nerdctl"]),
        ("kubernetes", &["kubectl", "k3s"]),
        ("wasm", &["wasmtime"]),
        ("vmware", &["vmrun"]),
        ("proxmox", &["pvesh"]),
        ("wsl", &["wsl.exe"]),
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let command = |names: &[&str]| {
        std::env::split_paths(&path)
            .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
            .find(|file| file.is_file())
    };
    let socket = |wanted: &str| {
        let (_, paths) = SOCKETS.iter().find(|(name, _)| *name == wanted)?;
        paths.iter().map(Path::new).find(|path| path.exists()).map(Path::to_owned)
    };
    let mut names: Vec<&str> = SOCKETS.iter().chain(COMMANDS).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let found = socket(name)
                .or_else(|| command(COMMANDS.iter().find(|(other, _)| *other == name)?.1))?;
            Some(ProviderHint { name: name.to_owned(), found: found.display().to_string() })
        })
        .collect()
}
