//! What is different between snapshots, and what is wrong with them.

use data_encoding::HEXLOWER;
use serde::Serialize;
use tamer_drift::diff::Change;
use tamer_model::Problem;
use tamer_proto::wire;

use super::drift::change;
use super::told;

/// What is different on one host; one of several pieces of that, perhaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct HostChanges {
    pub host: String,
    pub name: String,
    /// `changed`, `created` (only in the later one) or `deleted` (only in the earlier one).
    pub what: String,
    pub changes: Vec<Change>,
    /// Changes that are not told.
    pub left_out: u64,
}

/// What became of looking at everything that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Verified {
    pub snapshots: u32,
    /// That were read.
    pub nodes: u64,
    pub bytes: u64,
    /// At most 1,000.
    pub damage: Vec<Damage>,
    /// Damage that is not told.
    pub left_out: u32,
    /// Nodes that agents were asked for.
    pub asked: u32,
}

/// Something that is missing or not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Damage {
    /// Null: of a host's current picture.
    pub snapshot: Option<String>,
    /// Its name; null: in the tree of hosts.
    pub host: Option<String>,
    pub digest: String,
    pub problem: String,
}

/// A snapshot that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct RemovedSnapshot {
    pub snapshot: String,
}

/// A snapshot that was written as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Exported {
    pub file: String,
    pub bytes: u64,
}

impl TryFrom<wire::HostChanges> for HostChanges {
    type Error = Problem;

    fn try_from(told: wire::HostChanges) -> Result<Self, Problem> {
        let wire::HostChanges { host, name, what, changes, left_out } = told;
        let changes = changes.iter().map(|text| change(text)).collect::<Result<_, _>>()?;
        Ok(Self { host, name, what, changes, left_out })
    }
}

impl From<wire::VerifySnapshotsResponse> for Verified {
    fn from(response: wire::VerifySnapshotsResponse) -> Self {
        let wire::VerifySnapshotsResponse { snapshots, nodes, bytes, damage, left_out, asked } =
            response;
        let damage = damage.into_iter().map(Damage::from).collect();
        Self { snapshots, nodes, bytes, damage, left_out, asked }
    }
}

impl From<wire::Damage> for Damage {
    fn from(damage: wire::Damage) -> Self {
        let wire::Damage { snapshot, host, digest, problem } = damage;
        let digest = HEXLOWER.encode(&digest);
        Self { snapshot: told(snapshot), host: told(host), digest, problem }
    }
}
