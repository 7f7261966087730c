//! The middle of the screen: who is slow, who failed, and what was printed.

use std::fmt::Write;

use super::layout::{beside, shares};
use super::{Screen, Size};
use crate::contract::Time;
use crate::output::{Line, Tone, human, width};
use crate::view::board::{Board, Bytes, Row};
use crate::view::escape;
use crate::view::summary::ending;
use crate::view::tally::Kind;
use crate::view::words::{clock, number, percent};

/// No name takes more columns than this.
const WIDEST_NAME: usize = 36;
/// From this many columns on, what was printed stands beside the targets.
const WIDE: usize = 120;
/// From this many rows on, a free one stands between the parts.
const AIRY: usize = 10;
/// Columns of a span such as `23h59m`.
const SPAN: usize = 6;

/// A part of the list of targets: which of them, and which rank the first one has.
struct Part<'a> {
    title: Line,
    places: &'a mut dyn Iterator<Item = usize>,
    count: usize,
    first: usize,
}

impl Screen {
    pub(super) fn body(&self, board: &Board, now: Time, size: Size) -> Vec<Line> {
        let Size { columns, rows } = size;
        let airy = rows >= AIRY;
        if columns >= WIDE {
            let left = columns * 11 / 20;
            let targets = self.targets(board, now, Size { columns: left, rows }, airy);
            let output = self.output(board, Size { columns: columns - left - 3, rows });
            return beside(targets, output, left);
        }
        let output = self.output(board, Size { columns, rows });
        let (flying, failed) = (titled(board.in_flight().len()), titled(board.failures().len()));
        let gaps = match airy {
            true => usize::from(flying > 0 && failed > 0) + usize::from(flying + failed > 0),
            false => 0,
        };
        let [listed, shown] = shares([flying + failed + gaps, output.len()], rows);
        let listed = Size { columns, rows: listed.saturating_sub(usize::from(gaps > 0)) };
        let mut lines = self.targets(board, now, listed, airy);
        if gaps > 0 {
            lines.push(Line::default());
        }
        lines.extend(self.output(board, Size { columns, rows: shown }));
        lines
    }

    /// Those in flight, the slowest first, and those that failed, the newest first.
    fn targets(&self, board: &Board, now: Time, size: Size, airy: bool) -> Vec<Line> {
        let (flying, failed) = (board.in_flight().len(), board.failures().len());
        let gap = usize::from(airy && flying > 0 && failed > 0);
        let room = size.rows.saturating_sub(gap);
        let [flying_rows, failed_rows] = shares([titled(flying), titled(failed)], room);
        let rank = self.rank(board);
        let flies = Part {
            title: heading("IN FLIGHT", flying, "the longest first"),
            places: &mut board.in_flight(),
            count: flying,
            first: 0,
        };
        let mut lines = part(flies, board, now, rank, Size { rows: flying_rows, ..size });
        lines.extend((0..gap).map(|_| Line::default()));
        let failures = Part {
            title: heading("FAILED", failed, &self.endings()),
            places: &mut board.failures(),
            count: failed,
            first: flying,
        };
        lines.extend(part(failures, board, now, rank, Size { rows: failed_rows, ..size }));
        lines
    }

    fn output(&self, board: &Board, size: Size) -> Vec<Line> {
        let Some(batch) = board.batch() else { return Vec::new() };
        let room = size.rows.saturating_sub(1);
        let glimpse = self.fold.glimpse(batch.action, size.columns, room);
        if glimpse.is_empty() || size.rows == 0 {
            return Vec::new();
        }
        std::iter::once(Line::new(Tone::Strong, "OUTPUT")).chain(glimpse).collect()
    }

    /// How the failures ended: `3 failed with exit code 3, 1 timed out`.
    fn endings(&self) -> String {
        let told = self.fold.endings().into_iter();
        let words = told.map(|(words, count)| format!("{} {words}", number(count.into())));
        // What is beyond these does not fit any terminal.
        words.take(8).collect::<Vec<_>>().join(", ")
    }
}

/// Rows for a part of the list with its title; none for an empty one.
const fn titled(count: usize) -> usize {
    if count == 0 { 0 } else { count + 1 }
}

fn heading(word: &str, count: usize, more: &str) -> Line {
    Line::new(Tone::Strong, format!("{word} {}", number(count as u64)))
        .and(Tone::Dim, format!("  {more}"))
}

/// As many of the targets as there are rows for, the chosen one among them.
fn part(part: Part<'_>, board: &Board, now: Time, rank: Option<usize>, size: Size) -> Vec<Line> {
    let Part { title, places, count, first } = part;
    let Some(rows) = size.rows.checked_sub(1) else { return Vec::new() };
    let chosen = rank.and_then(|rank| rank.checked_sub(first)).filter(|at| *at < count);
    let skip = chosen.map_or(0, |at| (at + 1).saturating_sub(rows));
    let shown: Vec<_> = places.skip(skip).take(rows).map(|place| &board.rows()[place]).collect();
    let names = shown.iter().map(|row| width::of(&escape::text(&row.name)));
    let wide = names.max().unwrap_or(0).min(WIDEST_NAME).min(size.columns / 2);
    let lines = shown.into_iter().enumerate();
    let lines = lines.map(|(at, row)| target(row, chosen == Some(skip + at), wide, now));
    std::iter::once(title).chain(lines).collect()
}

/// One target: its name, how long it goes or how it ended, and the last it said.
fn target(row: &Row, chosen: bool, wide: usize, now: Time) -> Line {
    let name = width::fit(&escape::text(&row.name), wide);
    let pad = " ".repeat(wide.saturating_sub(width::of(&name)));
    let (mark, tone) = if chosen { ("> ", Tone::Strong) } else { ("  ", Tone::Plain) };
    let line = Line::new(tone, format!("{mark}{name}{pad}  "));
    let mut more = String::new();
    if row.attempt > 0 {
        // A text takes whatever is written into it.
        let _ = write!(more, "attempt {}  ", row.attempt + 1);
    }
    let kind = Kind::of(&row.state);
    let line = match row.state.end() {
        Some(end) => line.and(kind.tone(), ending(end)),
        None => line.and(kind.tone(), format!("{:>SPAN$}", span(row, kind, now))),
    };
    match (row.moved, kind) {
        (Some(moved), Kind::Running) => more.push_str(&moved_words(moved)),
        (Some(_) | None, _) => more.push_str(&row.last_line),
    }
    line.and(Tone::Dim, format!("  {more}"))
}

/// How long it runs; of one that does not run yet, how it stands.
fn span(row: &Row, kind: Kind, now: Time) -> String {
    match row.started_at {
        Some(at) if kind == Kind::Running => clock(now.since(at)),
        Some(_) | None => kind.word().to_owned(),
    }
}

fn moved_words(Bytes { done, total }: Bytes) -> String {
    format!("{}% of {}", percent(done, total), human::size(total))
}
