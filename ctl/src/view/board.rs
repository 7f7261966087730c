//! The state of a batch as its events tell it, however often they are told again. Each event costs
//! what it changes, however many targets there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tamer_model::StreamKind;

use super::escape;
use super::lines::{Assembler, Reader};
use super::tally::{Kind, Tally};
use crate::api::{BatchEvent, Chunk, Moved};
use crate::contract::{Batch, Task, TaskState, Time};

/// How much is remembered of a host's last line, in bytes: more than most terminals show.
const LAST_LINE: usize = 300;

/// The state of a batch.
#[derive(Debug, Default)]
pub struct Board {
    batch: Option<Batch>,
    /// One a target, in the order in which they were told: their number bounds everything here.
    rows: Vec<Row>,
    /// By the host's id, and then by which of the host's targets it is.
    places: HashMap<Arc<str>, BTreeMap<u32, usize>>,
    tally: Tally,
    /// Those in flight: those that run before those that were only sent, the oldest first.
    in_flight: BTreeSet<(Kind, Time, usize)>,
    /// Those that failed, the newest last.
    failures: BTreeMap<u64, usize>,
    /// Counts failures.
    next_failure: u64,
    moved: Bytes,
    snapshotted: bool,
}

/// A target's share, as the live view shows it.
#[derive(Debug)]
pub struct Row {
    /// The host's id.
    pub host: Arc<str>,
    /// Which of the host's targets.
    pub item: u32,
    /// The target: the host's name, or `host/instance`.
    pub name: Arc<str>,
    /// Where its task stands.
    pub state: TaskState,
    /// Which attempt that is, counted from 0.
    pub attempt: u32,
    /// When that attempt started, by the coordinator's clock.
    pub started_at: Option<Time>,
    /// The last line it printed, harmless.
    pub last_line: String,
    /// How much of its file it moved.
    pub moved: Option<Bytes>,
    stdout: Stream,
    stderr: Stream,
    /// Under which it is among those in flight.
    flies: Option<(Kind, Time)>,
    /// Under which it is among the failures.
    failure: Option<u64>,
}

/// Bytes of a file that was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes {
    /// So many went.
    pub done: u64,
    /// Of so many.
    pub total: u64,
}

#[derive(Debug, Default)]
struct Stream {
    reader: Reader,
    lines: Assembler,
}

/// What an event changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// The batch stands otherwise than before.
    Batch,
    /// A target printed a line.
    Line(OutputLine),
    /// A task goes on, and has no end yet.
    Moved(Box<Task>),
    /// A task ended; with its output.
    Ended(Box<Task>),
    /// The target of this place moved a part of its file.
    Progress(usize),
    /// Everything was told once: what comes now happens now.
    Snapshotted,
}

