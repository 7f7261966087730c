//! The fleet at a glance.

use serde::Serialize;
use tamer_proto::wire;

use super::Time;

/// The fleet at a glance.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Status {
    pub fleet: String,
    pub ca: String,
    pub coordinator: String,
    pub coordinator_version: String,
    pub store: String,
    pub hosts: HostCounts,
    pub running_batches: u32,
    pub instances: u64,
    pub started_at: Time,
    pub now: Time,
}

/// How many hosts are in which state.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct HostCounts {
    pub ready: u32,
    pub lost: u32,
    pub pending: u32,
}

impl From<wire::GetStatusResponse> for Status {
    fn from(status: wire::GetStatusResponse) -> Self {
        let wire::GetStatusResponse {
            fleet,
            ca,
            coordinator,
            coordinator_version,
            store,
            ready,
            lost,
            pending,
            running_batches,
            started_at,
            now,
            instances,
        } = status;
        Self {
            fleet,
            ca,
            coordinator,
            coordinator_version,
            store,
            hosts: HostCounts { ready, lost, pending },
            running_batches,
            instances: instances.into(),
            started_at: Time::of(started_at),
            now: Time::of(now),
        }
    }
}
