//! One target, opened: its whole output, as much of it as is kept here.

use std::collections::VecDeque;

use tamer_model::StreamKind;

use super::{Key, Size};
use crate::contract::{Task, Time};
use crate::output::{Line, Tone, width};
use crate::view::board::{Board, Row};
use crate::view::escape;
use crate::view::lines::{Assembler, Reader};
use crate::view::plain::not_shown;
use crate::view::summary::{details, ending};
use crate::view::tally::Kind;
use crate::view::words::{clock, number};

/// Lines that are kept; the oldest go first.
const MOST_LINES: usize = 20_000;
/// And their bytes: with the lines' own share at most some 6 MiB.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Rows that are not of the output: the title and a free one.
const AROUND: usize = 2;

/// The output of one target.
#[derive(Debug)]
pub struct HostPage {
    place: usize,
    lines: VecDeque<(StreamKind, String)>,
    bytes: usize,
    /// Lines that went for newer ones.
    gone: u64,
    stdout: (Reader, Assembler),
    stderr: (Reader, Assembler),
    source: Source,
    /// Lines below the last shown one; 0 follows the end.
    below: usize,
}

/// Whether more comes.
#[derive(Debug)]
enum Source {
    /// It was asked for.
    Asked,
    /// It comes.
    Live,
    /// That was all.
    Ended,
    /// It does not come, and why.
    Broken(String),
}

impl HostPage {
    /// The page of the target of this place.
    pub fn open(place: usize) -> Self {
        Self {
            place,
            lines: VecDeque::new(),
            bytes: 0,
            gone: 0,
            stdout: Default::default(),
            stderr: Default::default(),
            source: Source::Asked,
            below: 0,
        }
    }

    /// Of which target.
    pub const fn place(&self) -> usize {
        self.place
    }

    /// From where on each stream is wanted: standard output, standard error.
    pub const fn next(&self) -> (u64, u64) {
        (self.stdout.0.next(), self.stderr.0.next())
    }

    /// A piece came.
    pub fn piece(&mut self, kind: StreamKind, offset: u64, bytes: &[u8]) {
        self.source = Source::Live;
        let (reader, assembler) = self.stream(kind);
        let (missed, fresh) = reader.take(offset, bytes);
        let mut lines = Vec::new();
        if missed > 0 {
            lines.extend(assembler.finish());
        }
        let before = lines.len();
        assembler.push(fresh, |line| lines.push(line));
        for (at, line) in lines.into_iter().enumerate() {
            if missed > 0 && at == before {
                self.push(kind, not_shown(missed));
            }
            self.push(kind, escape::bytes(&line));
        }
    }

    /// The target ended: that was all.
    pub fn ended(&mut self) {
        for kind in [StreamKind::Stdout, StreamKind::Stderr] {
            if let Some(rest) = self.stream(kind).1.finish() {
                self.push(kind, escape::bytes(&rest));
            }
        }
        self.source = Source::Ended;
    }

    /// What was kept of a target that ended, where the whole of it is not to be had.
    pub fn kept(&mut self, task: &Task) {
        for kind in [StreamKind::Stdout, StreamKind::Stderr] {
            let kept = task.output.stream(kind);
            let from = self.stream(kind).0.next();
            for (offset, bytes) in kept.runs_from(from) {
                self.piece(kind, offset, bytes);
            }
        }
        self.ended();
    }

    /// Nothing more comes, and why.
    pub fn broken(&mut self, why: String) {
        self.source = Source::Broken(why);
    }

    /// Moves what is seen.
    pub fn scroll(&mut self, key: Key, size: Size) {
        let page = size.rows.saturating_sub(AROUND + 1).max(1);
        let most = self.lines.len().saturating_sub(1);
        self.below = match key {
            Key::Up => (self.below + 1).min(most),
            Key::Down => self.below.saturating_sub(1),
            Key::PageUp => (self.below + page).min(most),
            Key::PageDown => self.below.saturating_sub(page),
            Key::Home => most,
            Key::End => 0,
            Key::Enter | Key::Back | Key::Interrupt | Key::Suspend | Key::Char(_) => self.below,
        };
    }

    /// The page on its rows.
    pub fn lines(&self, board: &Board, now: Time, size: Size, foot: Vec<Line>) -> Vec<Line> {
        let Some(row) = board.rows().get(self.place) else { return foot };
        let mut lines = vec![title(row, now)];
        lines.extend(about(row).into_iter().map(|line| Line::new(Tone::Dim, line)));
        lines.push(Line::default());
        let room = size.rows.saturating_sub(lines.len() + foot.len());
        let mut shown = self.output(room);
        shown.truncate(room);
        shown.resize(room, Line::default());
        lines.extend(shown);
        lines.truncate(size.rows.saturating_sub(foot.len()));
        lines.extend(foot);
        lines
    }

    fn output(&self, room: usize) -> Vec<Line> {
        let remark = self.remark();
        let room = room.saturating_sub(usize::from(remark.is_some()));
        let to = self.lines.len() - self.below.min(self.lines.len());
        let to = to.max(room.min(self.lines.len()));
        let from = to.saturating_sub(room);
        let line = |(kind, text): &(StreamKind, String)| match kind {
            StreamKind::Stdout => Line::plain(text.clone()),
            StreamKind::Stderr => Line::new(Tone::Busy, format!("2> {text}")),
        };
        let shown = self.lines.range(from..to).map(line);
        shown.chain(remark.map(|remark| Line::new(Tone::Dim, remark))).collect()
    }

    fn remark(&self) -> Option<String> {
        let below = self.below.min(self.lines.len());
        let gone = match self.gone {
            0 => String::new(),
            gone => format!(" ({} earlier lines are not kept here)", number(gone)),
        };
        match &self.source {
            _ if below > 0 => Some(format!("… {} more below{gone}", number(below as u64))),
            Source::Asked => Some("asking for its output".to_owned()),
            Source::Broken(why) => Some(escape::text(why)),
            Source::Ended if self.lines.is_empty() => Some("it printed nothing".to_owned()),
            Source::Live | Source::Ended => (self.gone > 0).then(|| gone.trim().to_owned()),
        }
    }

    fn stream(&mut self, kind: StreamKind) -> &mut (Reader, Assembler) {
        match kind {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => &mut self.stderr,
        }
    }

    fn push(&mut self, kind: StreamKind, text: String) {
        self.bytes += text.len();
        self.lines.push_back((kind, text));
        // Who scrolled up keeps seeing the same.
        self.below += usize::from(self.below > 0);
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            let Some((_, text)) = self.lines.pop_front() else { return };
            self.bytes -= text.len();
            self.gone += 1;
        }
    }
}

fn title(row: &Row, now: Time) -> Line {
    let kind = Kind::of(&row.state);
    let state = match (row.state.end(), row.started_at) {
        (Some(end), _) => ending(end),
        (None, Some(at)) if kind == Kind::Running => format!("running {}", clock(now.since(at))),
        (None, Some(_) | None) => kind.word().to_owned(),
    };
    let attempt = match row.attempt {
        0 => String::new(),
        attempt => format!("  attempt {}", attempt + 1),
    };
    let name = width::fit(&escape::text(&row.name), 60);
    Line::new(Tone::Strong, name).and(kind.tone(), format!("  {state}")).and(Tone::Dim, attempt)
}

fn about(row: &Row) -> Vec<String> {
    row.state.end().map(details).unwrap_or_default()
}