/// A line that a target printed.
#[derive(Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// The place of the target.
    pub row: usize,
    /// The target: the host's name, or `host/instance`.
    pub name: Arc<str>,
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
    pub const fn batch(&self) -> Option<&Batch> {
        self.batch.as_ref()
    }

    /// The targets, in the order in which they were told.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many targets stand where; what was told of the batch may be older.
    pub fn tally(&self) -> Tally {
        self.tally.of_all(self.batch.as_ref().map_or(0, |batch| batch.targets))
    }

    /// The places of those in flight: those that run first, and of these the longest first.
    pub fn in_flight(&self) -> impl ExactSizeIterator<Item = usize> {
        self.in_flight.iter().map(|(_, _, place)| *place)
    }

    /// The places of those that failed, the newest first.
    pub fn failures(&self) -> impl ExactSizeIterator<Item = usize> {
        self.failures.values().rev().copied()
    }

    /// What all targets together moved of their files.
    pub const fn moved(&self) -> Bytes {
        self.moved
    }

    /// Whether the batch has ended.
    pub fn is_over(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| batch.state.is_end())
    }

    /// Whether every task's end was told.
    pub fn is_complete(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| self.tally.ended() >= batch.targets)
    }

    /// Whether every task was told once.
    pub const fn is_snapshotted(&self) -> bool {
        self.snapshotted
    }

    /// Takes one event. What was told before changes nothing.
    pub fn apply(&mut self, event: BatchEvent) -> Vec<Change> {
        match event {
            BatchEvent::Batch(batch) => {
                let changed = self.batch.as_ref() != Some(&batch);
                self.batch = Some(batch);
                if changed { vec![Change::Batch] } else { Vec::new() }
            }
            BatchEvent::Task(task) => self.task(task),
            BatchEvent::Output(chunk) => self.output(chunk),
            BatchEvent::Progress(moved) => self.progress(&moved),
            BatchEvent::Snapshotted if self.snapshotted => Vec::new(),
            BatchEvent::Snapshotted => {
                self.snapshotted = true;
                vec![Change::Snapshotted]
            }
        }
    }

    fn task(&mut self, task: Task) -> Vec<Change> {
        let place = self.place(&task.host, task.item);
        let row = &mut self.rows[place];
        let ended = row.state.end().is_some();
        if task.attempt < row.attempt || (task.attempt == row.attempt && ended) {
            return Vec::new();
        }
        let name = task.target();
        if *row.name != *name {
            row.name = name.into();
        }
        if task.attempt > row.attempt {
            row.begin_again(task.attempt);
        }
        let same = row.state == task.state && row.started_at == task.started_at && !ended;
        row.started_at = task.started_at;
        self.stand(place, task.state.clone());
        if task.state.end().is_none() {
            return if same { Vec::new() } else { vec![Change::Moved(Box::new(task))] };
        }
        let row = &mut self.rows[place];
        let mut changes = Vec::new();
        for kind in [StreamKind::Stdout, StreamKind::Stderr] {
            let kept = task.output.stream(kind);
            for (offset, bytes) in kept.runs_from(row.stream(kind).reader.next()) {
                row.read(place, kind, offset, bytes, &mut changes);
            }
            row.finish(place, kind, kept.total, &mut changes);
        }
        changes.push(Change::Ended(Box::new(task)));
        changes
    }

    /// Changes where a target stands, everywhere that it is counted.
    fn stand(&mut self, place: usize, state: TaskState) {
        let row = &mut self.rows[place];
        let kind = Kind::of(&state);
        self.tally.remove(Kind::of(&row.state));
        self.tally.add(kind);
        if let Some((kind, since)) = row.flies.take() {
            self.in_flight.remove(&(kind, since, place));
        }
        if let Some(number) = row.failure.take() {
            self.failures.remove(&number);
        }
        row.state = state;
        if matches!(kind, Kind::Running | Kind::Sent) {
            // What nobody can tell the beginning of comes last.
            let since = row.started_at.unwrap_or(Time::of(u64::MAX));
            row.flies = Some((kind, since));
            self.in_flight.insert((kind, since, place));
        }
        if kind.is_failure() {
            row.failure = Some(self.next_failure);
            self.failures.insert(self.next_failure, place);
            self.next_failure += 1;
        }
    }

    fn output(&mut self, chunk: Chunk) -> Vec<Change> {
        let Chunk { host, item, stream, offset, data } = chunk;
        let mut changes = Vec::new();
        let place = self.place(&host, item);
        let row = &mut self.rows[place];
        // After the end everything that was kept is shown; a late chunk would follow its own tail.
        if row.state.end().is_none() {
            row.read(place, stream, offset, &data, &mut changes);
        }
        changes
    }

    fn progress(&mut self, moved: &Moved) -> Vec<Change> {
        let Moved { host, item, done, total } = moved;
        let place = self.place(host, *item);
        let now = Bytes { done: *done, total: *total };
        let before = self.rows[place].moved.replace(now);
        if before == Some(now) {
            return Vec::new();
        }
        let Bytes { done, total } = before.unwrap_or_default();
        self.moved.done = self.moved.done.saturating_sub(done).saturating_add(now.done);
        self.moved.total = self.moved.total.saturating_sub(total).saturating_add(now.total);
        vec![Change::Progress(place)]
    }

    fn place(&mut self, host: &str, item: u32) -> usize {
        if let Some(place) = self.places.get(host).and_then(|items| items.get(&item)) {
            return *place;
        }
        let place = self.rows.len();
        let host: Arc<str> = host.into();
        self.places.entry(Arc::clone(&host)).or_default().insert(item, place);
        self.rows.push(Row::new(host, item));
        self.tally.add(Kind::Pending);
        place
    }
}

impl Row {
    /// A target of which nothing is known.
    fn new(host: Arc<str>, item: u32) -> Self {
        Self {
            name: Arc::clone(&host),
            host,
            item,
            state: TaskState::Pending,
            attempt: 0,
            started_at: None,
            last_line: String::new(),
            moved: None,
            stdout: Stream::default(),
            stderr: Stream::default(),
            flies: None,
            failure: None,
        }
    }

    /// Another attempt prints from the beginning.
    fn begin_again(&mut self, attempt: u32) {
        self.attempt = attempt;
        self.last_line.clear();
        self.stdout = Stream::default();
        self.stderr = Stream::default();
    }

    fn stream(&mut self, kind: StreamKind) -> &mut Stream {
        match kind {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => &mut self.stderr,
        }
    }

    fn read(
        &mut self,
        place: usize,
        kind: StreamKind,
        offset: u64,
        bytes: &[u8],
        changes: &mut Vec<Change>,
    ) {
        let (missed, fresh) = self.stream(kind).reader.take(offset, bytes);
        self.missed(place, kind, missed, changes);
        let mut lines = Vec::new();
        self.stream(kind).lines.push(fresh, |line| lines.push(line));
        let last = match self.stream(kind).lines.partial() {
            [] => lines.iter().rev().find(|line| !line.is_empty()).map(Vec::as_slice),
            partial => Some(partial),
        };
        if let Some(last) = last.map(shown) {
            self.last_line = last;
        }
        let said = lines.into_iter().map(Said::Bytes);
        changes.extend(said.map(|said| self.line(place, kind, said)));
    }

