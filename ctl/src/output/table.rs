//! Tables: columns two spaces apart, the widest one cut until the terminal holds them all.

use super::{Line, Tone, print, width};
use crate::view::escape;

/// No column is cut below this many characters.
const NARROWEST: usize = 8;
const GAP: usize = 2;

/// One cell.
#[derive(Debug, Clone)]
pub struct Cell {
    tone: Tone,
    text: String,
}

impl Cell {
    /// A state's word, in its tone.
    pub fn state(word: &str) -> Self {
        Self { tone: Tone::of_state(word), text: escape::text(word) }
    }
}

impl Cell {
    /// A text in a tone.
    pub fn toned(tone: Tone, text: &str) -> Self {
        Self { tone, text: escape::text(text) }
    }

    /// The tone and the text, as a part of a line.
    pub fn into_part(self) -> (Tone, String) {
        (self.tone, self.text)
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        let text: String = text.into();
        let text = if text.is_empty() { "-".to_owned() } else { escape::text(&text) };
        Self { tone: Tone::Plain, text }
    }
}

/// A table under one row of headings.
#[derive(Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub fn new(head: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let head = head.into_iter().map(|text| escape::text(text.as_ref())).collect();
        Self { head, rows: Vec::new() }
    }

    /// Adds a row with a cell for each heading.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.head.len(), "a cell for each heading");
        self.rows.push(cells);
    }

    /// The table as wide as the terminal, or as it needs to be when there is none.
    pub fn lines(&self) -> Vec<Line> {
        self.lines_within(print::columns())
    }

    /// The table within `columns`.
    pub fn lines_within(&self, columns: Option<usize>) -> Vec<Line> {
        let widths = self.widths(columns);
        let head = self.head.iter().map(|text| (Tone::Strong, text.as_str()));
        let rows = self.rows.iter();
        let rows =
            rows.map(|row| line(row.iter().map(|cell| (cell.tone, cell.text.as_str())), &widths));
        std::iter::once(line(head, &widths)).chain(rows).collect()
    }

    fn widths(&self, columns: Option<usize>) -> Vec<usize> {
        let widest = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let cells = cells.map(|cell| width::of(&cell.text));
            cells.max().unwrap_or(0).max(width::of(&self.head[at]))
        };
        let mut widths: Vec<usize> = (0..self.head.len()).map(widest).collect();
        let Some(columns) = columns else { return widths };
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > columns {
            let Some(widest) = widths.iter_mut().max() else { break };
            if *widest <= NARROWEST {
                break;
            }
            *widest -= 1;
        }
        widths
    }
}

/// Names and values, one a line: what `show` prints.
pub fn pairs(pairs: impl IntoIterator<Item = (&'static str, Cell)>) -> Vec<Line> {
    let pairs: Vec<_> = pairs.into_iter().collect();
    let widest = pairs.iter().map(|(name, _)| width::of(name)).max().unwrap_or(0);
    let show = |(name, cell): (&str, Cell)| {
        let name = format!("{name}:{}", " ".repeat(widest - width::of(name) + GAP));
        Line::new(Tone::Dim, name).and(cell.tone, cell.text)
    };
    pairs.into_iter().map(show).collect()
}

fn line<'a>(cells: impl Iterator<Item = (Tone, &'a str)>, widths: &[usize]) -> Line {
    let last = widths.len().saturating_sub(1);
    cells.zip(widths).enumerate().fold(Line::default(), |line, (at, ((tone, text), wide))| {
        let text = width::fit(text, *wide);
        let pad = if at == last { 0 } else { wide - width::of(&text) + GAP };
        line.and(tone, text).and(Tone::Plain, " ".repeat(pad))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(columns: Option<usize>) -> String {
        let mut table = Table::new(["NAME", "STATE", "LABELS"]);
        table.row(["web-01".into(), Cell::state("ready"), "site=berlin,role=web,rack=r17".into()]);
        table.row(["二号".into(), Cell::state("lost"), "".into()]);
        table.row(["bad\u{1b}[31m".into(), Cell::state("ready"), "x=y".into()]);
        let lines = table.lines_within(columns);
        lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_table_is_as_wide_as_it_needs_to_be() {
        insta::assert_snapshot!(shown(None), @r"
        NAME         STATE  LABELS
        web-01       ready  site=berlin,role=web,rack=r17
        二号         lost   -
        bad\x1b[31m  ready  x=y
        ");
    }

    #[test]
    fn or_as_the_terminal_is() {
        insta::assert_snapshot!(shown(Some(36)), @r"
        NAME         STATE  LABELS
        web-01       ready  site=berlin,rol…
        二号         lost   -
        bad\x1b[31m  ready  x=y
        ");
    }
}
