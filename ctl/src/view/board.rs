//! The state of a batch as its events tell it, however often they are told again.

use std::collections::BTreeMap;

use tamer_model::StreamKind;

use super::escape;
use super::lines::{Assembler, Reader};
use crate::api::{BatchEvent, Chunk};
use crate::contract::{Batch, Task, TaskState};

/// How much is remembered of a host's last line, in characters: more than any terminal shows.
const LAST_LINE: usize = 300;

/// The state of a batch.
#[derive(Debug, Default)]
pub struct Board {
    batch: Option<Batch>,
    /// By the host's id and the place of the target among those of the host.
    rows: BTreeMap<(String, u32), Row>,
}

/// A target's share, as the live view shows it.
#[derive(Debug)]
pub struct Row {
    /// The target: the host's name, or `host/instance`.
    pub name: String,
    /// Where its task stands.
    pub state: TaskState,
    /// The last line it printed, harmless.
    pub last_line: String,
    stdout: Stream,
    stderr: Stream,
}

#[derive(Debug, Default)]
struct Stream {
    reader: Reader,
    lines: Assembler,
}

/// What an event changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// A target printed a line.
    Line(OutputLine),
    /// A task ended; with its output.
    Ended(Box<Task>),
}

/// A line that a target printed.
#[derive(Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// The target: the host's name, or `host/instance`.
    pub name: String,
    /// On which stream.
    pub stream: StreamKind,
    /// The line.
    pub said: Said,
}

/// A line of output.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// Its bytes, without the end of the line.
    Bytes(Vec<u8>),
    /// This many bytes are not known here.
    NotShown(u64),
}

impl Change {
    /// Whether it stands for bytes that are not known here.
    pub const fn is_gap(&self) -> bool {
        matches!(self, Self::Line(OutputLine { said: Said::NotShown(_), .. }))
    }
}

impl Board {
    /// The batch as it was last told.
    pub fn batch(&self) -> Option<&Batch> {
        self.batch.as_ref()
    }

    /// The targets, by the host's id.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// Whether the batch has ended.
    pub fn is_over(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| batch.state.is_end())
    }

    /// Whether every task's end was told.
    pub fn is_complete(&self) -> bool {
        let ended = self.rows.values().filter(|row| row.state.end().is_some()).count();
        self.batch.as_ref().is_some_and(|batch| ended >= batch.targets as usize)
    }

    /// Takes one event. What was told before changes nothing.
    pub fn apply(&mut self, event: BatchEvent) -> Vec<Change> {
        match event {
            BatchEvent::Batch(batch) => {
                self.batch = Some(batch);
                Vec::new()
            }
            BatchEvent::Task(task) => self.task(task),
            BatchEvent::Output(chunk) => self.output(chunk),
            BatchEvent::Snapshotted | BatchEvent::Progress(_) => Vec::new(),
        }
    }

    fn task(&mut self, task: Task) -> Vec<Change> {
        let row = self.row(&task.host, task.item);
        row.name = task.target();
        if row.state.end().is_some() {
            return Vec::new();
        }
        row.state = task.state.clone();
        if task.state.end().is_none() {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for kind in [StreamKind::Stdout, StreamKind::Stderr] {
            let kept = task.output.stream(kind);
            for (offset, bytes) in kept.runs_from(row.stream(kind).reader.next()) {
                row.read(kind, offset, bytes, &mut changes);
            }
            row.finish(kind, kept.total, &mut changes);
        }
        changes.push(Change::Ended(Box::new(task)));
        changes
    }

    fn output(&mut self, chunk: Chunk) -> Vec<Change> {
        let Chunk { host, item, stream, offset, data } = chunk;
        let mut changes = Vec::new();
        let row = self.row(&host, item);
        // After the end everything that was kept is shown; a late chunk would follow its own tail.
        if row.state.end().is_none() {
            row.read(stream, offset, &data, &mut changes);
        }
        changes
    }

    fn row(&mut self, host: &str, item: u32) -> &mut Row {
        self.rows.entry((host.to_owned(), item)).or_insert_with(|| Row {
            name: host.to_owned(),
            state: TaskState::Pending,
            last_line: String::new(),
            stdout: Stream::default(),
            stderr: Stream::default(),
        })
    }
}

impl Row {
    fn stream(&mut self, kind: StreamKind) -> &mut Stream {
        match kind {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => &mut self.stderr,
        }
    }

    fn read(&mut self, kind: StreamKind, offset: u64, bytes: &[u8], changes: &mut Vec<Change>) {
        let (missed, fresh) = self.stream(kind).reader.take(offset, bytes);
        self.missed(kind, missed, changes);
        let mut lines = Vec::new();
        self.stream(kind).lines.push(fresh, |line| lines.push(line));
        let last = match self.stream(kind).lines.partial() {
            [] => lines.iter().rev().find(|line| !line.is_empty()).map(Vec::as_slice),
            partial => Some(partial),
        };
        if let Some(last) = last.map(shown) {
            self.last_line = last;
        }
        lines.into_iter().for_each(|line| changes.push(self.line(kind, Said::Bytes(line))));
    }

    /// A gap ends the line before it.
    fn missed(&mut self, kind: StreamKind, missed: u64, changes: &mut Vec<Change>) {
        if missed > 0 {
            self.flush(kind, changes);
            changes.push(self.line(kind, Said::NotShown(missed)));
        }
    }

    fn finish(&mut self, kind: StreamKind, total: u64, changes: &mut Vec<Change>) {
        self.flush(kind, changes);
        let missed = self.stream(kind).reader.skip_to(total);
        self.missed(kind, missed, changes);
    }

