//! The keys of the store, all of them.
//!
//! | key | record |
//! | --- | --- |
//! | `fleet/meta` | [`super::FleetMeta`] |
//! | `secret/authority` | [`super::AuthorityRecord`]: the export of a store is a whole fleet |
//! | `fleet/host/HOST` | `Host` |
//! | `fleet/name/NAME` | the id of the host that has the name |
//! | `fleet/instance/HOST/INSTANCE` | `FleetInstance` |
//! | `fleet/providers/HOST` | a list of `ProviderStatus`, as the host's agent told it last |
//! | `fleet/status/HOST` | `HostStatus` |
//! | `fleet/token/TOKEN` | [`super::TokenRecord`] |
//! | `fleet/pending/KEY` | [`super::PendingHost`], by the fingerprint of its public key |
//! | `fleet/revoked/HOST` | [`super::Revoked`] |
//! | `batch/BATCH` | `Batch` |
//! | `active/BATCH` | nothing: the batch has not ended |
//! | `recent/ETAD` | the batch's id, newest first: the complement of its creation |
//! | `request/ID` | the id of the batch that the request made |
//! | `targets/BATCH` | the frozen list of [`super::Target`]; what does not fit goes on at
//! `targets/BATCH/1` and so on |
//! | `task/BATCH/HOST` | `TaskRecord`; a task without one is pending. A further target of the same
//! host has its number after the host: `task/BATCH/HOST/2` |
//! | `output/BATCH/HOST` | [`super::StoredOutput`]; numbered as the task is |
//! | `kept/BATCH` | [`super::KeptRecord`], once the janitor has seen its end |
//! | `schedule/NAME` | `crate::schedules::Schedule` |
//! | `work/workload/NAME` | `Workload` |
//! | `work/version/NAME/VERSION` | `WorkloadVersion`, its number in eight digits |
//! | `work/placement/HOST/PLACEMENT` | `Placement` |
//! | `work/placed/HOST/PLACEMENT` | `PlacementStatus`, its times by the coordinator's clock |
//! | `work/trouble/HOST` | `crate::workloads::Trouble`: what fails there, and until when it is set aside |
//! | `drift/host/HOST` | `crate::drift::HostRecord`: what is known of what the host holds |
//! | `drift/delta/HOST/PETS` | `crate::drift::DeltaRecord`: one change of it, newest first: the complement
//! of its number |
//! | `drift/snapshot/SNAPSHOT` | `crate::drift::SnapshotRecord` |
//! | `drift/hosts/SNAPSHOT/N` | the names of the hosts in it, in chunks |
//! | `drift/taken/ID` | the id of the snapshot that the request took |
//! | `drift/baseline/NAME` | `crate::drift::InForce`: which version of it counts |
//! | `drift/version/NAME/VERSION` | `crate::drift::BaselineRecord`, its number in eight digits; never changed |
//! | `drift/rule/NAME` | `crate::drift::RuleRecord` |
//! | `drift/ack/FINDING` | `crate::drift::AckRecord` |
//! | `applied/ID` | [`super::AppliedRecord`]: what came of the request to apply a file |
//! | `audit/ETAD` | `AuditRecord`, newest first |

use tamer_model::{
    BaselineName, BatchId, FindingId, Fingerprint, HostId, HostName, InstanceId, PlacementId,
    RuleName, ScheduleName, SnapshotId, Spot, TaskId, Timestamp, TokenId, WorkloadName,
};
use tamer_store::{Key, Prefix};

const BOUNDED: &str = "ids and names are shorter than a key may be";

fn key(text: String) -> Key {
    Key::new(text).expect(BOUNDED)
}

fn prefix(text: &str) -> Prefix {
    Prefix::new(text).expect(BOUNDED)
}

pub fn meta() -> Key {
    key("fleet/meta".to_owned())
}

pub fn authority() -> Key {
    key("secret/authority".to_owned())
}

/// What the cache of the fleet follows.
pub fn fleet() -> Prefix {
    prefix("fleet/")
}

pub fn host(id: HostId) -> Key {
    key(format!("fleet/host/{id}"))
}

pub fn name(name: &HostName) -> Key {
    key(format!("fleet/name/{name}"))
}

pub fn status(id: HostId) -> Key {
    key(format!("fleet/status/{id}"))
}

pub fn instance(host: HostId, id: InstanceId) -> Key {
    key(format!("fleet/instance/{host}/{id}"))
}

pub fn all_instances() -> Prefix {
    prefix("fleet/instance/")
}

pub fn all_providers() -> Prefix {
    prefix("fleet/providers/")
}

pub fn providers(host: HostId) -> Key {
    key(format!("fleet/providers/{host}"))
}

pub fn token(id: TokenId) -> Key {
    key(format!("fleet/token/{id}"))
}

pub fn pending(public_key: &Fingerprint) -> Key {
    key(format!("fleet/pending/{public_key}"))
}

pub fn revoked(id: HostId) -> Key {
    key(format!("fleet/revoked/{id}"))
}

pub fn batch(id: BatchId) -> Key {
    key(format!("batch/{id}"))
}

pub fn batches() -> Prefix {
    prefix("batch/")
}

pub fn active(id: BatchId) -> Key {
    key(format!("active/{id}"))
}

pub fn actives() -> Prefix {
    prefix("active/")
}

/// Later times sort first.
fn newest_first(at: Timestamp) -> String {
    format!("{:016x}", u64::MAX - at.as_millis())
}

pub fn recent(created_at: Timestamp, id: BatchId) -> Key {
    key(format!("recent/{}/{id}", newest_first(created_at)))
}

