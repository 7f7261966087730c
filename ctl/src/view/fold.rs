//! Identical output, once: who printed it, and then what.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tamer_model::{KeptStream, Outcome};

use super::differ::{self, Differs};
use super::escape;
use super::plain::not_shown;
use super::summary::{details, ending};
use super::words::{count, number};
use crate::contract::{BatchAction, Task};
use crate::output::{Line, Tone, width};

/// How much different output is remembered, in bytes. What comes after is told without its text.
const MOST: usize = 64 * 1024 * 1024;
/// Columns for `: ` and ` and 9999 more`.
const MORE: usize = 16;
/// Below so many rows there is none for those that are not shown.
const FEW: usize = 3;
/// Lines of what most printed, and of how a group differs from it, while it forms.
const GLIMPSE: usize = 3;

/// The ends of tasks, those that look the same together. They can be looked at while they come.
#[derive(Debug, Default)]
pub struct Fold {
    /// In the order in which they came. A retry may empty one.
    groups: Vec<Group>,
    by_key: HashMap<Arc<Key>, usize>,
    /// Those with somebody in them: those that succeeded first, the largest first.
    order: BTreeSet<(Reverse<bool>, Reverse<usize>, usize)>,
    /// In which group a target is.
    of: HashMap<(String, u32), (usize, Arc<str>)>,
    /// How the failures ended, and how many of each.
    endings: BTreeMap<String, u32>,
    /// Succeeded targets.
    succeeded: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Group {
    key: Arc<Key>,
    names: BTreeSet<Arc<str>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    succeeded: bool,
    ending: String,
    details: Vec<String>,
    output: Output,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Output {
    Streams {
        stdout: Text,
        stderr: Text,
    },
    /// There was too much of it to remember.
    Dropped,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Text {
    head: Vec<u8>,
    cut: u64,
    tail: Vec<u8>,
}

impl Fold {
    /// Adds a task's end. One of the same target takes the place of an earlier one.
    pub fn add(&mut self, task: Task) {
        let Some(end) = task.state.end() else { return };
        let (succeeded, ending, details) =
            (end.outcome == Outcome::Succeeded, ending(end), details(end));
        let name: Arc<str> = task.target().into();
        let of = (task.host, task.item);
        self.remove(&of);
        let streams = Output::Streams {
            stdout: Text::from(task.output.stdout),
            stderr: Text::from(task.output.stderr),
        };
        let at = self.group(Key { succeeded, ending, details, output: streams });
        self.change(at, |names| names.insert(Arc::clone(&name)));
        self.of.insert(of, (at, name));
        self.count(at, 1);
    }

    /// How the failures ended, the most common first: `exit code 3`, and how many.
    pub fn endings(&self) -> Vec<(&str, u32)> {
        let mut endings: Vec<_> =
            self.endings.iter().map(|(words, count)| (words.as_str(), *count)).collect();
        endings.sort_by_key(|(_, count)| Reverse(*count));
        endings
    }

    /// What those that succeeded printed, on at most `rows` lines: what most did, and how the
    /// others differ from it.
    pub fn glimpse(&self, action: BatchAction, columns: usize, rows: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        let succeeded = self.order.iter().take_while(|(Reverse(succeeded), ..)| *succeeded);
        let mut groups = succeeded.map(|(_, _, at)| &self.groups[*at]);
        let Some(most) = groups.next() else { return lines };
        lines.push(title(&most.key, &most.names, action, true, columns));
        let mut printed = Vec::new();
        most.key.output.lines(&mut printed);
        lines.extend(clipped(printed, GLIMPSE));
        let mut told = most.names.len();
        for group in groups {
            let mut part = vec![title(&group.key, &group.names, action, false, columns)];
            part.extend(clipped(differs(&most.key.output, &group.key.output), GLIMPSE));
            let all = told + group.names.len() == self.succeeded;
            // The last row is for those that are not shown.
            if lines.len() + part.len() + usize::from(!all) > rows {
                break;
            }
            told += group.names.len();
            lines.extend(part);
        }
        if told < self.succeeded && rows >= FEW {
            let more = number((self.succeeded - told) as u64);
            lines.truncate(rows.saturating_sub(1));
            lines.push(Line::new(Tone::Dim, format!("and {more} that differ otherwise")));
        }
        lines.truncate(rows);
        lines
    }

    /// The groups of a batch that did `action`: the largest first, those that failed last.
    pub fn lines(&self, action: BatchAction, columns: usize) -> Vec<Line> {
        let mut groups: Vec<_> = self.order.iter().map(|(.., at)| &self.groups[*at]).collect();
        groups.sort_by(|a, b| {
            let order = (b.key.succeeded, b.names.len()).cmp(&(a.key.succeeded, a.names.len()));
            order.then_with(|| a.names.cmp(&b.names))
        });
        let mut lines = Vec::new();
        for (at, Group { key, names }) in groups.into_iter().enumerate() {
            lines.push(title(key, names, action, at == 0, columns));
            let details = key.details.iter().map(|detail| format!("  {detail}"));
            lines.extend(details.map(|detail| Line::new(Tone::Dim, detail)));
            key.output.lines(&mut lines);
        }
        lines
    }

    /// The group of this key, or of the one without its output when there is too much of it.
    fn group(&mut self, key: Key) -> usize {
        if let Some(at) = self.by_key.get(&key) {
            return *at;
        }
        let size = key.output.size();
        let key = match self.bytes + size <= MOST {
            true => key,
            false => Key { output: Output::Dropped, ..key },
        };
        if let Some(at) = self.by_key.get(&key) {
            return *at;
        }
        self.bytes += key.output.size();
        let (key, at) = (Arc::new(key), self.groups.len());
        self.groups.push(Group { key: Arc::clone(&key), names: BTreeSet::new() });
        self.by_key.insert(key, at);
        at
    }

    fn remove(&mut self, of: &(String, u32)) {
        let Some((at, name)) = self.of.remove(of) else { return };
        self.change(at, |names| names.remove(&name));
        self.count(at, -1);
    }

    fn change(&mut self, at: usize, change: impl FnOnce(&mut BTreeSet<Arc<str>>) -> bool) {
        let Group { key, names } = &mut self.groups[at];
        let place = |names: &BTreeSet<_>| (Reverse(key.succeeded), Reverse(names.len()), at);
        self.order.remove(&place(names));
        change(names);
        if !names.is_empty() {
            self.order.insert(place(names));
        }
    }

    fn count(&mut self, at: usize, by: i32) {
        let Key { succeeded, ending, .. } = &*self.groups[at].key;
        if *succeeded {
            self.succeeded = self.succeeded.saturating_add_signed(by as isize);
            return;
        }
        let count = self.endings.entry(ending.clone()).or_default();
        *count = count.saturating_add_signed(by);
        if *count == 0 {
            self.endings.remove(ending);
        }
    }
}

/// How the output of a group differs from what most printed.
fn differs(most: &Output, other: &Output) -> Vec<Line> {
    let (
        Output::Streams { stdout: a_out, stderr: a_err },
        Output::Streams { stdout: b_out, stderr: b_err },
    ) = (most, other)
    else {
        return Vec::new();
    };
    let (a, b) = if a_out == b_out { (a_err, b_err) } else { (a_out, b_out) };
    let hints = differ::hint(&a.head, &b.head).into_iter();
    let line = |differs| match differs {
        Differs::Gone(line) => Line::new(Tone::Dim, format!("  - {}", escape::bytes(line))),
        Differs::New(line) => Line::plain(format!("  + {}", escape::bytes(line))),
    };
    hints.map(line).collect()
}

/// At most so many of the lines, and how many more there are.
fn clipped(mut lines: Vec<Line>, most: usize) -> Vec<Line> {
    if lines.len() > most {
        let more = lines.len() - most + 1;
        lines.truncate(most - 1);
        lines.push(Line::new(Tone::Dim, format!("  … {}", count(more as u64, "more line"))));
    }
    lines
}

fn title(
    key: &Key,
    names: &BTreeSet<Arc<str>>,
    action: BatchAction,
    first: bool,
    columns: usize,
) -> Line {
    let targets = count(names.len() as u64, action.noun());
    let alone = names.len() == 1;
    let count = number(names.len() as u64);
    let (quiet, loud) = match action {
        BatchAction::Command
        | BatchAction::Script
        | BatchAction::Exec
        | BatchAction::Sequence
        | BatchAction::InstanceSequence => ("printed nothing", "printed this"),
        BatchAction::Create => ("done", "made this"),
        BatchAction::Instance
        | BatchAction::Pull
        | BatchAction::Push
        | BatchAction::Fetch
        | BatchAction::Other => ("done", "told this"),
    };
    let (tone, what) = match (key.succeeded, key.output.is_empty()) {
        (false, _) => (Tone::Bad, format!("{count} {}", key.ending)),
        (true, true) => (Tone::Strong, format!("{targets} {quiet}")),
        (true, false) if first => (Tone::Strong, format!("{targets} {loud}")),
        (true, false) => {
            (Tone::Strong, format!("{count} {}", if alone { "differs" } else { "differ" }))
        }
    };
    let who = some(names, columns.saturating_sub(what.len() + MORE).max(20));
    Line::new(tone, format!("{what}:")).and(Tone::Plain, format!(" {who}"))
}

/// As many of the names as fit about `columns`, and how many more there are.
fn some(names: &BTreeSet<Arc<str>>, columns: usize) -> String {
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 && width::of(&text) + width::of(name) + 2 > columns {
            return format!("{text} and {} more", number((names.len() - at) as u64));
        }
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&escape::text(name));
    }
    text
}

impl Output {
    fn size(&self) -> usize {
        match self {
            Self::Streams { stdout, stderr } => stdout.size() + stderr.size(),
            Self::Dropped => 0,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Streams { stdout, stderr } => stdout.is_empty() && stderr.is_empty(),
            Self::Dropped => false,
        }
    }

