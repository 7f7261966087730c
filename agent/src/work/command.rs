//! A command of the host.

use tamer_model::{CommandSpec, TaskEnd};

use super::Job;
use crate::exec::{self, LaunchError};
use crate::journal::Deed;

/// Runs the command to its end.
pub async fn run(job: &mut Job, spec: &CommandSpec) -> TaskEnd {
    match begin(job, spec).await {
        Ok(end) => end,
        Err(NotBegun::Launch(error)) => error.end(),
        Err(NotBegun::Unwritten(end)) => *end,
    }
}

/// Why nothing ran.
pub(super) enum NotBegun {
    /// It could not be started.
    Launch(LaunchError),
    /// It was not tried, because it could not be written down.
    Unwritten(Box<TaskEnd>),
}

/// Runs the command to its end, or says why nothing ran.
pub(super) async fn begin(job: &mut Job, spec: &CommandSpec) -> Result<TaskEnd, NotBegun> {
    job.about_to(Deed::Process).await.map_err(NotBegun::Unwritten)?;
    let running = exec::launch(spec, &job.marker()).map_err(NotBegun::Launch)?;
    tracing::info!(task = %job.task, pid = running.process.pid, "started");
    job.runs(running.process.clone()).await;
    job.begun();
    Ok(exec::supervise(running, spec, job.at, job.stop.clone(), &mut job.output).await)
}
