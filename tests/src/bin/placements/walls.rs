//! What whole commands take.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tamer_model::{FILE_VERSION, Run, WorkloadSpec};
use tamer_tests::bench::{Setting, median};

const TIMES: usize = 5;

/// Whole commands from fork to exit, in milliseconds, the median.
pub struct Walls {
    /// `workload ls`.
    pub list: f64,
    /// `workload plan` of what is there.
    pub same: f64,
    /// `workload plan` of a file that wants a tenth more.
    pub more: f64,
}

/// Measures them on a fleet that was told `specs`.
pub fn measure(setting: &Setting, programs: &Path, specs: &[WorkloadSpec]) -> Result<Walls> {
    let (same, more) = (setting.folder().join("same.json"), setting.folder().join("more.json"));
    std::fs::write(&same, file(specs)?)?;
    std::fs::write(&more, file(&larger(specs))?)?;
    let wall = |code, arguments: &[&str], whole: &dyn Fn(&Value) -> bool| {
        wall(programs, setting.context(), code, arguments, whole)
    };
    let count = specs.len();
    let has_all = |told: &Value| told["workloads"].as_array().map(Vec::len) == Some(count);
    let plan = |code, file: &Path| {
        wall(code, &["workload", "plan", "-o", "json", "-f", &file.to_string_lossy()], &has_all)
    };
    Ok(Walls {
        list: wall(0, &["workload", "ls", "-o", "json"], &|told| {
            told.as_array().is_some_and(|rows| rows.len() == count)
        })?,
        same: plan(0, &same)?,
        // It would change something, which is what its exit code says.
        more: plan(2, &more)?,
    })
}

fn file(specs: &[WorkloadSpec]) -> Result<String> {
    Ok(json!({ "version": FILE_VERSION, "workloads": serde_json::to_value(specs)? }).to_string())
}

fn larger(specs: &[WorkloadSpec]) -> Vec<WorkloadSpec> {
    let mut specs = specs.to_vec();
    for spec in &mut specs {
        if let Run::Count(count) = &mut spec.run {
            *count += count.div_ceil(10);
        }
    }
    specs
}

fn wall(
    programs: &Path,
    context: &Path,
    code: i32,
    arguments: &[&str],
    is_whole: &dyn Fn(&Value) -> bool,
) -> Result<f64> {
    let mut walls = Vec::new();
    for _ in 0..TIMES {
        let mut command = Command::new(programs.join("tamerctl"));
        command.env("TAMER_CONFIG", context).args(arguments);
        let began = Instant::now();
        let done = command.output()?;
        walls.push(began.elapsed().as_secs_f64() * 1e3);
        let shown = arguments.join(" ");
        let (text, errors) =
            (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        let status = done.status;
        ensure!(status.code() == Some(code), "tamerctl {shown}: {status}: {errors}{text:.2000}");
        let told = serde_json::from_slice(&done.stdout)?;
        ensure!(is_whole(&told), "tamerctl {shown} did not tell all: {told:#}");
    }
    Ok(median(walls))
}
