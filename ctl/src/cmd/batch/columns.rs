//! The columns of `tamerctl batch show`.

use std::str::FromStr;

use tamer_model::{Parse, Problem, TaskEnd};

use crate::contract::{BatchDetail, Task, unsent_word};
use crate::output::{Cell, Line, Table, human};
use crate::parse;

/// A column.
#[derive(Debug, Clone)]
pub enum Column {
    /// One of the known ones, by its place among them.
    Known(&'static Known),
    /// Data that was read from what was printed, at a path; all of it when that is empty.
    Data(String),
}

/// A column that every batch has.
#[derive(Debug)]
pub struct Known {
    word: &'static str,
    head: &'static str,
    cell: fn(&Task) -> Cell,
}

/// Every column but those of data.
const KNOWN: &[Known] = &[
    Known { word: "target", head: "TARGET", cell: |task| task.target().into() },
    Known { word: "host", head: "HOST", cell: |task| task.name.as_str().into() },
    Known { word: "host_id", head: "HOST ID", cell: |task| task.host.as_str().into() },
    Known { word: "instance", head: "INSTANCE", cell: |task| text(task.instance_name.as_deref()) },
    Known { word: "instance_id", head: "INSTANCE ID", cell: |task| text(task.instance.as_deref()) },
    Known { word: "state", head: "STATE", cell: |task| Cell::state(task.state.as_str()) },
    Known {
        word: "exit",
        head: "EXIT",
        cell: |task| number(end(task).and_then(|end| end.outcome.exit_code())),
    },
    Known {
        word: "took",
        head: "TOOK",
        cell: |task| {
            end(task).and_then(|end| end.duration_ms).map(human::took).unwrap_or_default().into()
        },
    },
    Known { word: "tries", head: "TRIES", cell: |task| (task.attempt + 1).to_string().into() },
    Known { word: "started", head: "STARTED", cell: |task| number(task.started_at) },
    Known {
        word: "cpu",
        head: "CPU",
        cell: |task| usage(task, |usage| Some(human::took(usage.cpu_ms))),
    },
    Known {
        word: "memory",
        head: "MEMORY",
        cell: |task| usage(task, |usage| usage.max_memory_bytes.map(human::size)),
    },
    Known {
        word: "fetched",
        head: "FETCHED",
        cell: |task| {
            end(task)
                .and_then(|end| end.fetched)
                .map(|content| human::size(content.size))
                .unwrap_or_default()
                .into()
        },
    },
    Known {
        word: "unsent",
        head: "UNSENT",
        cell: |task| text(end(task).and_then(|end| end.unsent).map(unsent_word)),
    },
    Known {
        word: "reason",
        head: "REASON",
        cell: |task| end(task).map(reason).unwrap_or_default().into(),
    },
];

impl Column {
    /// The known columns of these words.
    pub fn known(words: &[&str]) -> Vec<Self> {
        let is_meant = |known: &&Known| words.contains(&known.word);
        let mut columns: Vec<_> = KNOWN.iter().filter(is_meant).collect();
        columns.sort_by_key(|known| words.iter().position(|word| *word == known.word));
        columns.into_iter().map(Self::Known).collect()
    }

    /// Whether it shows data.
    pub const fn is_data(&self) -> bool {
        matches!(self, Self::Data(_))
    }

    fn head(&self) -> String {
        match self {
            Self::Known(known) => known.head.to_owned(),
            Self::Data(path) if path.is_empty() => "DATA".to_owned(),
            Self::Data(path) => path.to_uppercase(),
        }
    }
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("data.").or((text == "data").then_some("")) {
            return Ok(Self::Data(path.to_owned()));
        }
        let word = text.to_lowercase().replace('-', "_");
        KNOWN.iter().find(|known| known.word == word).map(Self::Known).ok_or_else(|| {
            let words: Vec<_> = KNOWN.iter().map(|known| known.word).collect();
            format!("{text:?} is no column: use {}, data, or data.KEY", words.join(", "))
        })
    }
}

/// Whether the columns can be shown of a batch whose output is read like this.
pub fn check(columns: &[Column], how: Option<Parse>) -> Result<(), Problem> {
    match (how, columns.iter().any(Column::is_data)) {
        (None, true) => {
            Err(Problem::field("columns", "nothing says how the output is read as data").remedy(
                "add --parse json, lines or kv; `tamerctl run --parse` keeps it with the batch",
            ))
        }
        (Some(_), _) | (None, false) => Ok(()),
    }
}

/// The tasks as a table of these columns.
pub fn table(detail: &BatchDetail, columns: &[Column]) -> Vec<Line> {
    let mut table = Table::new(columns.iter().map(Column::head));
    for task in &detail.tasks {
        // Read once for all columns; only where one shows it.
        let data = columns.iter().any(Column::is_data).then(|| detail.data(task)).flatten();
        let cell = |column: &Column| match column {
            Column::Known(known) => (known.cell)(task),
            Column::Data(path) => match &data {
                Some(Ok(value)) => {
                    parse::at(value, path).map(parse::shown).unwrap_or_default().into()
                }
                Some(Err(why)) => format!("({why})").into(),
                None => "".into(),
            },
        };
        table.row(columns.iter().map(cell).collect::<Vec<Cell>>());
    }
    table.lines()
}

fn end(task: &Task) -> Option<&TaskEnd> {
    task.state.end()
}

fn text(text: Option<&str>) -> Cell {
    text.unwrap_or_default().into()
}

fn number(value: Option<impl ToString>) -> Cell {
    value.map(|value| value.to_string()).unwrap_or_default().into()
}

fn usage(task: &Task, shown: fn(tamer_model::Usage) -> Option<String>) -> Cell {
    end(task).and_then(|end| end.usage).and_then(shown).unwrap_or_default().into()
}

/// Why it ended so; with the code that scripts and the manual know it by.
fn reason(end: &TaskEnd) -> String {
    let reason = end.reason.clone().unwrap_or_default();
    match &end.problem {
        Some(problem) => format!("{reason} [{}]", problem.code.as_str()),
        None => reason,
    }
}
