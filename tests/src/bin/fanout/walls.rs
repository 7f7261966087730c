//! What whole commands take.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};
use tamer_tests::bench::median;

/// `tamerctl run -- true` on all agents, from fork to exit: milliseconds, the median.
pub fn run(programs: &Path, context: &Path, agents: usize) -> Result<f64> {
    wall(programs, context, &["run", "-o", "json", "--", "true"], 5, |told| {
        told["tasks"].as_array().is_some_and(|tasks| tasks.len() == agents)
    })
}

/// `tamerctl status`, the same.
pub fn status(programs: &Path, context: &Path) -> Result<f64> {
    wall(programs, context, &["status", "-o", "json"], 20, serde_json::Value::is_object)
}

fn wall(
    programs: &Path,
    context: &Path,
    arguments: &[&str],
    times: usize,
    is_whole: impl Fn(&serde_json::Value) -> bool,
) -> Result<f64> {
    let mut walls = Vec::new();
    for _ in 0..times {
        let mut command = Command::new(programs.join("tamerctl"));
        command.env("TAMER_CONFIG", context).args(arguments);
        let began = Instant::now();
        let done = command.output()?;
        walls.push(began.elapsed().as_secs_f64() * 1e3);
        let errors = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "tamerctl {} failed: {errors}", arguments.join(" "));
        let told = serde_json::from_slice(&done.stdout)?;
        ensure!(is_whole(&told), "tamerctl {} did not tell all", arguments.join(" "));
    }
    Ok(median(walls))
}
