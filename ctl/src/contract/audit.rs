//! The audit.

use serde::Serialize;
use tamer_proto::wire;

use super::{Time, told};

/// One change, or one that was refused.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Audit {
    pub id: String,
    pub at: Time,
    pub who: String,
    pub what: String,
    pub on: String,
    pub from: String,
    pub outcome: String,
    pub detail: Option<String>,
}

impl From<wire::AuditRecord> for Audit {
    fn from(record: wire::AuditRecord) -> Self {
        let wire::AuditRecord { id, at, who, what, on, from, outcome, detail } = record;
        Self { id, at: Time::of(at), who, what, on, from, outcome, detail: told(detail) }
    }
}
