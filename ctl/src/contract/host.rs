//! Hosts.

use std::collections::BTreeMap;

use serde::Serialize;
use tamer_model::Problem;
use tamer_proto::wire;

use super::{Time, told};

/// A host and what it said of itself. Its state is a word, not an enum: a newer coordinator may
/// know more of them than this program.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Host {
    pub id: String,
    pub name: String,
    pub state: String,
    pub os: String,
    pub arch: String,
    pub labels: BTreeMap<String, String>,
    pub agent_version: String,
    pub last_seen: Option<Time>,
    pub addresses: Vec<String>,
    pub distro: String,
    pub distro_version: String,
    pub kernel: String,
    pub hostname: String,
    pub cpus: u32,
    pub memory_bytes: u64,
    pub virtualization: String,
    pub providers: Vec<Provider>,
    pub disks: Vec<Disk>,
    pub state_since: Option<Time>,
    pub joined_at: Option<Time>,
    pub joined_by: Option<String>,
    pub certificate_ends: Option<Time>,
    pub clock_ahead_ms: i64,
    pub peer: Option<String>,
    /// Of one that waits for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_code: Option<String>,
    pub provider_status: Vec<ProviderStatus>,
    pub instances: u32,
    /// How many devices of each kind it has for placements.
    pub devices: BTreeMap<String, u32>,
    /// Why it takes no new work; absent when it does.
    pub cordon: Option<Cordon>,
    /// That its placements are moved away; absent when they stay.
    pub drain: Option<Drain>,
}

/// Why a host takes no new work. What it runs goes on.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Cordon {
    pub by: String,
    pub at: Time,
    pub reason: Option<String>,
}

/// That a host's placements are moved away.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Drain {
    pub by: String,
    pub at: Time,
    /// When what is left is stopped; null: as long as it takes.
    pub deadline: Option<Time>,
    /// Copies of workloads that run on every host stay.
    pub keep_every_host: bool,
}

/// A provider of a host, and what it can do.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct ProviderStatus {
    pub name: String,
    pub available: bool,
    pub version: String,
    pub endpoint: String,
    /// Why it is not there.
    pub problem: Option<Problem>,
    pub can: Vec<String>,
    /// By operation: why it cannot be had, ever.
    pub cannot: BTreeMap<String, String>,
    /// By operation: what is missing on this host as it is.
    pub not_now: BTreeMap<String, String>,
}

/// A technology that was found on a host, and by what sign.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Provider {
    pub name: String,
    pub found: String,
}

/// A mounted disk.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Disk {
    pub mount: String,
    pub filesystem: String,
    pub total_bytes: u64,
}

impl From<wire::Host> for Host {
    fn from(host: wire::Host) -> Self {
        let wire::Host {
            id,
            name,
            state,
            labels,
            facts,
            agent_version,
            last_seen,
            state_since,
            joined_at,
            joined_by,
            certificate_ends,
            clock_ahead_ms,
            peer,
            join_code,
            providers: provider_status,
            instances,
            cordon,
            drain,
        } = host;
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
        } = facts.unwrap_or_default();
        let disk =
            |wire::Disk { mount, filesystem, total_bytes }| Disk { mount, filesystem, total_bytes };
        let provider = |wire::ProviderHint { name, found }| Provider { name, found };
        Self {
            id,
            name,
            state,
            os,
            arch,
            labels: labels.into_iter().collect(),
            agent_version,
            last_seen: Time::told(last_seen),
            addresses,
            distro,
            distro_version,
            kernel,
            hostname,
            cpus,
            memory_bytes,
            virtualization,
            providers: providers.into_iter().map(provider).collect(),
            disks: disks.into_iter().map(disk).collect(),
            state_since: Time::told(state_since),
            joined_at: Time::told(joined_at),
            joined_by: told(joined_by),
            certificate_ends: Time::told(certificate_ends),
            clock_ahead_ms,
            peer: told(peer),
            join_code: told(join_code),
            provider_status: provider_status.into_iter().map(Into::into).collect(),
            instances,
            devices: devices.into_iter().collect(),
            cordon: cordon.map(|wire::Cordon { by, at, reason }| Cordon {
                by,
                at: Time::of(at),
                reason: told(reason),
            }),
            drain: drain.map(|wire::Drain { by, at, deadline, keep_every_host }| Drain {
                by,
                at: Time::of(at),
                deadline: deadline.map(Time::of),
                keep_every_host,
            }),
        }
    }
}

impl From<wire::ProviderStatus> for ProviderStatus {
    fn from(status: wire::ProviderStatus) -> Self {
        let wire::ProviderStatus { name, version, endpoint, unavailable, capabilities } = status;
        let (mut can, mut cannot, mut not_now) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for capability in capabilities {
            let ability = capability.ability();
            let wire::Capability { operation, ability: _, why } = capability;
            match ability {
                wire::Ability::Yes => can.push(operation),
                wire::Ability::No => drop(cannot.insert(operation, why)),
                wire::Ability::NotNow => drop(not_now.insert(operation, why)),
                // Neither told nor guessed at.
                wire::Ability::Unspecified => {}
            }
        }
        Self {
            name,
            available: unavailable.is_none(),
            version,
            endpoint,
            problem: unavailable.map(Into::into),
            can,
            cannot,
            not_now,
        }
    }
}
