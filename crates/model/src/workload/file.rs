//! The file people write: one workload or many.

use serde::{Deserialize, Serialize};

use super::WorkloadSpec;
use crate::Problem;

/// The version of the file's form. A file may leave it out.
pub const FILE_VERSION: u32 = 1;
/// The most workloads of one file. It is one commit, which has 128 writes: a record and a version for
/// each of them, and a few more.
pub const MAX_FILE_WORKLOADS: usize = 60;

/// A file of workloads; what is in it is applied together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkloadFile {
    /// The version of the file's form.
    #[serde(default = "newest")]
    pub version: u32,
    /// What should run.
    pub workloads: Vec<WorkloadSpec>,
}

const fn newest() -> u32 {
    FILE_VERSION
}

impl WorkloadFile {
    /// Checks what can be checked without knowing the fleet. Fields are named by their paths:
    /// `workloads[2].instance.ports[0].host`.
    pub fn validate(self) -> Result<Self, Problem> {
        if self.version != FILE_VERSION {
            let message =
                format!("version {} is not known; this one knows {FILE_VERSION}", self.version);
            return Err(Problem::field("version", message).remedy("upgrade, or write version = 1"));
        }
        if self.workloads.is_empty() || self.workloads.len() > MAX_FILE_WORKLOADS {
            let message =
                format!("{} workloads, not 1 to {MAX_FILE_WORKLOADS}", self.workloads.len());
            return Err(Problem::field("workloads", message));
        }
        let path = |at: usize, problem: Problem| {
            let field = problem.field.as_deref().unwrap_or_default();
            let path = format!("workloads[{at}].{field}");
            problem.on(path.trim_end_matches('.').to_owned())
        };
        for (at, workload) in self.workloads.iter().enumerate() {
            workload.check().map_err(|problem| path(at, problem))?;
            if self.workloads[..at].iter().any(|other| other.name == workload.name) {
                let message = format!("{} is in the file twice", workload.name);
                return Err(path(at, Problem::field("name", message)));
            }
        }
        Ok(self)
    }
}
