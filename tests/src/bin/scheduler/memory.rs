//! What placements cost in memory: forks of the scheduler with them, less forks without.

use alloc_tracker::{Allocator, Session};
use anyhow::{Context, Result};
use tamer_scheduler::Scheduler;

/// Counts what is asked of the system's allocator.
#[global_allocator]
static COUNTED: Allocator<std::alloc::System> = Allocator::system();

/// What a fork asks of the allocator, in bytes.
pub fn weigh(scheduler: &Scheduler) -> Result<f64> {
    let session = Session::new().no_stdout().no_file();
    let fork = session.operation("fork");
    let span = fork.measure_thread();
    drop(scheduler.clone());
    drop(span.iterations(1));
    let report = session.to_report();
    let counted = report.operations().find(|(name, _)| *name == "fork");
    counted.and_then(|(_, fork)| fork.bytes()).context("nothing was counted")
}
