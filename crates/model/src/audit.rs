//! The audit: who changed what.

use serde::{Deserialize, Serialize};

use crate::{Code, Timestamp};

/// One change, or one that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When, by the coordinator's clock.
    pub at: Timestamp,
    /// Who: `user/NAME`, `host/ID`, `token/ID`, `coordinator/ID` or `anonymous`.
    pub who: String,
    /// What: the verb, as `noun.verb` (`host.rm`, `token.create`, `batch.create` …).
    pub what: String,
    /// On what: the id or name of the thing.
    pub on: String,
    /// From where: the peer's address.
    pub from: String,
    /// How it went.
    pub outcome: AuditOutcome,
    /// What a reader would ask next, without secrets.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// How a change went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused(Code),
}