    /// A gap ends the line before it.
    fn missed(&mut self, place: usize, kind: StreamKind, missed: u64, changes: &mut Vec<Change>) {
        if missed > 0 {
            self.flush(place, kind, changes);
            changes.push(self.line(place, kind, Said::NotShown(missed)));
        }
    }

    fn finish(&mut self, place: usize, kind: StreamKind, total: u64, changes: &mut Vec<Change>) {
        self.flush(place, kind, changes);
        let missed = self.stream(kind).reader.skip_to(total);
        self.missed(place, kind, missed, changes);
    }

    fn flush(&mut self, place: usize, kind: StreamKind, changes: &mut Vec<Change>) {
        if let Some(rest) = self.stream(kind).lines.finish() {
            changes.push(self.line(place, kind, Said::Bytes(rest)));
        }
    }

    fn line(&self, row: usize, stream: StreamKind, said: Said) -> Change {
        Change::Line(OutputLine { row, name: Arc::clone(&self.name), stream, said })
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
            output_removed: false,
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
        let words = changes.filter_map(|change| match change {
            Change::Line(OutputLine { name, said: Said::Bytes(bytes), .. }) => {
                Some(format!("{name}: {}", String::from_utf8_lossy(&bytes)))
            }
            Change::Line(OutputLine { name, said: Said::NotShown(count), .. }) => {
                Some(format!("{name}: ({count} not shown)"))
            }
            Change::Ended(task) => Some(format!("{} {}", task.target(), task.state.as_str())),
            Change::Batch | Change::Moved(_) | Change::Progress(_) | Change::Snapshotted => None,
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
        let states: Vec<_> = board.rows().iter().map(|row| row.state.as_str()).collect();
        assert_eq!(states, ["succeeded", "running"]);
    }

    #[test]
    fn the_last_line_is_what_a_terminal_would_show() {
        let mut board = Board::default();
        told(&mut board, vec![chunk("a", 0, "done 1%\rdone 7%\r"), chunk("b", 0, "x\x1b[2J\n\n")]);
        let last: Vec<_> = board.rows().iter().map(|row| row.last_line.as_str()).collect();
        assert_eq!(last, ["done 7%", r"x\x1b[2J"]);
    }

    fn started(name: &str, at: u64) -> Task {
        let started_at = Some(Time::of(at));
        Task { started_at, ..task(name, TaskState::Running, KeptStream::default()) }
    }

    fn listed(board: &Board, places: impl Iterator<Item = usize>) -> Vec<String> {
        places.map(|place| board.rows()[place].name.to_string()).collect()
    }

    #[test]
    fn the_slowest_and_the_newest_failure_come_first() {
        let mut board = Board::default();
        let failed = ended(Outcome::Failed { exit_code: Some(1), signal: None });
        let end = |name: &str| BatchEvent::Task(task(name, failed.clone(), kept("")));
        let sent = task("sent", TaskState::Dispatched, KeptStream::default());
        told(
            &mut board,
            vec![
                BatchEvent::Task(sent),
                BatchEvent::Task(started("late", 3000)),
                BatchEvent::Task(started("early", 1000)),
                BatchEvent::Task(started("a", 500)),
                end("a"),
                end("b"),
            ],
        );
        assert_eq!(listed(&board, board.in_flight()), ["early", "late", "sent"]);
        assert_eq!(listed(&board, board.failures()), ["b", "a"]);
        let tally = board.tally();
        assert_eq!((tally.of(Kind::Failed), tally.in_flight(), tally.ended()), (2, 3, 2));
    }

    #[test]
    fn another_attempt_begins_again() {
        let mut board = Board::default();
        let failed = ended(Outcome::Failed { exit_code: Some(1), signal: None });
        let second = Task { attempt: 1, ..started("a", 2000) };
        let end = Task { attempt: 1, ..task("a", ended(Outcome::Succeeded), kept("new\n")) };
        let events = vec![
            BatchEvent::Task(task("a", failed.clone(), kept("old\n"))),
            BatchEvent::Task(second.clone()),
            // What is told late of the first attempt is known already.
            BatchEvent::Task(task("a", failed, kept("old\n"))),
            chunk("a", 0, "new\n"),
            BatchEvent::Task(end),
            BatchEvent::Task(second),
        ];
        assert_eq!(told(&mut board, events), ["a: old", "a failed", "a: new", "a succeeded"]);
        assert_eq!((board.failures().len(), board.in_flight().len()), (0, 0));
        assert_eq!(board.tally().of(Kind::Succeeded), 1);
    }

    #[test]
    fn what_is_moved_is_added_up() {
        let mut board = Board::default();
        let moved = |host: &str, done| {
            let host = format!("h-{host}");
            BatchEvent::Progress(Moved { host, item: 0, done, total: 100 })
        };
        for event in [moved("a", 10), moved("b", 100), moved("a", 40), moved("a", 40)] {
            board.apply(event);
        }
        assert_eq!(board.moved(), Bytes { done: 140, total: 200 });
        assert_eq!(board.apply(moved("a", 40)), [], "that was told");
    }
}
