//! `tamerctl schedule show` for people.

use std::time::Duration;

use super::list::when;
use crate::contract::{Occurrence, Schedule};
use crate::output::{Cell, Line, Table, human, pairs};

/// All of it.
pub fn lines(schedule: &Schedule) -> Vec<Line> {
    let mut lines = pairs(about(schedule));
    lines.extend(next(schedule));
    if !schedule.past.is_empty() {
        lines.push(Line::default());
        lines.extend(past(&schedule.past));
    }
    lines
}

/// The times that come next, by the clocks of the zone and in UTC.
pub fn next(schedule: &Schedule) -> Vec<Line> {
    if schedule.next.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(vec!["NEXT", "UTC", "IN"]);
    for next in &schedule.next {
        table.row(vec![
            Cell::from(next.local.as_str()),
            next.begins.to_string().into(),
            human::span(next.begins.since(schedule.now)).into(),
        ]);
    }
    let mut lines = vec![Line::default()];
    lines.extend(table.lines());
    lines
}

fn about(schedule: &Schedule) -> Vec<(&'static str, Cell)> {
    let timing = &schedule.timing;
    let span = |ms: u64| human::span(Duration::from_millis(ms));
    let mut shown = vec![
        ("Schedule", schedule.schedule.as_str().into()),
        ("State", Cell::state(&schedule.state)),
        ("Action", schedule.summary.as_str().into()),
        (
            "Selector",
            schedule.selector.as_deref().filter(|s| !s.is_empty()).unwrap_or("all").into(),
        ),
        ("When", when(schedule).into()),
        ("Zone", timing.zone.as_str().into()),
        ("Window", timing.window.as_deref().unwrap_or("always").into()),
        ("Overlap", timing.overlap.as_str().into()),
        ("Jitter", span(timing.jitter_ms).into()),
        ("Catch-up", span(timing.catch_up_ms).into()),
        ("Created", format!("{} by {}", schedule.created_at, schedule.created_by).into()),
    ];
    if let Some(waiting) = schedule.waiting {
        let batch = schedule.last_batch.as_deref().unwrap_or_default();
        shown.push(("Waiting", format!("due {waiting}, for the end of {batch}").into()));
    }
    shown
}

fn past(past: &[Occurrence]) -> Vec<Line> {
    let mut table = Table::new(vec!["DUE", "CAME OF IT", "BATCH", "REASON"]);
    for occurrence in past {
        let what = match occurrence.by_hand {
            true => "run by hand",
            false => words(&occurrence.what),
        };
        table.row(vec![
            Cell::from(occurrence.due.to_string()),
            what.into(),
            occurrence.batch.as_deref().unwrap_or_default().into(),
            reason(occurrence).into(),
        ]);
    }
    table.lines()
}

fn words(what: &str) -> &str {
    match what {
        "batch" => "run",
        "missed" => "missed",
        "window" => "left out: the window was closed",
        "overlap" => "left out: the one before had not ended",
        "disabled" => "left out: it was disabled",
        // "refused", and what a newer coordinator says.
        other => other,
    }
}

/// Why it was refused; with the code that scripts and the manual know it by.
fn reason(occurrence: &Occurrence) -> String {
    match (&occurrence.reason, &occurrence.code) {
        (Some(reason), Some(code)) => format!("{reason} [{code}]"),
        (reason, _) => reason.clone().unwrap_or_default(),
    }
}
