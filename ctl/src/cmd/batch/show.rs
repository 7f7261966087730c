//! `tamerctl batch show` for people.

use tamer_model::TaskEnd;

use crate::contract::{Batch, BatchDetail};
use crate::output::{Cell, Line, Table, human, pairs};

/// The batch, and then its tasks.
pub fn lines(BatchDetail { batch, tasks }: &BatchDetail, wide: bool) -> Vec<Line> {
    let mut lines = pairs(about(batch));
    lines.push(Line::default());
    let mut head = vec!["TARGET", "STATE", "EXIT", "TOOK", "REASON"];
    if wide {
        head.extend(["HOST ID", "INSTANCE ID", "STARTED"]);
    }
    let mut table = Table::new(head);
    for task in tasks {
        let end = task.state.end();
        let exit = end.and_then(|end| end.outcome.exit_code());
        let took = end.and_then(|end| end.duration_ms).map(human::took);
        let mut cells: Vec<Cell> = vec![
            task.target().into(),
            Cell::state(task.state.as_str()),
            exit.map(|code| code.to_string()).unwrap_or_default().into(),
            took.unwrap_or_default().into(),
            end.map(reason).unwrap_or_default().into(),
        ];
        if wide {
            let started = task.started_at.map(|at| at.to_string()).unwrap_or_default();
            let instance = task.instance.as_deref().unwrap_or_default();
            cells.extend([Cell::from(task.host.as_str()), instance.into(), started.into()]);
        }
        table.row(cells);
    }
    lines.extend(table.lines());
    lines
}

fn about(batch: &Batch) -> Vec<(&'static str, Cell)> {
    let selector = match batch.selector.as_str() {
        "" => "all",
        selector => selector,
    };
    let mut shown = vec![
        ("Batch", batch.batch.as_str().into()),
        ("State", Cell::state(batch.state.as_str())),
        ("Action", batch.what().into()),
        ("Selector", selector.into()),
        ("Targets", human::count(batch.targets as usize, batch.action.noun()).into()),
        ("Tasks", batch.counts.on_one_line().into()),
        ("Created", format!("{} by {}", batch.created_at, batch.created_by).into()),
    ];
    if let Some(ended) = batch.ended_at {
        shown.push(("Ended", ended.to_string().into()));
    }
    if let Some(who) = &batch.cancelled_by {
        shown.push(("Cancelled by", who.as_str().into()));
    }
    shown
}

/// Why it ended so; with the code that scripts and the manual know it by.
fn reason(end: &TaskEnd) -> String {
    let reason = end.reason.clone().unwrap_or_default();
    match &end.problem {
        Some(problem) => format!("{reason} [{}]", problem.code.as_str()),
        None => reason,
    }
}