    fn lines(&self, lines: &mut Vec<Line>) {
        match self {
            Self::Streams { stdout, stderr } => {
                stdout.lines("  ", Tone::Plain, lines);
                stderr.lines("  2> ", Tone::Busy, lines);
            }
            Self::Dropped => {
                let text = "  (too much different output to show; see `tamerctl batch logs`)";
                lines.push(Line::new(Tone::Dim, text));
            }
        }
    }
}

impl Text {
    fn size(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    fn is_empty(&self) -> bool {
        self.size() == 0 && self.cut == 0
    }

    fn lines(&self, indent: &str, tone: Tone, lines: &mut Vec<Line>) {
        let mut part = |bytes: &[u8]| {
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            for line in bytes.split(|byte| *byte == b'\n') {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                lines.push(Line::new(tone, format!("{indent}{}", escape::bytes(line))));
            }
        };
        if self.cut == 0 {
            // A line may run across the point where a cut would have been.
            if !self.is_empty() {
                part(&[&self.head[..], &self.tail[..]].concat());
            }
            return;
        }
        if !self.head.is_empty() {
            part(&self.head);
        }
        lines.push(Line::new(Tone::Dim, format!("{indent}{}", not_shown(self.cut))));
        if !self.tail.is_empty() {
            let Self { tail, .. } = self;
            Self { head: tail.clone(), cut: 0, tail: Vec::new() }.lines(indent, tone, lines);
        }
    }
}

impl From<KeptStream> for Text {
    fn from(kept: KeptStream) -> Self {
        let cut = kept.cut();
        let KeptStream { head, tail, total: _ } = kept;
        Self { head, cut, tail }
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{Code, Problem, TaskEnd};

    use super::super::board::tests::{ended, kept, task};
    use super::*;
    use crate::contract::TaskState;

    fn folded(tasks: Vec<Task>) -> String {
        folded_as(BatchAction::Command, tasks)
    }

    fn folded_as(action: BatchAction, tasks: Vec<Task>) -> String {
        let mut fold = Fold::default();
        tasks.into_iter().for_each(|task| fold.add(task));
        fold.lines(action, 60).iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_same_is_shown_once_and_failures_last() {
        let ok = |name: &str, text: &str| task(name, ended(Outcome::Succeeded), kept(text));
        let failed = Outcome::Failed { exit_code: Some(3), signal: None };
        let mut loud = task("db-2", ended(failed), kept(""));
        loud.output.stderr = kept("no\x1b[2J space\nleft\n");
        let mut tasks: Vec<_> =
            (1..=38).map(|n| ok(&format!("web-{n:02}"), "Linux 6.1\n")).collect();
        tasks.extend([loud, ok("db-1", "Linux 5.15\nold"), ok("quiet", "")]);
        tasks.push(task("gone", ended(Outcome::NeverStarted), kept("")));
        insta::assert_snapshot!(folded(tasks), @r"
        38 hosts printed this: web-01, web-02, web-03 and 35 more
          Linux 6.1
        1 differs: db-1
          Linux 5.15
          old
        1 host printed nothing: quiet
        1 failed with exit code 3: db-2
          2> no\x1b[2J space
          2> left
        1 never started: gone
        ");
    }

    #[test]
    fn a_problem_is_told_whole() {
        let instance = |name: &str, state| {
            let (item, instance_name) = (name.as_bytes()[0].into(), Some(name.to_owned()));
            Task { item, instance_name, ..task("web", state, kept("")) }
        };
        let problem = Problem::new(Code::WrongState, "it runs").on("force").remedy("use --force");
        let refused = TaskState::Ended(TaskEnd::failed(problem));
        let tasks = vec![
            instance("a", ended(Outcome::Succeeded)),
            instance("b", refused.clone()),
            instance("c", refused),
        ];
        insta::assert_snapshot!(folded_as(BatchAction::Instance, tasks), @r"
        1 instance done: web/a
        2 failed (it runs): web/b, web/c
          field: force
          remedy: use --force
          [wrong-state]
        ");
    }

    #[test]
    fn a_cut_is_shown_where_it_is() {
        let cut =
            KeptStream { head: b"head\npart".to_vec(), tail: b"of\ntail\n".to_vec(), total: 99 };
        let whole = KeptStream { head: b"one li".to_vec(), tail: b"ne\n".to_vec(), total: 9 };
        let tasks = vec![
            task("a", ended(Outcome::Succeeded), cut),
            task("b", ended(Outcome::Succeeded), whole),
        ];
        insta::assert_snapshot!(folded(tasks), @r"
        1 host printed this: a
          head
          part
          [… 82 bytes not shown …]
          of
          tail
        1 differs: b
          one line
        ");
    }

    fn glimpsed(fold: &Fold, rows: usize) -> String {
        let lines = fold.glimpse(BatchAction::Command, 60, rows);
        assert!(lines.len() <= rows);
        lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn groups_are_seen_as_they_form() {
        let mut fold = Fold::default();
        let ok = |name: &str, text: &str| task(name, ended(Outcome::Succeeded), kept(text));
        for number in 0..1200 {
            fold.add(ok(&format!("web-{number:04}"), "Linux 6.1\nglibc 2.36\nbash 5.2\nzsh 5.9\n"));
        }
        fold.add(ok("db-1", "Linux 5.15\nglibc 2.36\nbash 5.2\nzsh 5.9\n"));
        fold.add(ok("db-2", "Linux 5.15\nglibc 2.36\nbash 5.2\nzsh 5.9\n"));
        fold.add(ok("odd", "who knows\n"));
        fold.add(task("bad", ended(Outcome::TimedOut), kept("")));
        insta::assert_snapshot!(glimpsed(&fold, 20), @r"
        1,200 hosts printed this: web-0000, web-0001 and 1,198 more
          Linux 6.1
          glibc 2.36
          … 2 more lines
        2 differ: db-1, db-2
          - Linux 6.1
          + Linux 5.15
        1 differs: odd
          - Linux 6.1
          - glibc 2.36
          … 3 more lines
        ");
        insta::assert_snapshot!(glimpsed(&fold, 9), @r"
        1,200 hosts printed this: web-0000, web-0001 and 1,198 more
          Linux 6.1
          glibc 2.36
          … 2 more lines
        2 differ: db-1, db-2
          - Linux 6.1
          + Linux 5.15
        and 1 that differ otherwise
        ");
        assert_eq!(glimpsed(&fold, 0), "");
    }

    #[test]
    fn another_attempt_takes_the_place_of_the_first() {
        let mut fold = Fold::default();
        fold.add(task("a", ended(Outcome::TimedOut), kept("half")));
        assert_eq!(fold.endings(), [("timed out", 1)]);
        fold.add(task("a", ended(Outcome::Succeeded), kept("whole")));
        assert_eq!(fold.endings(), []);
        let lines = fold.lines(BatchAction::Command, 60);
        let text = lines.iter().map(Line::text).collect::<Vec<_>>().join("\n");
        assert_eq!(text, "1 host printed this: a\n  whole");
    }
}
