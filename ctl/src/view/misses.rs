//! The targets where a batch did not succeed, by how they ended: what a pipe is told at the end,
//! where nothing is folded.

use std::collections::BTreeMap;

use tamer_model::Outcome;

use super::summary::ending;
use super::words::number;
use crate::contract::Task;
use crate::output::{Line, Tone};

/// Ways to end that are told apart; those beyond are only counted.
const WAYS: usize = 16;
/// Names that are told of each; `batch show` has all of them.
const NAMES: usize = 8;

/// Those that did not succeed. It holds at most [`WAYS`] texts and [`NAMES`] names of each.
#[derive(Debug, Default)]
pub struct Misses {
    ways: BTreeMap<String, Way>,
    others: u64,
}

/// One way to end.
#[derive(Debug, Default)]
struct Way {
    count: u64,
    names: Vec<String>,
}

impl Misses {
    /// Adds the end of a task, if it is none of success. One with a problem was told in full when
    /// it came.
    pub fn add(&mut self, task: &Task) {
        let Some(end) = task.state.end() else { return };
        if end.outcome == Outcome::Succeeded || end.problem.is_some() {
            return;
        }
        let words = ending(end);
        if self.ways.len() >= WAYS && !self.ways.contains_key(&words) {
            self.others += 1;
            return;
        }
        let way = self.ways.entry(words).or_default();
        way.count += 1;
        if way.names.len() < NAMES {
            way.names.push(super::escape::text(&task.target()));
        }
    }

    /// What is told of them: `2 failed with exit code 1: db-1, db-2`.
    pub fn lines(&self) -> Vec<Line> {
        let told = self.ways.iter().map(|(words, way)| way.line(words));
        let more = (self.others > 0).then(|| {
            let more =
                format!("and {} that ended otherwise; see `batch show`", number(self.others));
            Line::new(Tone::Dim, more)
        });
        told.chain(more).collect()
    }
}

impl Way {
    fn line(&self, words: &str) -> Line {
        let mut names = self.names.clone();
        names.sort();
        let mut names = names.join(", ");
        let more = self.count - self.names.len() as u64;
        if more > 0 {
            names = format!("{names} and {} more", number(more));
        }
        Line::new(Tone::Bad, format!("{} {words}:", number(self.count)))
            .and(Tone::Plain, format!(" {names}"))
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{KeptStream, TaskEnd, Unsent};

    use super::super::board::tests::{ended, task};
    use super::*;
    use crate::contract::TaskState;

    fn told(misses: &Misses) -> Vec<String> {
        misses.lines().iter().map(Line::text).collect()
    }

    #[test]
    fn they_are_named_by_how_they_ended() {
        let mut misses = Misses::default();
        let tripped = TaskEnd::never_started(Unsent::Tripped, "1 failed, and 0 are allowed");
        let failed = || ended(Outcome::Failed { exit_code: Some(1), signal: None });
        for (name, state) in [
            ("web-2", failed()),
            ("web-1", failed()),
            ("web-3", ended(Outcome::Succeeded)),
            ("web-4", TaskState::Running),
            ("web\x1b5", TaskState::Ended(tripped)),
        ] {
            misses.add(&task(name, state, KeptStream::default()));
        }
        assert_eq!(
            told(&misses),
            [
                "2 failed with exit code 1: web-1, web-2",
                "1 never started (1 failed, and 0 are allowed): web\\x1b5",
            ]
        );
    }

    #[test]
    fn many_are_counted() {
        let mut misses = Misses::default();
        for code in 0..20 {
            for host in 0..10 {
                let state = ended(Outcome::Failed { exit_code: Some(100 + code), signal: None });
                misses.add(&task(&format!("h{host}"), state, KeptStream::default()));
            }
        }
        let told = told(&misses);
        assert_eq!(told.len(), WAYS + 1);
        assert_eq!(
            told.first().map(String::as_str),
            Some("10 failed with exit code 100: h0, h1, h2, h3, h4, h5, h6, h7 and 2 more")
        );
        assert_eq!(
            told.last().map(String::as_str),
            Some("and 40 that ended otherwise; see `batch show`")
        );
    }
}
