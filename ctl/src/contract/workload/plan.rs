//! What applying, or balancing, would do.

use serde::Serialize;
use serde_json::Value;
use tamer_proto::wire;

use super::{Score, Unplaced, document_of};
use crate::contract::told;

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct WorkloadPlan {
    /// Whether anything would.
    pub changes: bool,
    pub workloads: Vec<WorkloadChange>,
    pub steps: Vec<PlannedStep>,
    /// Steps that are not told, because there are so many.
    pub left_out: u32,
    pub unplaced: Vec<Unplaced>,
    pub notes: Vec<String>,
}

/// What would become of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct WorkloadChange {
    pub workload: String,
    /// `created`, `changed` or `unchanged`.
    pub what: String,
    /// That it has now; 0 when it is not there.
    pub version: u32,
    pub fields: Vec<FieldChange>,
    /// Its copies are made anew, as its update policy says.
    pub replaces_copies: bool,
    /// What happens to copies on a lost host, in words.
    pub lost: String,
}

/// A field that would change; null where it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct FieldChange {
    pub path: String,
    pub before: Value,
    pub after: Value,
}

/// A placement that would be made or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct PlannedStep {
    /// `make` or `stop`.
    pub step: String,
    pub workload: String,
    pub index: u32,
    /// The host's name.
    pub host: String,
    /// The one that is stopped.
    pub placement: Option<String>,
    pub reason: String,
    /// Of the host that was chosen.
    pub score: Option<Score>,
}

impl From<wire::WorkloadPlan> for WorkloadPlan {
    fn from(plan: wire::WorkloadPlan) -> Self {
        let wire::WorkloadPlan { workloads, steps, left_out, unplaced, notes } = plan;
        let workloads: Vec<WorkloadChange> = workloads.into_iter().map(Into::into).collect();
        let changed = workloads.iter().any(|workload| workload.what != "unchanged");
        Self {
            changes: changed || !steps.is_empty() || left_out > 0,
            workloads,
            steps: steps.into_iter().map(Into::into).collect(),
            left_out,
            unplaced: unplaced.into_iter().map(Into::into).collect(),
            notes,
        }
    }
}

impl From<wire::WorkloadChange> for WorkloadChange {
    fn from(change: wire::WorkloadChange) -> Self {
        let wire::WorkloadChange { name, what, fields, replaces_copies, lost, version } = change;
        let fields = fields.into_iter().map(Into::into).collect();
        Self { workload: name, what, version, fields, replaces_copies, lost }
    }
}

impl From<wire::FieldChange> for FieldChange {
    fn from(change: wire::FieldChange) -> Self {
        let wire::FieldChange { path, before, after } = change;
        Self { path, before: document_of(before), after: document_of(after) }
    }
}

impl From<wire::PlannedStep> for PlannedStep {
    fn from(step: wire::PlannedStep) -> Self {
        let wire::PlannedStep { kind, workload, index, host, placement, reason, score } = step;
        Self {
            step: kind,
            workload,
            index,
            host,
            placement: told(placement),
            reason,
            score: score.map(Into::into),
        }
    }
}
