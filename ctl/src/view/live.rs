//! The live picture of a batch: a line a host while they fit, and then those that matter most.

use super::board::{Board, Row};
use crate::contract::{Counts, TaskState};
use crate::output::{Line, Tone, width};
use crate::view::escape;

/// No name takes more columns than this.
const WIDEST_NAME: usize = 36;
/// The longest word of a state.
const STATE: usize = 13;

/// The picture of `board` on `columns` × `rows`: never more lines than `rows`, none wider than
/// `columns`.
pub fn picture(board: &Board, columns: usize, rows: usize) -> Vec<Line> {
    let mut hosts: Vec<&Row> = board.rows().collect();
    let room = rows.saturating_sub(1);
    if hosts.len() > room {
        hosts.sort_by(|a, b| (urgency(a), &a.name).cmp(&(urgency(b), &b.name)));
        hosts.truncate(room);
        hosts.retain(|row| urgency(row) < CALM);
    }
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    let names = hosts.iter().map(|row| width::of(&row.name));
    let wide = names.max().unwrap_or(0).min(WIDEST_NAME);
    let lines = hosts.into_iter().map(|row| line(row, wide).fit(columns));
    lines.chain([counts(board).fit(columns)]).collect()
}

const CALM: u8 = 3;

/// What to show first when not all fit: what runs, what failed, what is on its way.
fn urgency(row: &Row) -> u8 {
    match &row.state {
        TaskState::Running => 0,
        TaskState::Ended(end) if end.outcome.as_str() != "succeeded" => 1,
        TaskState::Dispatched => 2,
        TaskState::Pending | TaskState::Ended(_) => CALM,
    }
}

fn line(row: &Row, wide: usize) -> Line {
    let name = width::fit(&escape::text(&row.name), wide);
    let pad = " ".repeat(wide.saturating_sub(width::of(&name)));
    let state = row.state.as_str();
    Line::plain(format!("{name}{pad}  "))
        .and(Tone::of_state(state), format!("{:STATE$}", state.replace('_', " ")))
        .and(Tone::Plain, format!("  {}", row.last_line))
}

/// What was told of the batch may be older than what was told of its tasks, so these are counted.
fn counts(board: &Board) -> Line {
    let mut counts = Counts::default();
    for row in board.rows() {
        let count = match row.state.as_str() {
            "pending" => &mut counts.pending,
            "dispatched" => &mut counts.dispatched,
            "running" => &mut counts.running,
            "succeeded" => &mut counts.succeeded,
            "failed" => &mut counts.failed,
            "timed_out" => &mut counts.timed_out,
            "cancelled" => &mut counts.cancelled,
            "interrupted" => &mut counts.interrupted,
            _ => &mut counts.never_started,
        };
        *count += 1;
    }
    let line = counts.on_one_line();
    Line::new(Tone::Strong, if line.is_empty() { "waiting for hosts".to_owned() } else { line })
}

#[cfg(test)]
mod tests {
    use tamer_model::{KeptStream, Outcome};

    use super::super::board::tests::{chunk, ended, kept, task};
    use super::*;
    use crate::api::BatchEvent;

    fn board(quiet: usize) -> Board {
        let mut board = Board::default();
        let mut tell = |name: &str, state| {
            board.apply(BatchEvent::Task(task(name, state, KeptStream::default())));
        };
        for number in 0..quiet {
            tell(&format!("web-{number:02}"), ended(Outcome::Succeeded));
        }
        tell("waits", TaskState::Pending);
        tell("works", TaskState::Running);
        tell("cut-short", ended(Outcome::TimedOut));
        board.apply(chunk(
            "works",
            0,
            "copying a file with a name that goes on and on and on and on\n",
        ));
        board.apply(BatchEvent::Task(task("fine", ended(Outcome::Succeeded), kept("ok\n"))));
        board
    }

    fn drawn(board: &Board, columns: usize, rows: usize) -> String {
        let lines = picture(board, columns, rows);
        assert!(lines.len() <= rows);
        assert!(lines.iter().all(|line| width::of(&line.text()) <= columns));
        let lines: Vec<_> = lines.iter().map(|line| line.text().trim_end().to_owned()).collect();
        lines.join("\n")
    }

    #[test]
    fn a_line_a_host_while_they_fit() {
        insta::assert_snapshot!(drawn(&board(1), 60, 10), @r"
        cut-short  timed out
        fine       succeeded      ok
        waits      pending
        web-00     succeeded
        works      running        copying a file with a name that g…
        1 pending, 1 running, 2 succeeded, 1 timed out
        ");
    }

    #[test]
    fn and_then_those_that_matter() {
        insta::assert_snapshot!(drawn(&board(40), 60, 10), @r"
        cut-short  timed out
        works      running        copying a file with a name that g…
        1 pending, 1 running, 41 succeeded, 1 timed out
        ");
    }

    #[test]
    fn any_terminal_will_do() {
        for (columns, rows) in [(1, 1), (3, 2), (80, 1), (12, 3)] {
            drawn(&board(5), columns, rows);
        }
    }
}
