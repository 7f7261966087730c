//! Facts of a Windows machine.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};

use sysinfo::{Networks, System};
use tamer_model::{Os, ProviderHint};

/// The family of this operating system.
pub const OS: Os = Os::Windows;

/// `windows` and its version (`10.0.22631`).
pub fn distribution() -> (String, String) {
    let version = System::kernel_version().unwrap_or_default();
    let release = System::os_version().unwrap_or_default();
    // `11 (22631)`: the release says 10 or 11, the kernel the build.
    let version = if version.contains('.') { version } else { format!("10.0.{version}") };
    let known = !version.ends_with('.');
    ("windows".to_owned(), if known { version } else { release })
}

/// The addresses of the interfaces, or at least the one that leads out.
pub fn addresses() -> BTreeSet<IpAddr> {
    let networks = Networks::new_with_refreshed_list();
    let listed: BTreeSet<IpAddr> = networks
        .iter()
        .flat_map(|networks| networks.iter())
        .flat_map(|(_, network)| network.ip_networks().iter().map(|network| network.addr))
        .collect();
    if listed.is_empty() { way_out().into_iter().collect() } else { listed }
}

/// The address that packets to the outside would carry; none is sent.
fn way_out() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // TEST-NET-1 (RFC 5737): nobody's address.
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// What the machine runs in cannot be read without WMI; the Windows provider crates will tell.
pub fn virtualization(_: &str) -> String {
    "unknown".to_owned()
}

/// Technologies whose command is there.
pub fn providers() -> Vec<ProviderHint> {
    const COMMANDS: &[(&str, &[&str])] = &[
        ("cygwin", &[r"C:\cygwin64\bin\bash.exe", r"C:\cygwin\bin\bash.exe"]),
        ("docker", &["docker.exe"]),
        ("hyperv", &["vmms.exe", "vmconnect.exe"]),
        ("kubernetes", &["kubectl.exe"]),
        ("msys2", &[r"C:\msys64\usr\bin\bash.exe"]),
        ("podman", &["podman.exe"]),
        ("vmware", &["vmrun.exe"]),
        ("wasm", &["wasmtime.exe"]),
        ("wsl", &["wsl.exe"]),
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let find = |names: &[&str]| -> Option<PathBuf> {
        let whole = names.iter().map(Path::new).find(|path| path.is_absolute() && path.is_file());
        whole.map(Path::to_owned).or_else(|| {
            std::env::split_paths(&path)
                .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
                .find(|file| file.is_file())
        })
    };
    COMMANDS
        .iter()
        .filter_map(|(name, names)| {
            let found = find(names)?.display().to_string();
            Some(ProviderHint { name: (*name).to_owned(), found })
        })
        .collect()
}
