//! How the sources of a stream ended: a stream is good when each of them told its end.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{Code, Problem};

use crate::errors::{Failure, text_of};
use crate::output::{Format, print};

/// The ends of a stream's sources.
#[derive(Debug)]
pub struct Ends {
    names: BTreeMap<u32, String>,
    open: BTreeSet<u32>,
    problems: Vec<(u32, Problem)>,
}

impl Ends {
    /// Of the sources of these names, none of which has ended.
    pub fn new(names: BTreeMap<u32, String>) -> Self {
        let open = names.keys().copied().collect();
        Self { names, open, problems: Vec::new() }
    }

    /// A source has ended, and all of it came.
    pub fn ended(&mut self, source: u32) {
        self.open.remove(&source);
    }

    /// A source has ended with a problem. Only its first one counts.
    pub fn failed(&mut self, source: u32, problem: Problem) {
        if self.open.remove(&source) {
            self.problems.push((source, problem));
        }
    }

    /// Those that have not ended.
    pub fn open(&self) -> impl Iterator<Item = u32> {
        self.open.iter().copied()
    }

    /// The stream is over: what had not ended broke off. Tells every problem.
    pub fn over(mut self, format: Format) -> Result<(), Failure> {
        for source in std::mem::take(&mut self.open) {
            let problem = Problem::new(Code::Unreachable, "it broke off before its end");
            self.problems.push((source, problem));
        }
        self.tell(format)
    }

    /// The user has seen enough: tells the problems there were.
    pub fn tell(self, format: Format) -> Result<(), Failure> {
        for (source, problem) in &self.problems {
            let name = self.names.get(source).map_or("?", String::as_str);
            let message = format!("{name}: {}", problem.message);
            print::error(&text_of(&Problem { message, ..problem.clone() }, format));
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::Targets) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        Ends::new([(0, "a".to_owned()), (1, "b".to_owned())].into())
    }

    #[test]
    fn silence_is_not_an_end() {
        let mut whole = ends();
        whole.ended(0);
        whole.ended(1);
        assert!(whole.over(Format::Table).is_ok());
        let mut cut = ends();
        cut.ended(0);
        assert!(matches!(cut.over(Format::Table), Err(Failure::Targets)));
    }

    #[test]
    fn a_problem_is_counted_once_and_survives_the_end() {
        let mut failed = ends();
        failed.failed(0, Problem::new(Code::NotFound, "gone"));
        failed.failed(0, Problem::new(Code::NotFound, "gone again"));
        failed.ended(0);
        failed.ended(1);
        assert_eq!(failed.problems.len(), 1);
        assert!(matches!(failed.over(Format::Table), Err(Failure::Targets)));
    }
}
