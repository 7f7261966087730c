//! Runs the checks one after the other, each with a limit and its own clean-up.

use std::fmt;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::Subject;
use super::bench::{Bench, Case, Outcome, Unmet};
use super::{
    checkpoints, events, exec, images, lifecycle, logs, naming, outage, probing, races, refusing,
    scanning, stats, terminal,
};

/// A check changes state a few times; this many patiences are far more than it needs.
const PATIENCES: u32 = 8;

/// Which checks to run.
#[derive(Debug, Clone, Default)]
pub struct Filter(Vec<String>);

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It cannot be asked of this technology, and why.
    Skipped(String),
    /// It does not hold, and what was seen.
    Failed(String),
}

/// How all checks went.
#[derive(Debug, Clone, Default)]
pub struct Report(Vec<(&'static str, Verdict, Duration)>);

/// Runs every check that the filter names. Says on standard error how each went, as it goes.
pub async fn run(subject: &dyn Subject, filter: &Filter) -> Report {
    let mut report = Report::default();
    let bench = match Bench::new(subject).await {
        Ok(bench) => bench,
        Err(unmet) => {
            report.add("reach", Err(unmet), Duration::ZERO);
            return report;
        }
    };
    for case in cases().filter(|case| filter.names(case.name)) {
        let began = Instant::now();
        let outcome = one(&bench, case).await;
        report.add(case.name, outcome, began.elapsed());
    }
    report
}

fn cases() -> impl Iterator<Item = &'static Case> {
    // The outage comes last: a technology that does not come back takes all others with it.
    [
        probing::CASES,
        lifecycle::CASES,
        races::CASES,
        refusing::CASES,
        naming::CASES,
        exec::CASES,
        terminal::CASES,
        logs::CASES,
        stats::CASES,
        events::CASES,
        checkpoints::CASES,
        images::CASES,
        scanning::CASES,
        outage::CASES,
    ]
    .into_iter()
    .flatten()
}

/// Runs one check and removes what it made, whatever came of it.
async fn one(bench: &Bench<'_>, case: &Case) -> Outcome {
    if let Some(why) = case.needs.iter().find_map(|operation| bench.cannot(*operation)) {
        return Err(Unmet::Skipped(why));
    }
    let limit = bench.subject.patience() * PATIENCES;
    let check = AssertUnwindSafe((case.check)(bench)).catch_unwind();
    let outcome = match tokio::time::timeout(limit, check).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Unmet::Failed(format!("panicked: {}", said(&*panic)))),
        Err(_) => Err(Unmet::Failed(format!("not done after {limit:?}"))),
    };
    let cleaned = match tokio::time::timeout(limit, bench.clean()).await {
        Ok(cleaned) => cleaned,
        Err(_) => Err(Unmet::Failed(format!("cleaning up: not done after {limit:?}"))),
    };
    outcome.and(cleaned)
}

/// Says how it goes.
pub(super) fn say(line: &str) {
    // Where nobody listens, the report says it again.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

impl Filter {
    /// Only checks with one of these texts, separated by commas, in their name; all when empty.
    pub fn new(texts: &str) -> Self {
        Self(texts.split(',').map(str::trim).filter(|t| !t.is_empty()).map(Into::into).collect())
    }

    fn names(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|text| name.contains(text.as_str()))
    }
}

impl Report {
    fn add(&mut self, name: &'static str, outcome: Outcome, took: Duration) {
        let verdict = match outcome {
            Ok(()) => Verdict::Passed,
            Err(Unmet::Skipped(why)) => Verdict::Skipped(why),
            Err(Unmet::Failed(why)) => Verdict::Failed(why),
        };
        say(&line(name, &verdict, took));
        self.0.push((name, verdict, took));
    }

    /// Every check by name and how it went.
    pub fn verdicts(&self) -> impl Iterator<Item = (&'static str, &Verdict)> {
        self.0.iter().map(|(name, verdict, _)| (*name, verdict))
    }

    /// Whether nothing failed, and the filter named any check at all.
    pub fn passed(&self) -> bool {
        !self.0.is_empty()
            && !self.verdicts().any(|(_, verdict)| matches!(verdict, Verdict::Failed(_)))
    }
}

fn line(name: &str, verdict: &Verdict, took: Duration) -> String {
    match verdict {
        Verdict::Passed => format!("pass {name} {:.2}s", took.as_secs_f64()),
        Verdict::Skipped(why) => format!("skip {name}: {why}"),
        Verdict::Failed(why) => format!("FAIL {name} {:.2}s: {why}", took.as_secs_f64()),
    }
}

impl fmt::Display for Report {
    /// Every check, those that failed last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = |verdict: &Verdict| matches!(verdict, Verdict::Failed(_));
        let fine = self.0.iter().filter(|(_, verdict, _)| !failed(verdict));
        for (name, verdict, took) in fine.chain(self.0.iter().filter(|(_, v, _)| failed(v))) {
            writeln!(f, "{}", line(name, verdict, *took))?;
        }
        Ok(())
    }
}
