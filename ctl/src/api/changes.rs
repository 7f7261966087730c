//! The coordinator's `Drift` service: snapshots compared, removed and verified.

use tamer_model::Problem;
use tamer_proto::wire;

use super::workloads::views;
use super::{Api, Views, answer};
use crate::contract::{HostChanges, Verified};

/// Which snapshots to compare.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Between {
    /// The earlier one, by its id or name.
    pub before: String,
    /// The later one; empty: now.
    pub after: String,
    /// Only this host, by its name or id; empty: all.
    pub host: String,
    /// How many changes at most.
    pub limit: u32,
}

impl Api {
    /// What is different between two snapshots, host by host. A host may be told in several pieces.
    pub async fn diff_snapshots(
        &mut self,
        between: Between,
    ) -> Result<Views<HostChanges>, Problem> {
        let Between { before, after, host, limit } = between;
        let request = wire::DiffSnapshotsRequest { before, after, host, limit };
        let stream = answer(self.drift.diff_snapshots(request).await)?;
        Ok(views(stream, HostChanges::try_from))
    }

    /// Removes a snapshot that no baseline needs; returns its id.
    pub async fn remove_snapshot(&mut self, snapshot: &str) -> Result<String, Problem> {
        let request = wire::RemoveSnapshotRequest { snapshot: snapshot.to_owned() };
        answer(self.drift.remove_snapshot(request).await).map(|removed| removed.id)
    }

    /// Reads everything that a snapshot is made of; an empty one: all of them, and what is current.
    pub async fn verify_snapshots(&mut self, snapshot: &str) -> Result<Verified, Problem> {
        let request = wire::VerifySnapshotsRequest { snapshot: snapshot.to_owned() };
        answer(self.drift.verify_snapshots(request).await).map(Into::into)
    }
}
