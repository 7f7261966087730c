//! Snapshots of what hosts hold.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::Serialize;
use tamer_drift::Resource;
use tamer_model::{Code, Problem};
use tamer_proto::{Required, wire};

use super::{Time, told};

/// A snapshot at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Snapshot {
    pub snapshot: String,
    pub name: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub at: Time,
    pub by: String,
    /// Over hosts; null: all of them were meant.
    pub selector: Option<String>,
    /// The digest of everything in it, in hexadecimal digits.
    pub checksum: String,
    /// That it holds.
    pub hosts: u32,
    pub resources: u64,
    /// Hosts that were meant and of which nothing is known.
    pub missing: u32,
    /// Hosts of which some source was not seen whole.
    pub incomplete: u32,
    /// The longest scan of a host in it, in milliseconds.
    pub took_ms: u64,
    /// When the oldest picture in it was seen.
    pub oldest_at: Option<Time>,
    pub imported: bool,
    /// That need it.
    pub baselines: Vec<String>,
}

/// A snapshot, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct SnapshotDetail {
    #[serde(flatten)]
    pub snapshot: Snapshot,
    pub members: Vec<SnapshotHost>,
    /// Names of hosts that were meant and of which nothing is known; the coordinator keeps some.
    pub missing_hosts: Vec<String>,
}

/// A host as a snapshot holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct SnapshotHost {
    pub host: String,
    pub name: String,
    pub checksum: String,
    /// When it was seen, by the coordinator's clock.
    pub at: Time,
    pub resources: u64,
    /// Sources that were not seen whole.
    pub incomplete: Vec<String>,
}

/// What a snapshot holds of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct HostPicture {
    pub snapshot: String,
    pub host: String,
    pub resources: Vec<Resource>,
}

impl From<wire::SnapshotView> for Snapshot {
    fn from(view: wire::SnapshotView) -> Self {
        let wire::SnapshotView {
            id,
            name,
            tags,
            at,
            by,
            selector,
            root,
            hosts,
            resources,
            missing,
            took_ms,
            oldest_at,
            incomplete,
            imported,
            baselines,
        } = view;
        Self {
            snapshot: id,
            name: told(name),
            tags: tags.into_iter().collect(),
            at: Time::of(at),
            by,
            selector: told(selector),
            checksum: HEXLOWER.encode(&root),
            hosts,
            resources,
            missing,
            incomplete,
            took_ms,
            oldest_at: Time::told(oldest_at),
            imported,
            baselines,
        }
    }
}

impl From<wire::SnapshotHost> for SnapshotHost {
    fn from(host: wire::SnapshotHost) -> Self {
        let wire::SnapshotHost { id, name, root, at, resources, incomplete } = host;
        let checksum = HEXLOWER.encode(&root);
        Self { host: id, name, checksum, at: Time::of(at), resources, incomplete }
    }
}

impl TryFrom<wire::ShowSnapshotResponse> for SnapshotDetail {
    type Error = Problem;

    fn try_from(page: wire::ShowSnapshotResponse) -> Result<Self, Problem> {
        let wire::ShowSnapshotResponse { snapshot, hosts, missing, .. } = page;
        Ok(Self {
            snapshot: snapshot.required("snapshot")?.into(),
            members: hosts.into_iter().map(Into::into).collect(),
            missing_hosts: missing,
        })
    }
}

impl HostPicture {
    /// Adds the resources of a page.
    ///
    /// # Errors
    /// `VersionUnsupported` for one that cannot be read: a picture without it would be another.
    pub fn add(&mut self, documents: &[String]) -> Result<(), Problem> {
        for document in documents {
            let resource = serde_json::from_str(document).map_err(|error| {
                let message = format!("a resource of {} cannot be read: {error}", self.host);
                Problem::new(Code::VersionUnsupported, message).remedy(
                    "use a tamerctl of the coordinator's version: `tamerctl status` shows it",
                )
            })?;
            self.resources.push(resource);
        }
        Ok(())
    }
}
