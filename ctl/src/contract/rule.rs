//! Ignore rules of drift. Their own JSON is `tamer_drift`'s.

use serde::Serialize;
use tamer_drift::finding::IgnoreRule;

use super::Time;

/// An ignore rule, and since when it is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Rule {
    #[serde(flatten)]
    pub rule: IgnoreRule,
    pub at: Time,
}

/// A rule that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct RemovedRule {
    pub rule: String,
}

impl Rule {
    /// A rule that is one since then, in milliseconds since the Unix epoch.
    pub const fn new(rule: IgnoreRule, at: u64) -> Self {
        Self { rule, at: Time::of(at) }
    }
}
