//! Identical output, once: who printed it, and then what.

use std::collections::HashMap;

use tamer_model::{KeptStream, Outcome};

use super::escape;
use super::plain::not_shown;
use super::summary::{details, ending};
use crate::contract::{BatchAction, Task};
use crate::output::{Line, Tone, human};

/// How much different output is remembered, in bytes. What comes after is told without its text.
const MOST: usize = 64 * 1024 * 1024;
/// Columns for `: ` and ` and 9999 more`.
const MORE: usize = 16;

/// The ends of tasks, those that look the same together.
#[derive(Debug, Default)]
pub struct Fold {
    groups: HashMap<Key, Vec<String>>,
    bytes: usize,
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
    /// Adds a task's end.
    pub fn add(&mut self, task: Task) {
        let Some(end) = task.state.end() else { return };
        let (succeeded, ending, details) =
            (end.outcome == Outcome::Succeeded, ending(end), details(end));
        let name = task.target();
        let streams = Output::Streams {
            stdout: Text::from(task.output.stdout),
            stderr: Text::from(task.output.stderr),
        };
        let size = streams.size();
        let whole = Key { succeeded, ending, details, output: streams };
        if let Some(names) = self.groups.get_mut(&whole) {
            names.push(name);
            return;
        }
        let fits = self.bytes + size <= MOST;
        let key = if fits { whole } else { Key { output: Output::Dropped, ..whole } };
        self.bytes += if fits { size } else { 0 };
        self.groups.entry(key).or_default().push(name);
    }

    /// The groups of a batch that did `action`: the largest first, those that failed last.
    pub fn lines(mut self, action: BatchAction, columns: usize) -> Vec<Line> {
        self.groups.values_mut().for_each(|names| names.sort());
        let mut groups: Vec<_> = self.groups.into_iter().collect();
        groups.sort_by(|(a, a_names), (b, b_names)| {
            let order = (b.succeeded, b_names.len()).cmp(&(a.succeeded, a_names.len()));
            order.then_with(|| a_names.cmp(b_names))
        });
        let mut lines = Vec::new();
        for (at, (key, names)) in groups.iter().enumerate() {
            lines.push(title(key, names, action, at == 0, columns));
            let details = key.details.iter().map(|detail| format!("  {detail}"));
            lines.extend(details.map(|detail| Line::new(Tone::Dim, detail)));
            key.output.lines(&mut lines);
        }
        lines
    }
}

fn title(key: &Key, names: &[String], action: BatchAction, first: bool, columns: usize) -> Line {
    let count = names.len();
    let targets = human::count(count, action.noun());
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
            (Tone::Strong, format!("{count} {}", if count == 1 { "differs" } else { "differ" }))
        }
    };
    let who = human::names(names, columns.saturating_sub(what.len() + MORE).max(20));
    Line::new(tone, format!("{what}:")).and(Tone::Plain, format!(" {who}"))
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
            let instance_name = Some(name.to_owned());
            Task { instance_name, ..task("web", state, kept("")) }
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
}
