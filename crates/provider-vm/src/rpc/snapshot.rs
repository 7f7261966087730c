//! Calls about snapshots of domains.

use super::xdr::structure;
use super::{Connection, Domain, RpcError, procedure};

/// A snapshot, by everything that names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// Its name, unique in its domain.
    pub name: String,
    /// Of which domain.
    pub domain: Domain,
}
structure!(Snapshot { name, domain });

impl Connection {
    /// Makes one. `flags` of `virDomainSnapshotCreateFlags`: 16 only the disks, 64 with the
    /// guest's file systems frozen by its agent, 128 all disks or none.
    pub async fn snapshot_create_xml(
        &self,
        domain: &Domain,
        xml: &str,
        flags: u32,
    ) -> Result<Snapshot, RpcError> {
        self.call(procedure::DOMAIN_SNAPSHOT_CREATE_XML, &(domain, xml, flags)).await
    }

    /// Every snapshot of a domain.
    pub async fn snapshots(&self, domain: &Domain) -> Result<Vec<Snapshot>, RpcError> {
        let arguments = (domain, 1i32, 0u32);
        let (snapshots, _count): (_, i32) =
            self.call(procedure::DOMAIN_LIST_ALL_SNAPSHOTS, &arguments).await?;
        Ok(snapshots)
    }

    /// The snapshot of this name; `VIR_ERR_NO_DOMAIN_SNAPSHOT` when there is none.
    pub async fn snapshot_lookup(&self, domain: &Domain, name: &str) -> Result<Snapshot, RpcError> {
        self.call(procedure::DOMAIN_SNAPSHOT_LOOKUP_BY_NAME, &(domain, name, 0u32)).await
    }

    /// Its description.
    pub async fn snapshot_xml(&self, snapshot: &Snapshot) -> Result<String, RpcError> {
        self.call(procedure::DOMAIN_SNAPSHOT_GET_XML_DESC, &(snapshot, 0u32)).await
    }

    /// Brings its domain back to it. `flags` of `virDomainSnapshotRevertFlags`: 1 running
    /// afterwards, 2 paused afterwards, 4 also when that is risky.
    pub async fn snapshot_revert(&self, snapshot: &Snapshot, flags: u32) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_REVERT_TO_SNAPSHOT, &(snapshot, flags)).await
    }

    /// Removes it. `flags` of `virDomainSnapshotDeleteFlags`: 1 with its children, 2 only what the
    /// daemon knows of it.
    pub async fn snapshot_delete(&self, snapshot: &Snapshot, flags: u32) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_SNAPSHOT_DELETE, &(snapshot, flags)).await
    }
}
