//! The records of inventories, below `drift/`. What they refer to by digest is in [`super::nodes`].

mod delta;

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use tamer_drift::Digest;
use tamer_model::{
    BaselineName, FindingId, HostId, HostName, Problem, Selector, SnapshotId, SnapshotName,
    Timestamp, UserName,
};

pub use delta::{DeltaRecord, GapRecord, Packed, Short};

/// Names one memory of an agent. Another one, and it does not know what was before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Epoch([u8; 16]);

/// What is known of what a host holds: its newest picture that is here whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    pub epoch: Epoch,
    pub counter: u64,
    pub root: Digest,
    /// When it was whole, by the coordinator's clock.
    pub at: Timestamp,
    /// How long its last full pass took, in milliseconds.
    pub took_ms: u64,
    pub resources: u64,
    pub sources: Vec<SourceSeen>,
    /// How many changes were written down: clocks are set back, and this is not.
    #[serde(default)]
    pub step: u64,
}

/// One source of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSeen {
    pub name: String,
    /// Whether it was seen whole. What is missing of one that was not is not gone.
    pub complete: bool,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub problem: String,
    /// When it was seen whole last, by the coordinator's clock; 0: never.
    pub at: Timestamp,
    /// The kinds that it is about; empty: not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Until when it was as the picture before says, by the coordinator's clock. Of no use once that
    /// is written down.
    #[serde(skip)]
    pub still: Option<Timestamp>,
}

/// A snapshot. Its content is the tree of hosts below `root`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    pub id: SnapshotId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SnapshotName>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The request that took it: asked again, it is this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    pub at: Timestamp,
    pub by: UserName,
    /// Which hosts were meant.
    #[serde(default, skip_serializing_if = "Selector::is_all")]
    pub selector: Selector,
    pub root: Digest,
    pub hosts: u32,
    pub resources: u64,
    /// Hosts that were meant and of which nothing is known: their names, at most [`MISSING`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<HostName>,
    pub missing_count: u32,
    /// The longest full pass of a host in it, in milliseconds.
    pub took_ms: u64,
    /// When the oldest picture in it was whole.
    pub oldest_at: Timestamp,
    /// Hosts of which some source was not seen whole.
    pub incomplete: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imported: bool,
}

/// Names of hosts without a picture that a snapshot keeps. All of them are counted.
pub const MISSING: usize = 1000;

/// A host of a snapshot and its name at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub id: HostId,
    pub name: HostName,
    pub resources: u64,
    /// The sources that were not seen whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
}

/// Names to a chunk: each is shorter than 1 KiB.
pub const NAMED_CHUNK: usize = 900;

/// Which version of a baseline counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    pub version: u32,
    /// It was cleared: none counts. Its versions stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cleared: bool,
}

/// A version of a baseline. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineRecord {
    pub name: BaselineName,
    pub version: u32,
    pub snapshot: SnapshotId,
    /// The hosts that it is for, of those in the snapshot.
    #[serde(default, skip_serializing_if = "Selector::is_all")]
    pub selector: Selector,
    pub at: Timestamp,
    pub by: UserName,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The version that it was made from by accepting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u32>,
    /// The findings that were accepted: the first [`ACCEPTED`] of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<FindingId>,
}

/// Findings that a baseline's version names.
pub const ACCEPTED: usize = 1000;

/// A rule about noise: its document is that of `tamer_drift`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RuleRecord {
    pub rule: tamer_drift::finding::IgnoreRule,
    pub by: UserName,
    pub at: Timestamp,
}

/// A finding that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckRecord {
    pub until: Timestamp,
    pub by: UserName,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Epoch {
    /// The epoch of sixteen bytes.
    ///
    /// # Errors
    /// `InvalidField` for any other number of them.
    pub fn new(bytes: &[u8]) -> Result<Self, Problem> {
        bytes.try_into().map(Self).map_err(|_| {
            Problem::field("inventory.epoch", format!("{} bytes, not 16", bytes.len()))
        })
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.to_string()
    }
}

impl TryFrom<String> for Epoch {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        let bytes = HEXLOWER.decode(text.as_bytes());
        Self::new(&bytes.map_err(|_| Problem::field("epoch", "not 32 hex digits"))?)
    }
}
