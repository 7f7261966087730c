//! `tamerctl schedule ls` for people.

use crate::contract::Schedule;
use crate::output::{Cell, Line, Table, human};

/// One line a schedule.
pub fn table(schedules: &[Schedule], wide: bool) -> Vec<Line> {
    let mut head = vec!["NAME", "STATE", "WHEN", "NEXT", "LAST", "WHAT"];
    if wide {
        head.extend(["ZONE", "WINDOW", "OVERLAP", "BY"]);
    }
    let mut table = Table::new(head);
    for schedule in schedules {
        let timing = &schedule.timing;
        let mut cells: Vec<Cell> = vec![
            schedule.schedule.as_str().into(),
            Cell::state(&schedule.state),
            when(schedule).into(),
            next(schedule, wide).into(),
            last(schedule).into(),
            schedule.summary.as_str().into(),
        ];
        if wide {
            cells.extend([
                Cell::from(timing.zone.as_str()),
                timing.window.as_deref().unwrap_or("always").into(),
                timing.overlap.as_str().into(),
                schedule.created_by.as_str().into(),
            ]);
        }
        table.row(cells);
    }
    table.lines()
}

/// When it is due, in a few words.
pub fn when(schedule: &Schedule) -> String {
    let timing = &schedule.timing;
    let at = timing.at.map(|at| format!("at {at}"));
    at.or_else(|| timing.cron.clone()).unwrap_or_default()
}

fn next(schedule: &Schedule, wide: bool) -> String {
    match schedule.next.first() {
        Some(next) if wide => next.local.clone(),
        Some(next) => format!("in {}", human::span(next.begins.since(schedule.now))),
        None => String::new(),
    }
}

/// What came of the last one, and when.
fn last(schedule: &Schedule) -> String {
    let Some(last) = schedule.past.first() else { return String::new() };
    let what = last.batch.as_deref().unwrap_or(&last.what);
    format!("{what} {} ago", human::span(schedule.now.since(last.at)))
}
