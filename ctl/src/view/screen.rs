//! What a terminal shows of a batch, as a value: what happened goes in, keys go in, lines come out.
//! It knows no terminal and no clock.

mod body;
mod footer;
mod head;
mod host;
mod keys;
mod layout;
mod stand;

#[cfg(test)]
mod tests;

use super::board::{Board, Change};
use super::fold::Fold;
use super::pulse::Pulse;
use crate::contract::Time;
use crate::output::{Line, Tone};

pub use host::HostPage;
pub use keys::{Key, Wish};

/// What is shown, and where the person is in it.
#[derive(Debug, Default)]
pub struct Screen {
    fold: Fold,
    pulse: Pulse,
    page: Page,
    chosen: Chosen,
    /// Whether the person is asked if the batch shall be cancelled.
    asking: bool,
    /// What there is to say beside the batch, until a key is pressed.
    remark: Option<(Tone, String)>,
    size: Size,
}

/// The columns and rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

#[derive(Debug, Default)]
enum Page {
    #[default]
    Overview,
    Host(Box<HostPage>),
    Help,
}

/// The target that the next key is about: the place on the board, and its rank in the list when
/// that was last looked at, for the case that it is no more in it.
#[derive(Debug, Clone, Copy, Default)]
struct Chosen {
    place: Option<usize>,
    rank: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

impl Screen {
    /// Takes what changed on `board` at `now`, by the coordinator's clock.
    pub fn apply(&mut self, change: Change, now: Time) {
        match change {
            Change::Snapshotted => self.pulse.begin(now),
            Change::Ended(task) => {
                self.pulse.beat(now);
                self.fold.add(*task);
            }
            // These are looked up on the board when they are shown.
            Change::Batch | Change::Line(_) | Change::Moved(_) | Change::Progress(_) => {}
        }
    }

    /// What was folded.
    pub const fn fold(&self) -> &Fold {
        &self.fold
    }

    /// Says something beside the batch.
    pub fn remark(&mut self, tone: Tone, text: impl Into<String>) {
        self.remark = Some((tone, text.into()));
    }

    /// The terminal has another size.
    pub const fn resize(&mut self, size: Size) {
        self.size = size;
    }

    /// The target whose output is open.
    pub fn host(&mut self) -> Option<&mut HostPage> {
        match &mut self.page {
            Page::Host(page) => Some(page),
            Page::Overview | Page::Help => None,
        }
    }

    /// Remembers where the chosen target is in the list, before it is shown.
    pub fn settle(&mut self, board: &Board) {
        if let Some(rank) = self.rank(board) {
            self.choose(board, rank);
        }
    }

    /// The lines: as many as there are rows at most, none wider than the columns.
    pub fn lines(&self, board: &Board, now: Time) -> Vec<Line> {
        let Size { columns, rows } = self.size;
        let mut lines = match &self.page {
            Page::Overview => self.overview(board, now),
            Page::Host(page) => page.lines(board, now, self.size, self.footer(board)),
            Page::Help => footer::help(self.size),
        };
        lines.truncate(rows);
        lines.into_iter().map(|line| line.fit(columns)).collect()
    }

    /// The batch as a whole: first how it stands, then who is slow, who failed, and what was
    /// printed, then the keys.
    fn overview(&self, board: &Board, now: Time) -> Vec<Line> {
        let Size { columns, rows } = self.size;
        let foot = self.footer(board);
        let head = head::lines(board, &self.pulse, now, columns);
        let left = rows.saturating_sub(foot.len());
        if left < layout::COSY {
            let mut lines = layout::most_urgent(head, left);
            lines.extend(foot);
            return lines;
        }
        let mut lines: Vec<Line> = head.into_iter().map(|(_, line)| line).collect();
        lines.push(Line::default());
        let room = Size { columns, rows: left.saturating_sub(lines.len()) };
        let mut body = self.body(board, now, room);
        body.truncate(room.rows);
        body.resize(room.rows, Line::default());
        lines.extend(body);
        lines.extend(foot);
        lines
    }
}
