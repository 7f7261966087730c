//! The alarm: that the *set* of findings is another, not that there are some.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tamer_model::FindingId;

use super::report::Report;

/// How a set of findings differs from an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Findings that were not in the earlier set.
    pub new: Vec<FindingId>,
    /// Findings that are in it no more.
    pub gone: Vec<FindingId>,
    /// Findings of both.
    pub same: u64,
    /// Whether what is gone is gone for sure: false when not everything was seen this time.
    pub certain: bool,
    /// Whether anybody should hear of it: something is gone, or something is new that nobody set
    /// aside.
    pub rings: bool,
}

impl Alarm {
    /// How a report differs from the findings that were known before.
    pub fn of(report: &Report, before: &BTreeSet<FindingId>) -> Self {
        let now: BTreeSet<_> = report.findings.iter().map(|finding| finding.id).collect();
        let new: Vec<_> = now.difference(before).copied().collect();
        let gone: Vec<_> = before.difference(&now).copied().collect();
        let loud = report.open().any(|finding| !before.contains(&finding.id));
        Self {
            same: super::make::number(now.intersection(before).count()),
            certain: report.unobserved.is_empty(),
            rings: loud || !gone.is_empty(),
            new,
            gone,
        }
    }
}
