//! Facts on the wire.

use std::collections::{BTreeMap, HashMap};

use tamer_model::{DeviceName, Disk, Facts, Os, Problem, ProviderHint};

use crate::required::parse;
use crate::wire;

/// The most disks, addresses or hints that one host may tell.
const MAX_LIST: usize = 256;
/// The longest text of a fact in bytes.
const MAX_TEXT: usize = 1024;

impl TryFrom<wire::Facts> for Facts {
    type Error = Problem;

    fn try_from(facts: wire::Facts) -> Result<Self, Problem> {
        let wire::Facts {
            os,
            distro,
            distro_version,
            kernel,
            arch,
            hostname,
            cpus,
            memory_bytes,
            disks,
            addresses,
            virtualization,
            providers,
            devices,
        } = facts;
        let os = match os.as_str() {
            "linux" => Os::Linux,
            "windows" => Os::Windows,
            other => {
                return Err(Problem::field(
                    "facts.os",
                    format!("unknown operating system {other:?}"),
                ));
            }
        };
        let texts = [&distro, &distro_version, &kernel, &arch, &hostname, &virtualization];
        if texts.into_iter().chain(&addresses).any(|text| text.len() > MAX_TEXT) {
            return Err(Problem::field("facts", format!("a text is longer than {MAX_TEXT} bytes")));
        }
        if disks.len() > MAX_LIST || addresses.len() > MAX_LIST || providers.len() > MAX_LIST {
            return Err(Problem::field("facts", format!("a list is longer than {MAX_LIST}")));
        }
        Ok(Self {
            os,
            distro,
            distro_version,
            kernel,
            arch,
            hostname,
            cpus,
            memory_bytes,
            disks: disks
                .into_iter()
                .map(|wire::Disk { mount, filesystem, total_bytes }| Disk {
                    mount,
                    filesystem,
                    total_bytes,
                })
                .collect(),
            addresses,
            virtualization,
            providers: providers
                .into_iter()
                .map(|wire::ProviderHint { name, found }| ProviderHint { name, found })
                .collect(),
            devices: devices_in(devices)?,
        })
    }
}

fn devices_in(devices: HashMap<String, u32>) -> Result<BTreeMap<DeviceName, u32>, Problem> {
    if devices.len() > MAX_LIST {
        return Err(Problem::field("facts.devices", format!("longer than {MAX_LIST}")));
    }
    let named =
        devices.into_iter().map(|(name, count)| Ok((parse(&name, "facts.devices")?, count)));
    named.collect()
}

impl From<Facts> for wire::Facts {
    fn from(facts: Facts) -> Self {
        let Facts {
            os,
            distro,
            distro_version,
            kernel,
            arch,
            hostname,
            cpus,
            memory_bytes,
            disks,
            addresses,
            virtualization,
            providers,
            devices,
        } = facts;
        Self {
            os: os.as_str().to_owned(),
            distro,
            distro_version,
            kernel,
            arch,
            hostname,
            cpus,
            memory_bytes,
            disks: disks
                .into_iter()
                .map(|Disk { mount, filesystem, total_bytes }| wire::Disk {
                    mount,
                    filesystem,
                    total_bytes,
                })
                .collect(),
            addresses,
            virtualization,
            providers: providers
                .into_iter()
                .map(|ProviderHint { name, found }| wire::ProviderHint { name, found })
                .collect(),
            devices: devices.into_iter().map(|(name, count)| (name.into(), count)).collect(),
        }
    }
}