pub fn recents() -> Prefix {
    prefix("recent/")
}

pub fn request(id: &str) -> Key {
    key(format!("request/{id}"))
}

pub fn targets(id: BatchId) -> Key {
    key(format!("targets/{id}"))
}

/// A further chunk of the targets, from 1.
pub fn targets_chunk(id: BatchId, number: u32) -> Key {
    key(format!("targets/{id}/{number:05}"))
}

/// Every chunk of the targets of every batch.
pub fn every_target() -> Prefix {
    prefix("targets/")
}

/// Every chunk of the targets: ids are of one length, so none begins with another.
pub fn all_targets(id: BatchId) -> Prefix {
    prefix(&format!("targets/{id}"))
}

/// The record of a target, whichever attempt it is about.
pub fn task(id: TaskId) -> Key {
    key(format!("task/{}/{}", id.batch, id.spot()))
}

pub fn tasks(batch: BatchId) -> Prefix {
    prefix(&format!("task/{batch}/"))
}

pub fn output(id: TaskId) -> Key {
    key(format!("output/{}/{}", id.batch, id.spot()))
}

pub fn outputs(batch: BatchId) -> Prefix {
    prefix(&format!("output/{batch}/"))
}

pub fn schedule(name: &ScheduleName) -> Key {
    key(format!("schedule/{name}"))
}

pub fn schedules() -> Prefix {
    prefix("schedule/")
}

pub fn workload(name: &WorkloadName) -> Key {
    key(format!("work/workload/{name}"))
}

pub fn workloads() -> Prefix {
    prefix("work/workload/")
}

pub fn workload_version(name: &WorkloadName, version: u32) -> Key {
    key(format!("work/version/{name}/{version:08}"))
}

/// Every version of a workload, the oldest first.
pub fn workload_versions(name: &WorkloadName) -> Prefix {
    prefix(&format!("work/version/{name}/"))
}

pub fn placement(host: HostId, id: PlacementId) -> Key {
    key(format!("work/placement/{host}/{id}"))
}

pub fn placements() -> Prefix {
    prefix("work/placement/")
}

/// What a host told of a placement.
pub fn placed(host: HostId, id: PlacementId) -> Key {
    key(format!("work/placed/{host}/{id}"))
}

pub fn all_placed() -> Prefix {
    prefix("work/placed/")
}

pub fn trouble(host: HostId) -> Key {
    key(format!("work/trouble/{host}"))
}

pub fn troubles() -> Prefix {
    prefix("work/trouble/")
}

pub fn inventory(host: HostId) -> Key {
    key(format!("drift/host/{host}"))
}

pub fn inventories() -> Prefix {
    prefix("drift/host/")
}

/// A change of what a host holds, by its number: the later sorts first.
pub fn delta(host: HostId, step: u64) -> Key {
    key(format!("drift/delta/{host}/{:016x}", u64::MAX - step))
}

/// Every change of what a host holds, the newest first.
pub fn deltas(host: HostId) -> Prefix {
    prefix(&format!("drift/delta/{host}/"))
}

pub fn all_deltas() -> Prefix {
    prefix("drift/delta/")
}

pub fn snapshot(id: SnapshotId) -> Key {
    key(format!("drift/snapshot/{id}"))
}

/// Every snapshot, the oldest first.
pub fn snapshots() -> Prefix {
    prefix("drift/snapshot/")
}

/// A chunk of the names of a snapshot's hosts, from 0.
pub fn snapshot_hosts(id: SnapshotId, number: usize) -> Key {
    key(format!("drift/hosts/{id}/{number:05}"))
}

pub fn all_snapshot_hosts(id: SnapshotId) -> Prefix {
    prefix(&format!("drift/hosts/{id}/"))
}

/// The snapshot that a request took.
pub fn taken(request: &str) -> Key {
    key(format!("drift/taken/{request}"))
}

pub fn baseline(name: &BaselineName) -> Key {
    key(format!("drift/baseline/{name}"))
}

pub fn baselines() -> Prefix {
    prefix("drift/baseline/")
}

pub fn baseline_version(name: &BaselineName, version: u32) -> Key {
    key(format!("drift/version/{name}/{version:08}"))
}

/// Every version of a baseline, the oldest first.
pub fn baseline_versions(name: &BaselineName) -> Prefix {
    prefix(&format!("drift/version/{name}/"))
}

pub fn ignore_rule(name: &RuleName) -> Key {
    key(format!("drift/rule/{name}"))
}

pub fn ignore_rules() -> Prefix {
    prefix("drift/rule/")
}

pub fn acknowledged(finding: FindingId) -> Key {
    key(format!("drift/ack/{finding}"))
}

pub fn all_acknowledged() -> Prefix {
    prefix("drift/ack/")
}

/// What came of a request to apply workloads.
pub fn applied(request: &str) -> Key {
    key(format!("applied/{request}"))
}

pub fn all_applied() -> Prefix {
    prefix("applied/")
}

pub fn kept(id: BatchId) -> Key {
    key(format!("kept/{id}"))
}

pub fn audit(at: Timestamp, random: [u8; 4]) -> Key {
    key(format!("audit/{}{:08x}", newest_first(at), u32::from_be_bytes(random)))
}

pub fn audits() -> Prefix {
    prefix("audit/")
}

/// The target that the key of a task or an output names.
pub fn spot(key: &Key) -> Option<Spot> {
    key.as_text()?.splitn(3, '/').nth(2)?.parse().ok()
}

/// The last part of a key: the id or name in it.
pub fn tail(key: &Key) -> &str {
    key.as_text().and_then(|text| text.rsplit('/').next()).unwrap_or_default()
}
