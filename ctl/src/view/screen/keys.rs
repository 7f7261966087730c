//! What keys do.

use super::stand::{self, Can};
use super::{Page, Screen};
use crate::contract::Batch;
use crate::view::board::Board;

/// A key, whatever the terminal calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    /// Escape, backspace or the arrow to the left.
    Back,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
    Char(char),
}

/// What a person wants of somebody else than the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The batch shall be paused.
    Pause,
    /// The batch shall go on.
    Resume,
    /// The batch shall be cancelled; that was confirmed.
    Cancel,
    /// Ctrl-C: cancels first, and leaves when it was pressed before.
    Interrupt,
    /// Ctrl-Z: back to the shell for a while.
    Suspend,
    /// To leave; the batch goes on.
    Leave,
    /// The output of the target of this place.
    Open(usize),
    /// No output any more.
    Close,
}

impl Screen {
    /// A key was pressed; what that means beyond the screen.
    pub fn press(&mut self, key: Key, board: &Board) -> Option<Wish> {
        self.remark = None;
        match key {
            Key::Interrupt => return Some(Wish::Interrupt),
            Key::Suspend => return Some(Wish::Suspend),
            Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown
            | Key::Home
            | Key::End
            | Key::Enter
            | Key::Back
            | Key::Char(_) => {}
        }
        if std::mem::take(&mut self.asking) {
            let yes = matches!(key, Key::Char('y' | 'Y'));
            return yes.then_some(Wish::Cancel);
        }
        if matches!(self.page, Page::Help) {
            self.page = Page::Overview;
            return None;
        }
        if let Key::Char(letter) = key {
            return self.letter(letter, board);
        }
        match &mut self.page {
            Page::Overview | Page::Help => self.in_overview(key, board),
            Page::Host(page) => match key {
                Key::Back => {
                    self.page = Page::Overview;
                    Some(Wish::Close)
                }
                other => {
                    page.scroll(other, self.size);
                    None
                }
            },
        }
    }

    fn letter(&mut self, letter: char, board: &Board) -> Option<Wish> {
        let key = match letter {
            'q' => return Some(Wish::Leave),
            'p' => return board.batch().and_then(pause_or_resume),
            'c' if !board.is_over() => {
                self.asking = true;
                return None;
            }
            '?' => {
                let closed = self.host().is_some().then_some(Wish::Close);
                self.page = Page::Help;
                return closed;
            }
            'o' => Key::Enter,
            'k' => Key::Up,
            'j' => Key::Down,
            'g' => Key::Home,
            'G' => Key::End,
            _ => return None,
        };
        self.press(key, board)
    }

    fn in_overview(&mut self, key: Key, board: &Board) -> Option<Wish> {
        let page = self.size.rows.saturating_sub(super::layout::COSY).max(1);
        let most = listed(board).saturating_sub(1);
        let at = self.rank(board);
        let to = match key {
            Key::Up => at.map_or(0, |at| at.saturating_sub(1)),
            Key::Down => at.map_or(0, |at| at + 1),
            Key::PageUp => at.map_or(0, |at| at.saturating_sub(page)),
            Key::PageDown => at.map_or(0, |at| at + page),
            Key::Home => 0,
            Key::End => most,
            Key::Enter => {
                let place = nth(board, at.unwrap_or(0))?;
                self.choose(board, at.unwrap_or(0));
                self.page = Page::Host(Box::new(super::HostPage::open(place)));
                return Some(Wish::Open(place));
            }
            Key::Back => {
                self.chosen.place = None;
                return None;
            }
            Key::Interrupt | Key::Suspend | Key::Char(_) => return None,
        };
        self.choose(board, to.min(most));
        None
    }

    pub(super) fn choose(&mut self, board: &Board, rank: usize) {
        self.chosen.place = nth(board, rank);
        self.chosen.rank = rank;
    }

    /// Where the chosen target is in the list now; where it was, when it left the list.
    pub(super) fn rank(&self, board: &Board) -> Option<usize> {
        let place = self.chosen.place?;
        let flies = board.in_flight().position(|other| other == place);
        let failed = || board.failures().position(|other| other == place);
        let rank = flies.or_else(|| failed().map(|at| at + board.in_flight().len()));
        let last = listed(board).checked_sub(1)?;
        Some(rank.unwrap_or(self.chosen.rank).min(last))
    }
}

/// What the key for both does now, if it does anything.
fn pause_or_resume(batch: &Batch) -> Option<Wish> {
    match stand::can(batch) {
        Can::Pause => Some(Wish::Pause),
        Can::Resume => Some(Wish::Resume),
        Can::Neither => None,
    }
}

/// The targets that can be chosen: those in flight, and then the failed ones.
fn listed(board: &Board) -> usize {
    board.in_flight().len() + board.failures().len()
}

fn nth(board: &Board, rank: usize) -> Option<usize> {
    board.in_flight().chain(board.failures()).nth(rank)
}
