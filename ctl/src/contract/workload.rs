//! Workloads.

mod placement;
mod plan;
mod why;

use serde::Serialize;
use serde_json::Value;
use tamer_model::Problem;
use tamer_proto::{Required, wire};

pub use self::placement::{DrainProgress, Placement, PlacementStatus, Score};
pub use self::plan::{FieldChange, PlannedStep, WorkloadChange, WorkloadPlan};
pub use self::why::{Account, Candidate, Removed, ScorePart, Unplaced};
use super::{Time, told};

/// A workload at a glance. Its state is a word, not an enum: a newer coordinator may know more of
/// them than this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Workload {
    pub workload: String,
    /// `running`, `updating`, `pending`, `degraded`, `failed`, `stopped`, `removing` or `done`.
    pub state: String,
    /// Why, where the state alone does not say it.
    pub reason: Option<String>,
    pub copies: Copies,
    pub version: u32,
    pub provider: String,
    pub owner: String,
    pub changed_at: Time,
}

/// How the copies of a workload stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Copies {
    pub wanted: u32,
    pub running: u32,
    /// Of the newest template, running, and not unwell.
    pub well: u32,
    /// Of another template, running, and not unwell.
    pub former: u32,
    pub starting: u32,
    pub failed: u32,
    /// On lost hosts.
    pub unknown: u32,
    pub unplaced: u32,
    pub completed: u32,
    pub stopping: u32,
}

/// Everything about a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct WorkloadDetail {
    #[serde(flatten)]
    pub workload: Workload,
    /// The version that its copies shall be made of.
    pub template: u32,
    /// The newest version whose copies were all well.
    pub stable: Option<u32>,
    pub update: Option<Update>,
    pub unplaced: Option<Unplaced>,
    pub placements: Vec<Placement>,
    pub created_at: Time,
    /// What was applied, with every default.
    pub spec: Value,
}

/// How a change of what copies are stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Update {
    /// `canary`, `rolling` or `failed`.
    pub stage: String,
    pub begun_at: Time,
    pub reason: Option<String>,
    pub replaced: u32,
    pub total: u32,
}

/// One version of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct WorkloadVersion {
    pub version: u32,
    pub template: u32,
    pub by: String,
    pub at: Time,
    /// What made it, in words.
    pub cause: String,
    pub spec: Value,
}

/// What became of a workload that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Applied {
    pub workload: String,
    /// `created`, `changed` or `unchanged`.
    pub what: String,
    pub version: u32,
}

impl TryFrom<wire::WorkloadRow> for Workload {
    type Error = Problem;

    fn try_from(row: wire::WorkloadRow) -> Result<Self, Problem> {
        let wire::WorkloadRow { name, owner, provider, version, copies, state, reason, changed_at } =
            row;
        Ok(Self {
            workload: name,
            state,
            reason: told(reason),
            copies: copies.required("workload.copies")?.into(),
            version,
            provider,
            owner,
            changed_at: Time::of(changed_at),
        })
    }
}

impl From<wire::CopyCounts> for Copies {
    fn from(counts: wire::CopyCounts) -> Self {
        let wire::CopyCounts {
            wanted,
            running,
            well,
            starting,
            failed,
            unknown,
            unplaced,
            completed,
            stopping,
            former,
        } = counts;
        Self {
            wanted,
            running,
            well,
            former,
            starting,
            failed,
            unknown,
            unplaced,
            completed,
            stopping,
        }
    }
}

impl TryFrom<wire::WorkloadView> for WorkloadDetail {
    type Error = Problem;

    fn try_from(view: wire::WorkloadView) -> Result<Self, Problem> {
        let wire::WorkloadView {
            row,
            document,
            template,
            stable,
            update,
            placements,
            unplaced,
            created_at,
        } = view;
        Ok(Self {
            workload: row.required("workload.row")?.try_into()?,
            template,
            stable,
            update: update.map(Into::into),
            unplaced: unplaced.map(Into::into),
            placements: placements.into_iter().map(Into::into).collect(),
            created_at: Time::of(created_at),
            spec: document_of(document),
        })
    }
}

impl From<wire::UpdateView> for Update {
    fn from(update: wire::UpdateView) -> Self {
        let wire::UpdateView { stage, begun_at, reason, replaced, total } = update;
        Self { stage, begun_at: Time::of(begun_at), reason: told(reason), replaced, total }
    }
}

impl From<wire::WorkloadVersionView> for WorkloadVersion {
    fn from(view: wire::WorkloadVersionView) -> Self {
        let wire::WorkloadVersionView { version, template, document, by, at, cause } = view;
        Self { version, template, by, at: Time::of(at), cause, spec: document_of(document) }
    }
}

impl From<wire::AppliedWorkload> for Applied {
    fn from(applied: wire::AppliedWorkload) -> Self {
        let wire::AppliedWorkload { name, what, version } = applied;
        Self { workload: name, what, version }
    }
}

/// JSON that is carried as text; the empty one stands for nothing. What is none is shown as it is.
fn document_of(text: String) -> Value {
    match text.is_empty() {
        true => Value::Null,
        false => serde_json::from_str(&text).unwrap_or(Value::String(text)),
    }
}
