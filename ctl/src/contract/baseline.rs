//! Baselines: what is right.

use serde::Serialize;
use tamer_proto::wire;

use super::{Time, told};

/// One version of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Baseline {
    pub baseline: String,
    pub version: u32,
    /// The id of the snapshot that it is.
    pub snapshot: String,
    /// Over hosts; null: all of the snapshot.
    pub selector: Option<String>,
    pub at: Time,
    pub by: String,
    pub note: Option<String>,
    /// The version that it was made from, by accepting.
    pub before: Option<u32>,
    /// Ids of the findings that were accepted; the coordinator tells some of many.
    pub accepted: Vec<String>,
    pub hosts: u32,
    pub cleared: bool,
}

/// A baseline that is none any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Cleared {
    pub baseline: String,
    /// That was in force.
    pub version: u32,
}

impl From<wire::BaselineView> for Baseline {
    fn from(view: wire::BaselineView) -> Self {
        let wire::BaselineView {
            name,
            version,
            snapshot,
            selector,
            at,
            by,
            note,
            before,
            accepted,
            hosts,
            cleared,
        } = view;
        Self {
            baseline: name,
            version,
            snapshot,
            selector: told(selector),
            at: Time::of(at),
            by,
            note: told(note),
            before: (before > 0).then_some(before),
            accepted,
            hosts,
            cleared,
        }
    }
}
