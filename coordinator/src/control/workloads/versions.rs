//! Versions of workloads: made with each change, and listed. The janitor forgets them.

use tamer_model::{
    Code, Problem, Timestamp, UserName, VersionCause, Workload, WorkloadSpec, WorkloadVersion,
};
use tamer_proto::wire;
use tamer_store::Commit;

use super::document;
use crate::control::People;
use crate::state::{encode, keys};

/// Makes a workload the next version of itself. Without a template of before, its copies are made
/// anew, and an update that failed is over.
pub fn advance(workload: &mut Workload, spec: WorkloadSpec, template: Option<u32>) {
    workload.version = workload.version.saturating_add(1);
    let template = template.unwrap_or(workload.version);
    if template != workload.template {
        workload.template = template;
        workload.update = None;
    }
    workload.spec = spec;
}

/// Adds the record of the version that a workload is at.
pub fn put(
    commit: Commit,
    workload: &Workload,
    by: UserName,
    at: Timestamp,
    cause: VersionCause,
) -> Commit {
    let record = WorkloadVersion {
        version: workload.version,
        template: workload.template,
        spec: workload.spec.clone(),
        by,
        at,
        cause,
    };
    commit.put(keys::workload_version(&workload.spec.name, workload.version), encode(&record))
}

impl People {
    pub(in crate::control) async fn workload_versions(
        &self,
        name: &str,
    ) -> Result<wire::ListWorkloadVersionsResponse, Problem> {
        let (workload, _) = self.find_workload(name).await?;
        let versions = self.workloads.versions(&workload.spec.name).await?;
        let mut versions: Vec<_> = versions.into_iter().rev().map(show).collect();
        // The newest say most: a message has room for so many documents of the largest kind.
        let mut room = tamer_proto::MAX_MESSAGE / 2;
        versions.retain(|version| {
            let taken = prost::Message::encoded_len(version);
            let fits = taken <= room;
            room = room.saturating_sub(taken);
            fits
        });
        Ok(wire::ListWorkloadVersionsResponse { versions })
    }

    /// A version that is kept; 0: the one before the newest.
    pub(super) async fn kept_version(
        &self,
        workload: &Workload,
        version: u32,
    ) -> Result<WorkloadVersion, Problem> {
        let wanted = if version == 0 { workload.version.saturating_sub(1) } else { version };
        let kept = self.workloads.version(&workload.spec.name, wanted).await?;
        let unknown = || {
            let name = &workload.spec.name;
            let message = match wanted {
                0 => format!("{name} has no version before {}", workload.version),
                wanted => format!("{name} has no version {wanted}"),
            };
            Problem::new(Code::NotFound, message)
                .on("revert")
                .remedy("`tamerctl workload history` lists those that are kept")
        };
        kept.ok_or_else(unknown)
    }
}

fn show(version: WorkloadVersion) -> wire::WorkloadVersionView {
    let WorkloadVersion { version, template, spec, by, at, cause } = version;
    let cause = match cause {
        VersionCause::Applied => "applied".to_owned(),
        VersionCause::Scaled => "scaled".to_owned(),
        VersionCause::Restarted => "restarted".to_owned(),
        VersionCause::Reverted { to } => format!("reverted to {to}"),
        VersionCause::AutoReverted { to, reason } => {
            format!("went back to {to}, as the update failed: {reason}")
        }
    };
    wire::WorkloadVersionView {
        version,
        template,
        document: document::document(&spec),
        by: by.to_string(),
        at: at.as_millis(),
        cause,
    }
}
