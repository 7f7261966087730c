//! Resources: normalised facts that a scan finds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words;

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ResourceKind {
    Technology,
    Instance,
    Image,
    Network,
    Volume,
    Pool,
    Checkpoint,
}

words!(ResourceKind {
    Technology = "technology",
    Instance = "instance",
    Image = "image",
    Network = "network",
    Volume = "volume",
    Pool = "pool",
    Checkpoint = "checkpoint",
});

/// Names a resource within its provider on its host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceRef {
    /// What it is.
    pub kind: ResourceKind,
    /// What the technology calls it, stable while it is there.
    pub id: String,
}

/// One fact. Two scans of an unchanged machine give equal resources, so nothing here may move by
/// itself: no uptime, no counters, no order that the technology chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Which.
    pub reference: ResourceRef,
    /// What people call it.
    pub name: String,
    /// Its attributes, flat: `limits.memory_bytes` = `1048576`.
    pub attributes: BTreeMap<String, String>,
    /// What it needs to be what it is: an instance its image, its networks and its volumes.
    pub depends_on: Vec<ResourceRef>,
}
