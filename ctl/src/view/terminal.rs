//! A batch on its way to the reader: drawn on a terminal, as lines or events into a pipe, or kept
//! for the end.

use std::collections::BTreeMap;
use std::io;

use tamer_model::{StreamKind, TaskEnd};

use super::board::{Board, Change};
use super::escape;
use super::events;
use super::live::Live;
use super::misses::Misses;
use super::plain::labelled;
use super::screen::{HostPage, Wish};
use super::stage::Input;
use super::summary::{details, ending, heading, left, summary, waiting, why};
use crate::contract::{Batch, Task};
use crate::errors::Failure;
use crate::output::{Line, Tone, print};
use crate::platform;

/// Tasks that ended, by target, host's id and item, for those who print them at the end.
pub type Collected = BTreeMap<(String, String, u32), Task>;

/// How a batch is shown.
#[derive(Debug)]
pub enum View {
    /// Drawn while it runs; what was printed is folded at the end.
    Live(Box<Live>),
    /// Lines as they come.
    Plain {
        /// Whether something was missing between them.
        gaps: bool,
        /// Who did not succeed.
        misses: Misses,
        /// What was told last of its waiting for a person.
        waits: Option<String>,
    },
    /// Everything that happens, as one JSON object a line.
    Events,
    /// Nothing until the end; every task is kept.
    Collect(Collected),
    /// Nothing.
    Quiet,
}

impl View {
    /// The view for a person or a pipe. In the background nobody can press a key, and a terminal
    /// that was taken over would be taken from somebody.
    pub fn for_reader() -> Self {
        match print::can_draw() && platform::in_foreground() {
            true => Self::Live(Box::default()),
            false => Self::plain(),
        }
    }

    /// Lines as they come.
    pub fn plain() -> Self {
        Self::Plain { gaps: false, misses: Misses::default(), waits: None }
    }

    /// Whether output must be sent along.
    pub const fn needs_output(&self) -> bool {
        !matches!(self, Self::Quiet)
    }

    /// Whether it takes the terminal over, so that it must be given back before we end.
    pub const fn takes_terminal(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// Shows what changed on `board`.
    pub fn show(&mut self, changes: Vec<Change>, board: &Board) -> Result<(), Failure> {
        match self {
            Self::Live(live) => live.apply(changes, board),
            Self::Plain { gaps, misses, waits } => {
                *gaps |= changes.iter().any(Change::is_gap);
                ended(&changes).for_each(|task| misses.add(task));
                let problems = problems(&changes);
                plain(changes)?;
                // Nothing else would come, and nobody would know why.
                let waiting = board.batch().and_then(waiting);
                if let Some(text) = waiting.as_ref().filter(|_| waiting != *waits) {
                    print::note(text);
                }
                *waits = waiting;
                problems.iter().for_each(|text| print::note(text));
            }
            Self::Events => {
                let lines = events::lines(&changes, board)?;
                if !lines.is_empty() {
                    print::raw(StreamKind::Stdout, lines.as_bytes())?;
                }
            }
            Self::Collect(tasks) => {
                let ended = changes.into_iter().filter_map(|change| match change {
                    Change::Ended(task) => Some(*task),
                    Change::Batch
                    | Change::Line(_)
                    | Change::Moved(_)
                    | Change::Progress(_)
                    | Change::Snapshotted => None,
                });
                tasks.extend(
                    ended.map(|task| ((task.target(), task.host.clone(), task.item), task)),
                );
            }
            Self::Quiet => {}
        }
        Ok(())
    }

    /// Draws the picture again, if it changed.
    pub fn draw(&mut self, board: &Board) -> io::Result<()> {
        self.live().map_or(Ok(()), |live| live.draw(board))
    }

    /// What the person at the terminal does next; nobody does anything elsewhere. Dropping the
    /// future loses nothing.
    pub async fn input(&mut self) -> Input {
        match self.live() {
            Some(live) => live.input().await,
            None => std::future::pending().await,
        }
    }

    /// Takes what the person did; what that means beyond the view.
    pub fn react(&mut self, input: Input, board: &Board) -> Option<Wish> {
        self.live()?.react(input, board)
    }

    /// The target whose output is open.
    pub fn host(&mut self) -> Option<&mut HostPage> {
        self.live()?.screen().host()
    }

    /// Gives the terminal back, before something else is printed.
    pub fn clear(&mut self) {
        if let Some(live) = self.live() {
            live.leave();
        }
    }

    /// Says something beside the batch.
    pub fn note(&mut self, tone: Tone, text: &str) {
        match self.live() {
            Some(live) => live.remark(tone, text),
            None => print::note(text),
        }
    }

    /// Ends the view: what is folded, and the last line, on the stream that is not a script's.
    pub fn finish(mut self, batch: &Batch) -> io::Result<()> {
        self.clear();
        let mut last = why(batch);
        last.push(if batch.state.is_end() { summary(batch) } else { left(batch) });
        let note = |lines: Vec<Line>| lines.iter().for_each(|line| print::note(&line.painted()));
        match self {
            Self::Live(mut live) => {
                let mut lines = vec![heading(batch)];
                lines.extend(live.screen().fold().lines(batch.action, print::size().0));
                lines.extend(last);
                print::text(&Line::join(&lines))
            }
            Self::Plain { gaps, misses, waits: _ } => {
                if gaps {
                    let id = &batch.batch;
                    print::note(&format!(
                        "not all output came live; `tamerctl batch logs {id}` prints what was kept of it"
                    ));
                }
                note(misses.lines());
                note(last);
                Ok(())
            }
            Self::Collect(_) | Self::Events | Self::Quiet => {
                note(last);
                Ok(())
            }
        }
    }

    fn live(&mut self) -> Option<&mut Live> {
        match self {
            Self::Live(live) => Some(live),
            Self::Plain { .. } | Self::Events | Self::Collect(_) | Self::Quiet => None,
        }
    }
}

/// The tasks that ended.
fn ended(changes: &[Change]) -> impl Iterator<Item = &Task> {
    changes.iter().filter_map(|change| match change {
        Change::Ended(task) => Some(&**task),
        Change::Batch
        | Change::Line(_)
        | Change::Moved(_)
        | Change::Progress(_)
        | Change::Snapshotted => None,
    })
}

/// The ends that a provider refused: nothing was printed that says why.
fn problems(changes: &[Change]) -> Vec<String> {
    let ends = ended(changes).filter_map(|task| Some((task, task.state.end()?)));
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
