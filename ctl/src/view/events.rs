//! What happens to a batch, as one JSON object a line.
//!
//! Each has a key `event`:
//! - `batch`: the batch stands otherwise than before; the keys of `batch show -o json` without
//!   its tasks.
//! - `task`: a task goes on or ended; the keys of a task of `batch show -o json`. Its output is
//!   there when it ended.
//! - `output`: a target printed a line, its text in `line`, or `line_base64` beside it where that
//!   is no UTF-8; or so many bytes of it are lost here, in `not_shown`.
//! - `progress`: a target moved `done` of `total` bytes of its file.

use data_encoding::BASE64;
use serde::Serialize;
use tamer_model::StreamKind;

use super::board::{Board, Bytes, Change, OutputLine, Row, Said};
use crate::contract::{Batch, Task};
use crate::errors::Failure;
use crate::output::encode;

/// The lines of `changes` to `board`.
pub fn lines(changes: &[Change], board: &Board) -> Result<String, Failure> {
    let events = changes.iter().filter_map(|change| event(change, board));
    events.map(|event| encode::json_line(&event)).collect()
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Batch(&'a Batch),
    Task(&'a Task),
    Output {
        #[serde(flatten)]
        target: Target<'a>,
        stream: &'static str,
        line: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        line_base64: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        not_shown: Option<u64>,
    },
    Progress {
        #[serde(flatten)]
        target: Target<'a>,
        done: u64,
        total: u64,
    },
}

#[derive(Serialize)]
struct Target<'a> {
    host: &'a str,
    /// As people name it: the host's name, or `host/instance`.
    name: &'a str,
    /// Which of the host's targets.
    item: u32,
}

fn event<'a>(change: &'a Change, board: &'a Board) -> Option<Event<'a>> {
    Some(match change {
        Change::Batch => Event::Batch(board.batch()?),
        Change::Moved(task) | Change::Ended(task) => Event::Task(task),
        Change::Line(OutputLine { row, name: _, stream, said }) => {
            let target = target(board.rows().get(*row)?);
            let (line, line_base64, not_shown) = match said {
                Said::Bytes(bytes) => {
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    let bad = std::str::from_utf8(bytes).is_err();
                    (Some(text), bad.then(|| BASE64.encode(bytes)), None)
                }
                Said::NotShown(count) => (None, None, Some(*count)),
            };
            let stream = match stream {
                StreamKind::Stdout => "stdout",
                StreamKind::Stderr => "stderr",
            };
            Event::Output { target, stream, line, line_base64, not_shown }
        }
        Change::Progress(row) => {
            let row = board.rows().get(*row)?;
            let Bytes { done, total } = row.moved?;
            Event::Progress { target: target(row), done, total }
        }
        Change::Snapshotted => return None,
    })
}

fn target(row: &Row) -> Target<'_> {
    Target { host: &row.host, name: &row.name, item: row.item }
}

#[cfg(test)]
mod tests {
    use tamer_model::{KeptStream, Outcome};

    use super::super::board::tests::{chunk, ended, kept, task};
    use super::super::summary::tests::batch;
    use super::*;
    use crate::api::{BatchEvent, Moved};
    use crate::contract::{Counts, TaskState};

    fn told(board: &mut Board, events: Vec<BatchEvent>) -> Vec<String> {
        let mut text = String::new();
        for event in events {
            let changes = board.apply(event);
            text += &lines(&changes, board).expect("json");
        }
        let keys = |line: &str| {
            let mut value: serde_json::Value = serde_json::from_str(line).expect("one object");
            // The others are those of the contract, which has tests of its own.
            for key in ["command", "rollout", "marks", "before"] {
                value.as_object_mut().expect("an object").remove(key);
            }
            let kind = value["event"].as_str().expect("a kind").to_owned();
            match kind.as_str() {
                "batch" => format!("batch {} of {}", value["state"], value["targets"]),
                "task" => format!("task {} {} {}", value["name"], value["state"], value["stdout"]),
                _ => value.to_string(),
            }
        };
        text.lines().map(keys).collect()
    }

    #[test]
    fn each_is_told_once_on_a_line_of_its_own() {
        let progress = Moved { host: "h-web".into(), item: 0, done: 5, total: 10 };
        let all = || {
            vec![
                BatchEvent::Batch(batch(1, Counts::default())),
                BatchEvent::Task(task("web", TaskState::Pending, KeptStream::default())),
                BatchEvent::Task(task("web", TaskState::Running, KeptStream::default())),
                BatchEvent::Snapshotted,
                chunk("web", 0, "one\ntw"),
                chunk("web", 9, "\n"),
                BatchEvent::Progress(progress.clone()),
                BatchEvent::Task(task("web", ended(Outcome::Succeeded), kept("one\ntwo to\n"))),
            ]
        };
        let mut board = Board::default();
        insta::assert_snapshot!(told(&mut board, all()).join("\n"));
        assert_eq!(told(&mut board, all()), [""; 0], "a watch that begins again is no news");
    }
}