    fn flush(&mut self, kind: StreamKind, changes: &mut Vec<Change>) {
        if let Some(rest) = self.stream(kind).lines.finish() {
            changes.push(self.line(kind, Said::Bytes(rest)));
        }
    }

    fn line(&self, stream: StreamKind, said: Said) -> Change {
        Change::Line(OutputLine { name: self.name.clone(), stream, said })
    }
}

/// The part of a line that a terminal would show: what follows the last return to its beginning.
fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let visible = line.rsplit(|byte| *byte == b'\r').next().unwrap_or_default();
    let visible = &visible[..visible.len().min(LAST_LINE)];
    escape::bytes(visible)
}

#[cfg(test)]
pub(super) mod tests {
    use tamer_model::{KeptOutput, KeptStream, Outcome, TaskEnd};

    use super::*;

    pub fn task(host: &str, state: TaskState, stdout: KeptStream) -> Task {
        let output = KeptOutput { stdout, stderr: KeptStream::default() };
        let (host, name) = (format!("h-{host}"), host.to_owned());
        Task {
            host,
            name,
            state,
            started_at: None,
            output,
            item: 0,
            instance: None,
            instance_name: None,
            attempt: 0,
            before: Vec::new(),
        }
    }

    pub fn ended(outcome: Outcome) -> TaskState {
        TaskState::Ended(TaskEnd {
            outcome,
            reason: None,
            problem: None,
            started_at: None,
            duration_ms: None,
            unsent: None,
            usage: None,
            fetched: None,
        })
    }

    pub fn kept(head: &str) -> KeptStream {
        KeptStream { head: head.into(), tail: Vec::new(), total: head.len() as u64 }
    }

    pub fn chunk(host: &str, offset: u64, data: &str) -> BatchEvent {
        BatchEvent::Output(Chunk {
            host: format!("h-{host}"),
            item: 0,
            stream: StreamKind::Stdout,
            offset,
            data: data.into(),
        })
    }

    /// Everything that the board says while it takes `events`.
    fn told(board: &mut Board, events: Vec<BatchEvent>) -> Vec<String> {
        let changes = events.into_iter().flat_map(|event| board.apply(event));
        let words = changes.map(|change| match change {
            Change::Line(OutputLine { name, said: Said::Bytes(bytes), .. }) => {
                format!("{name}: {}", String::from_utf8_lossy(&bytes))
            }
            Change::Line(OutputLine { name, said: Said::NotShown(count), .. }) => {
                format!("{name}: ({count} not shown)")
            }
            Change::Ended(task) => format!("{} {}", task.target(), task.state.as_str()),
        });
        words.collect()
    }

    #[test]
    fn the_end_fills_in_what_did_not_come_live() {
        let mut board = Board::default();
        let running = task("web", TaskState::Running, KeptStream::default());
        let end = task("web", ended(Outcome::Succeeded), kept("one\ntwo\nthree"));
        let events = vec![
            BatchEvent::Task(running.clone()),
            chunk("web", 0, "one\nt"),
            BatchEvent::Task(end.clone()),
            // A watch that begins again tells everything again.
            BatchEvent::Task(running),
            chunk("web", 0, "one\nt"),
            BatchEvent::Task(end),
        ];
        assert_eq!(
            told(&mut board, events),
            ["web: one", "web: two", "web: three", "web succeeded"]
        );
    }

    #[test]
    fn what_was_cut_or_missed_is_counted() {
        let mut board = Board::default();
        let cut = KeptStream { head: b"head\n".to_vec(), tail: b"tail\n".to_vec(), total: 100 };
        let events = vec![
            BatchEvent::Task(task("a", ended(Outcome::Succeeded), cut)),
            BatchEvent::Task(task("b", TaskState::Running, KeptStream::default())),
            chunk("b", 0, "half"),
            chunk("b", 10, "new\n"),
            BatchEvent::Task(task(
                "b",
                ended(Outcome::Succeeded),
                KeptStream { total: 20, ..KeptStream::default() },
            )),
        ];
        assert_eq!(
            told(&mut board, events),
            [
                "a: head",
                "a: (90 not shown)",
                "a: tail",
                "a succeeded",
                "b: half",
                "b: (6 not shown)",
                "b: new",
                "b: (6 not shown)",
                "b succeeded",
            ]
        );
    }

    #[test]
    fn two_instances_of_a_host_are_two_targets() {
        let mut board = Board::default();
        let instance = |item, name: &str, state, text: &str| {
            let mut task = task("web", state, kept(text));
            (task.item, task.instance_name) = (item, Some(name.to_owned()));
            BatchEvent::Task(task)
        };
        let events = vec![
            instance(0, "a", TaskState::Running, ""),
            instance(1, "b", TaskState::Running, ""),
            BatchEvent::Output(Chunk {
                host: "h-web".to_owned(),
                item: 1,
                stream: StreamKind::Stdout,
                offset: 0,
                data: b"of b\n".to_vec(),
            }),
            instance(0, "a", ended(Outcome::Succeeded), "of a\n"),
        ];
        assert_eq!(told(&mut board, events), ["web/b: of b", "web/a: of a", "web/a succeeded"]);
        let states: Vec<_> = board.rows().map(|row| row.state.as_str()).collect();
        assert_eq!(states, ["succeeded", "running"]);
    }

    #[test]
    fn the_last_line_is_what_a_terminal_would_show() {
        let mut board = Board::default();
        told(&mut board, vec![chunk("a", 0, "done 1%\rdone 7%\r"), chunk("b", 0, "x\x1b[2J\n\n")]);
        let last: Vec<_> = board.rows().map(|row| row.last_line.as_str()).collect();
        assert_eq!(last, ["done 7%", r"x\x1b[2J"]);
    }
}
