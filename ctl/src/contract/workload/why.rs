//! Why copies are where they are, or nowhere.

use serde::Serialize;
use tamer_proto::wire;

use super::Placement;
use crate::contract::Time;

/// Copies that no host can take, and what would have to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Unplaced {
    pub workload: String,
    pub copies: u32,
    /// Hosts that were looked at.
    pub hosts: u32,
    /// Each host counts where it was removed first.
    pub removed: Vec<Removed>,
    /// The smallest change first.
    pub remedies: Vec<String>,
    /// Null while it is only planned.
    pub since: Option<Time>,
}

/// How many hosts something removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Removed {
    pub constraint: String,
    pub hosts: u32,
}

/// Why a copy is where it is, or why a workload's copies have no host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Account {
    /// In sentences.
    pub lines: Vec<String>,
    pub placements: Vec<Placement>,
    pub unplaced: Option<Unplaced>,
    /// The best hosts now.
    pub candidates: Vec<Candidate>,
}

/// A host that fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Candidate {
    pub host: String,
    /// Of a thousand.
    pub points: i32,
    pub parts: Vec<ScorePart>,
}

/// What a part of a host's points is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct ScorePart {
    pub what: String,
    pub points: i32,
}

impl From<wire::Unplaced> for Unplaced {
    fn from(unplaced: wire::Unplaced) -> Self {
        let wire::Unplaced { workload, copies, removed, hosts, remedies, since } = unplaced;
        let removed = removed.into_iter();
        let removed =
            removed.map(|wire::Removed { constraint, hosts }| Removed { constraint, hosts });
        let removed = removed.collect();
        Self { workload, copies, hosts, removed, remedies, since: Time::told(since) }
    }
}

impl From<wire::WhyResponse> for Account {
    fn from(why: wire::WhyResponse) -> Self {
        let wire::WhyResponse { lines, placements, unplaced, candidates } = why;
        Self {
            lines,
            placements: placements.into_iter().map(Into::into).collect(),
            unplaced: unplaced.map(Into::into),
            candidates: candidates.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<wire::Candidate> for Candidate {
    fn from(candidate: wire::Candidate) -> Self {
        let wire::Candidate { host, points, parts } = candidate;
        let parts = parts.into_iter();
        let parts = parts.map(|wire::ScorePart { what, points }| ScorePart { what, points });
        Self { host, points, parts: parts.collect() }
    }
}
