//! What would mend drift.

use serde::Serialize;

use super::{Preview, WorkloadPlan};

/// What would be done about findings, in the order in which it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct FixPlan {
    pub mends: Vec<PlannedMend>,
}

/// What would be done about one finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct PlannedMend {
    pub finding: String,
    pub title: String,
    /// `commands`, `instance`, `workload`, or `none`: then `why` says why.
    pub what: String,
    /// Each a program and its arguments, one after the other.
    pub commands: Vec<Vec<String>>,
    /// `start`, `stop`, `pause`, `resume` or `remove`.
    pub action: Option<String>,
    /// Its copies are made anew.
    pub workload: Option<String>,
    /// Names of the finding's hosts.
    pub hosts: Vec<String>,
    /// Hosts of the finding that its report does not name. Nothing is done on these.
    pub hosts_left_out: u64,
    /// Why nothing is done, or what of the finding stays as it is.
    pub why: Option<String>,
    /// What the batch would be.
    pub preview: Option<Preview>,
    /// What applying the workload again would do besides.
    pub plan: Option<WorkloadPlan>,
}
