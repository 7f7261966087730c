//! Changes of workloads' own records that the state of their copies brings about.

use std::sync::Arc;

use tamer_model::{
    Code, Problem, Stage, Timestamp, UpdateState, VersionCause, Workload, WorkloadName,
    WorkloadVersion,
};
use tamer_scheduler::{Failed, Failure, WorkloadStep};
use tamer_store::{Commit, CommitError, Range, Store};
use tracing::info;

use super::board::Applied;
use super::{Workloads, load};
use crate::audit;
use crate::fleet::Fleet;
use crate::state::{Unstorable, encode, keys};

/// Versions that one commit removes, of 128 writes that a store accepts.
const VERSIONS_PER_COMMIT: u32 = 100;

/// What became of a step.
pub enum Stepped {
    /// The record is as it is to be; what else was planned for the workload goes on.
    Noted,
    /// The workload is another, or gone: what else was planned for it is planned anew.
    Changed,
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store refused it, or failed.
    #[error("the record of a workload cannot be written")]
    Commit(#[from] CommitError),
    /// What it needs cannot be read.
    #[error("the history of a workload cannot be read")]
    Read(Problem),
}

/// The name of the workload that a step is about.
pub const fn name_of(step: &WorkloadStep) -> &WorkloadName {
    match step {
        WorkloadStep::Update { workload, .. }
        | WorkloadStep::Revert { workload, .. }
        | WorkloadStep::Fail { workload, .. }
        | WorkloadStep::Remove { workload } => workload,
    }
}

/// Does one step, and puts what was stored on the board.
pub async fn step(
    store: &Store,
    workloads: &Workloads,
    fleet: &Fleet,
    step: WorkloadStep,
    now: Timestamp,
) -> Result<Stepped, StepError> {
    let Some(applied) = workloads.read().workload(name_of(&step)).cloned() else {
        return Ok(Stepped::Changed);
    };
    match step {
        WorkloadStep::Update { workload: _, update, stable } => {
            let stable = stable.or(applied.workload.stable);
            let changed = Workload { update, stable, ..Workload::clone(&applied.workload) };
            write(store, workloads, &applied, changed, Commit::new()).await?;
            Ok(Stepped::Noted)
        }
        WorkloadStep::Revert { workload: _, to, failure } => {
            let reason = why(workloads, fleet, &failure);
            revert(store, workloads, &applied, to, reason, now).await?;
            Ok(Stepped::Changed)
        }
        WorkloadStep::Fail { workload: _, begun_at, failure } => {
            let stage = Stage::Failed { reason: why(workloads, fleet, &failure) };
            let update = Some(UpdateState { begun_at, stage });
            let changed = Workload { update, ..Workload::clone(&applied.workload) };
            write(store, workloads, &applied, changed, Commit::new()).await?;
            Ok(Stepped::Noted)
        }
        WorkloadStep::Remove { workload } => {
            remove(store, &applied, &workload).await?;
            workloads.write().remove_workload(&workload);
            info!(%workload, "a workload is removed: its last copy is gone");
            Ok(Stepped::Changed)
        }
    }
}

/// Why an update failed, for people: the host by its name, and what it said of the copy.
fn why(workloads: &Workloads, fleet: &Fleet, failure: &Failure) -> String {
    let Failure { index, placement, host, how } = failure;
    let view = fleet.view();
    let name = view.host(*host).map_or_else(|| host.to_string(), |host| host.host.name.to_string());
    let told = match how {
        Failed::Ended => "failed".to_owned(),
        Failed::NotWell { healthy_for, deadline } => {
            format!("was not well for {healthy_for} within {deadline}")
        }
    };
    let board = workloads.read();
    let status = board.copy(*placement).and_then(|copy| copy.status.as_ref());
    let said = status.and_then(|status| status.reason.as_deref());
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    format!("copy {index} on {name} {told}{said}")
}

/// Goes back to an earlier version, as a version of its own. When that is not kept any more, the
/// update has failed and stays where it is.
async fn revert(
    store: &Store,
    workloads: &Workloads,
    applied: &Applied,
    to: u32,
    reason: String,
    now: Timestamp,
) -> Result<(), StepError> {
    let before = &applied.workload;
    let name = before.spec.name.clone();
    let versions = workloads.versions(&name).await.map_err(StepError::Read)?;
    let Some(earlier) = going_back(versions, before.template, to) else {
        let reason = format!("{reason}; version {to}, to go back to, is not kept");
        let begun_at = before.update.as_ref().map_or(now, |update| update.begun_at);
        let update = Some(UpdateState { begun_at, stage: Stage::Failed { reason } });
        let changed = Workload { update, ..Workload::clone(before) };
        return write(store, workloads, applied, changed, Commit::new()).await;
    };
    info!(workload = %name, to, reason, "an update failed; the workload goes back");
    let changed = Workload {
        spec: earlier.spec.clone(),
        version: before.version + 1,
        template: earlier.template,
        update: Some(UpdateState { begun_at: now, stage: Stage::Rolling }),
        ..Workload::clone(before)
    };
    let version = WorkloadVersion {
        version: changed.version,
        template: changed.template,
        spec: earlier.spec,
        by: before.owner.clone(),
        at: now,
        cause: VersionCause::AutoReverted { to, reason: reason.clone() },
    };
    let key = keys::workload_version(&name, version.version);
    let commit = Commit::new().put(key, encode(&version));
    let (who, from) = ("coordinator".to_owned(), String::new());
    let detail = format!("to version {to}: {reason}");
    let commit = audit::record(commit, who, from, "workload.revert", &name, detail);
    let missing = workloads.read().lacks(&name, changed.template);
    write(store, workloads, applied, changed, commit).await?;
    if missing
        && let Some(made) =
            load::version(store, &name, earlier.template).await.map_err(StepError::Read)?
    {
        workloads.write().put_template(&name, earlier.template, Arc::new(made.spec));
    }
    Ok(())
}

/// The version to go back to, of those that are kept, the oldest first: the last one before the
/// update whose copies were made of `to`. A workload that was scaled since then stays as large.
fn going_back(versions: Vec<WorkloadVersion>, failed: u32, to: u32) -> Option<WorkloadVersion> {
    let fits = |version: &WorkloadVersion| version.template == to && version.version < failed;
    let (before, others): (Vec<_>, Vec<_>) = versions.into_iter().partition(fits);
    // After going back by hand, what was well may be of a later version than what failed.
    before.into_iter().last().or_else(|| others.into_iter().find(|one| one.version == to))
}

/// Writes a workload's record, if it is another, and shows it.
async fn write(
    store: &Store,
    workloads: &Workloads,
    applied: &Applied,
    changed: Workload,
    commit: Commit,
) -> Result<(), StepError> {
    if changed == *applied.workload {
        return Ok(());
    }
    let key = keys::workload(&changed.spec.name);
    let commit = commit.modified_at(key.clone(), applied.at).put(key, encode(&changed));
    let at = store.commit(commit).await?;
    workloads.write().put_workload(changed, at);
    Ok(())
}

/// Removes a workload, its history first: what a crash leaves is a workload that is to be removed.
async fn remove(store: &Store, applied: &Applied, name: &WorkloadName) -> Result<(), StepError> {
    let key = keys::workload(name);
    let history = Range::prefix(&keys::workload_versions(name)).limit(VERSIONS_PER_COMMIT);
    loop {
        let read = |error| StepError::Read(Unstorable::problem(error));
        let page = store.range(history.clone()).await.map_err(read)?;
        let given = Commit::new().modified_at(key.clone(), applied.at);
        let commit = page.entries.into_iter().fold(given, |commit, one| commit.delete(one.key));
        if page.next.is_none() {
            store.commit(commit.delete(key)).await?;
            return Ok(());
        }
        store.commit(commit).await?;
    }
}

impl StepError {
    /// As a problem, for the log.
    pub fn problem(self) -> Problem {
        match self {
            Self::Commit(error) => error.problem(),
            Self::Read(problem) => problem,
        }
    }

    /// Whether somebody else was faster.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Commit(CommitError::Conflict { .. }) => true,
            Self::Commit(_) => false,
            Self::Read(problem) => problem.code == Code::Conflict,
        }
    }
}
