//! A batch on its way to the reader: drawn on a terminal, as lines into a pipe, or kept for the
//! end. The only part of the view that prints.

use std::collections::BTreeMap;
use std::io;

use crossterm::{QueueableCommand, cursor, terminal};
use tamer_model::{StreamKind, TaskEnd};

use super::board::{Board, Change};
use super::escape;
use super::fold::Fold;
use super::live::picture;
use super::plain::labelled;
use super::summary::{details, ending, summary};
use crate::contract::{Batch, Task};
use crate::output::{Line, Tone, print};

/// Tasks that ended, by target, host's id and item, for those who print them at the end.
pub type Collected = BTreeMap<(String, String, u32), Task>;

/// How a batch is shown.
#[derive(Debug)]
pub enum View {
    /// Drawn while it runs; what was printed is folded at the end.
    Live {
        /// The lines that are drawn now.
        drawn: usize,
        /// Whether something changed since they were drawn.
        stale: bool,
        /// What the hosts printed.
        fold: Fold,
    },
    /// Lines as they come.
    Plain {
        /// Whether something was missing between them.
        gaps: bool,
    },
    /// Nothing until the end; every task is kept.
    Collect(Collected),
    /// Nothing.
    Quiet,
}

impl View {
    /// The view for a person or a pipe.
    pub fn for_reader() -> Self {
        match print::can_draw() {
            true => Self::Live { drawn: 0, stale: true, fold: Fold::default() },
            false => Self::Plain { gaps: false },
        }
    }

    /// Whether output must be sent along.
    pub const fn needs_output(&self) -> bool {
        !matches!(self, Self::Quiet)
    }

    /// Shows what changed.
    pub fn show(&mut self, changes: Vec<Change>) -> io::Result<()> {
        match self {
            Self::Live { stale, fold, .. } => {
                *stale = true;
                for change in changes {
                    match change {
                        Change::Ended(task) => fold.add(*task),
                        // The picture takes its lines from the board.
                        Change::Line(_) => {}
                    }
                }
                Ok(())
            }
            Self::Plain { gaps } => {
                *gaps |= changes.iter().any(Change::is_gap);
                let problems = problems(&changes);
                plain(changes)?;
                problems.iter().for_each(|text| print::note(text));
                Ok(())
            }
            Self::Collect(tasks) => {
                let ended = changes.into_iter().filter_map(|change| match change {
                    Change::Ended(task) => Some(*task),
                    Change::Line(_) => None,
                });
                tasks.extend(
                    ended.map(|task| ((task.target(), task.host.clone(), task.item), task)),
                );
                Ok(())
            }
            Self::Quiet => Ok(()),
        }
    }

    /// Draws the picture again, if it changed.
    pub fn draw(&mut self, board: &Board) -> io::Result<()> {
        let Self::Live { drawn, stale, .. } = self else { return Ok(()) };
        if !std::mem::take(stale) {
            return Ok(());
        }
        let (columns, rows) = print::size();
        // One column and one row are left free: a full last line would scroll.
        let lines = picture(board, columns.saturating_sub(1).max(1), rows.saturating_sub(1).max(1));
        let mut frame = begin(*drawn)?;
        for line in &lines {
            let text = if print::wants_colour() { line.painted() } else { line.text() };
            frame.extend_from_slice(text.as_bytes());
            frame.extend_from_slice(b"\r\n");
        }
        frame.queue(terminal::EndSynchronizedUpdate)?;
        *drawn = lines.len();
        print::raw(StreamKind::Stdout, &frame)
    }

    /// Takes the picture away, before something else is printed.
    pub fn clear(&mut self) -> io::Result<()> {
        let Self::Live { drawn, stale, .. } = self else { return Ok(()) };
        *stale = true;
        let mut frame = begin(std::mem::take(drawn))?;
        frame.queue(terminal::EndSynchronizedUpdate)?;
        print::raw(StreamKind::Stdout, &frame)
    }

    /// Prints a remark beside the picture.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        print::note(text);
        Ok(())
    }

    /// Ends the view: what is folded, and the last line, on the stream that is not a script's.
    pub fn finish(mut self, batch: &Batch) -> io::Result<()> {
        let last = summary(batch);
        self.clear()?;
        match self {
            Self::Live { fold, .. } => {
                let mut lines = fold.lines(batch.action, print::size().0);
                lines.push(last);
                print::text(&Line::join(&lines))
            }
            Self::Plain { gaps } => {
                if gaps {
                    let id = &batch.batch;
                    print::note(&format!(
                        "not all output came live; `tamerctl batch logs {id}` prints what was kept of it"
                    ));
                }
                print::note(&last.painted());
                Ok(())
            }
            Self::Collect(_) | Self::Quiet => {
                print::note(&last.painted());
                Ok(())
            }
        }
    }
}

fn begin(drawn: usize) -> io::Result<Vec<u8>> {
    let mut frame = Vec::new();
    frame.queue(terminal::BeginSynchronizedUpdate)?;
    if let Ok(up @ 1..) = u16::try_from(drawn) {
        frame.queue(cursor::MoveToPreviousLine(up))?;
    }
    frame.queue(cursor::MoveToColumn(0))?;
    frame.queue(terminal::Clear(terminal::ClearType::FromCursorDown))?;
    Ok(frame)
}

/// The ends that a provider refused: nothing was printed that says why.
fn problems(changes: &[Change]) -> Vec<String> {
    let ends = changes.iter().filter_map(|change| match change {
        Change::Ended(task) => Some((&**task, task.state.end()?)),
        Change::Line(_) => None,
    });
    let refused = ends.filter(|(_, end)| end.problem.is_some());
    let text = |(task, end): (&Task, &TaskEnd)| {
        let first = format!("{}: {}", escape::text(&task.target()), ending(end));
        let details = details(end).into_iter().map(|detail| format!("\n  {detail}"));
        std::iter::once(Tone::Bad.paint(&first)).chain(details).collect()
    };
    refused.map(text).collect()
}

/// Runs of lines of one stream are written at once.
fn plain(changes: Vec<Change>) -> io::Result<()> {
    let mut pending: Option<(StreamKind, Vec<u8>)> = None;
    for change in changes {
        let Change::Line(line) = change else { continue };
        let bytes = labelled(&line, print::is_terminal(line.stream));
        match &mut pending {
            Some((stream, held)) if *stream == line.stream => held.extend(bytes),
            _ => {
                if let Some((stream, held)) = pending.replace((line.stream, bytes)) {
                    print::raw(stream, &held)?;
                }
            }
        }
    }
    pending.map_or(Ok(()), |(stream, held)| print::raw(stream, &held))
}
