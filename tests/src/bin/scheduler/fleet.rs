//! The fleet that is measured: every workload with two constraints, an affinity and a spread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use tamer_model::{
    Affinity, AffinityTo, Cpu, Disk, Facts, Fingerprint, Host, HostId, HostState, InstanceSpec,
    JoinedBy, LabelKey, LabelValue, Os, Resources, Run, Size, Spread, Timestamp, Workload,
    WorkloadSpec,
};
use tamer_scheduler::HostView;

const GIB: u64 = 1 << 30;
const ZONES: [&str; 4] = ["a", "b", "c", "d"];

/// A host of 16 to 64 processors, in one of four zones and a hundred racks.
pub fn host(number: u32) -> Result<HostView> {
    let mut id = [0; 10];
    id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
    id[6..].copy_from_slice(&number.to_be_bytes());
    let cpus = 16 << (number % 3);
    let mut labels = BTreeMap::new();
    let zone = ZONES[(number % 4) as usize].to_owned();
    for (key, value) in [("zone", zone), ("rack", format!("r{}", number % 100))] {
        labels.insert(LabelKey::try_from(key.to_owned())?, LabelValue::try_from(value)?);
    }
    if number.is_multiple_of(3) {
        labels.insert(LabelKey::try_from("ssd".to_owned())?, LabelValue::try_from(String::new())?);
    }
    let facts = Facts {
        os: Os::Linux,
        distro: "debian".to_owned(),
        distro_version: "12".to_owned(),
        kernel: if number.is_multiple_of(10) { "5.4.0" } else { "6.1.0" }.to_owned(),
        arch: "x86_64".to_owned(),
        hostname: format!("h{number}"),
        cpus,
        memory_bytes: u64::from(cpus) * 4 * GIB,
        disks: vec![Disk {
            mount: "/".to_owned(),
            filesystem: "ext4".to_owned(),
            total_bytes: 1000 * GIB,
        }],
        addresses: Vec::new(),
        virtualization: "none".to_owned(),
        providers: Vec::new(),
        devices: BTreeMap::new(),
    };
    let host = Host {
        id: HostId::from_bytes(id),
        name: format!("h{number}").parse()?,
        labels,
        facts,
        agent_version: "0.1.0".to_owned(),
        joined_at: Timestamp::default(),
        joined_by: JoinedBy::Approval("bench".parse()?),
        key: Fingerprint::from_bytes([0; 32]),
        next_key: None,
        certificate_ends: Timestamp::default(),
        clock_ahead_ms: 0,
        cordon: None,
        drain: None,
    };
    Ok(HostView {
        host: Arc::new(host),
        state: HostState::Ready,
        since: Timestamp::default(),
        providers: BTreeSet::from(["docker".parse()?]),
        taken: BTreeSet::new(),
        set_aside: None,
        set_aside_for: BTreeMap::new(),
    })
}

/// A workload of so many copies that take so many times as much as usual; what they take differs
/// between workloads.
pub fn workload(number: u32, (copies, times): (u32, u32)) -> Result<Workload> {
    let instance = InstanceSpec { image: Some("app:1".to_owned()), ..InstanceSpec::default() };
    let resources = Resources {
        cpu: Some(Cpu::from_millis((100 + u64::from(number % 7) * 50) * u64::from(times))),
        memory: Some(Size::from_bytes((u64::from(number % 5) + 2) * u64::from(times) * (64 << 20))),
        ..Resources::default()
    };
    let spec = WorkloadSpec {
        run: Run::Count(copies),
        constraints: vec!["zone in (a,b,c)".parse()?, "kernel>=5.10".parse()?],
        affinity: vec![Affinity { to: AffinityTo::Hosts("ssd".parse()?), weight: 50 }],
        spread: vec![Spread { over: "rack".to_owned(), weight: 50, max_skew: None }],
        resources,
        ..WorkloadSpec::new(format!("w{number:05}").parse()?, "docker".parse()?, instance)
    };
    Ok(Workload {
        spec,
        owner: "bench".parse()?,
        created_at: Timestamp::default(),
        version: 1,
        template: 1,
        stable: Some(1),
        update: None,
        stopped: false,
        removing: false,
        rebalance_at: None,
    })
}
