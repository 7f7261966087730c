//! `tamerctl batch show`: a batch and its tasks.

use tamer_model::{Parse, Stand};

use super::columns::{self, Column};
use crate::Session;
use crate::contract::{Batch, BatchDetail, Mark, Origin, Standing, Time};
use crate::errors::Failure;
use crate::output::{Cell, Line, human, pairs};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or `last`
    batch: String,
    /// Only its tasks, with these columns: target, state, exit, took, cpu, memory, tries, reason …,
    /// and data or data.KEY of what each printed
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    columns: Vec<Column>,
    /// Read what each printed as data: json, lines, or kv [default: as it was run with]
    #[arg(long, value_name = "json|lines|kv")]
    parse: Option<Parse>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { batch, columns, parse } = args;
    let mut api = session.api().await?;
    let mut batch = api.batch(&batch).await?;
    batch.parse = parse.or(batch.parse);
    columns::check(&columns, batch.parse)?;
    let output = session.for_scripts() || columns.iter().any(Column::is_data);
    let tasks = api.tasks(&batch.batch, "", output).await?;
    let detail = BatchDetail { batch, tasks };
    session.show(&detail, |wide| match columns.is_empty() {
        true => lines(&detail, wide),
        false => columns::table(&detail, &columns),
    })
}

/// Where it stands, in words: `wave 2 of 3`.
fn standing(batch: &Batch) -> String {
    let Some(Standing { stand, since: _ }) = &batch.stand else {
        return batch.state.as_str().to_owned();
    };
    match stand {
        Stand::Wave { wave: _, of: 0 | 1 } => "running".to_owned(),
        Stand::Wave { wave, of } => format!("wave {wave} of {of}"),
        Stand::Between { wave, of, until: Some(until) } => {
            let until = Time::of(until.as_millis());
            format!("waits until {until} before wave {wave} of {of}")
        }
        Stand::Between { wave, of, until: None } => {
            format!("waits before wave {wave} of {of} for `tamerctl batch resume`")
        }
        Stand::Paused => "paused; `tamerctl batch resume` lets it go on".to_owned(),
        Stand::Tripped(why) => format!("tripped: {why}"),
        Stand::Ending(why) => format!("ending: {why}"),
        Stand::Done => "done".to_owned(),
    }
}

/// The batch, and then its tasks.
fn lines(detail: &BatchDetail, wide: bool) -> Vec<Line> {
    let mut lines = pairs(about(&detail.batch));
    lines.push(Line::default());
    let mut words = vec!["target", "state", "exit", "took"];
    if wide || detail.tasks.iter().any(|task| task.attempt > 0) {
        words.push("tries");
    }
    words.push("reason");
    if wide {
        words.extend(["cpu", "memory", "host_id", "instance_id", "started"]);
    }
    lines.extend(columns::table(detail, &Column::known(&words)));
    lines
}

fn about(batch: &Batch) -> Vec<(&'static str, Cell)> {
    let selector = match batch.selector.as_str() {
        "" => "all",
        selector => selector,
    };
    let mut shown: Vec<(&'static str, Cell)> = vec![
        ("Batch", batch.batch.as_str().into()),
        ("State", Cell::state(batch.state.as_str())),
        ("Action", batch.what().into()),
        ("Selector", selector.into()),
        ("Targets", human::count(batch.targets as usize, batch.action.noun()).into()),
        ("Tasks", batch.counts.on_one_line().into()),
        ("Created", format!("{} by {}", batch.created_at, batch.created_by).into()),
    ];
    let more = [
        ("Stands", (!batch.state.is_end()).then(|| standing(batch))),
        ("Why", batch.reason.clone()),
        (
            "Rollout",
            told(crate::spec::rollout::RolloutArgs::from(batch.rollout.clone()).in_words()),
        ),
        ("Leases", told(batch.leases.join(", "))),
        ("Undo", batch.undo.as_ref().map(|undo| undo.summary.clone())),
        ("Undone by", batch.undone_by.clone()),
        ("Made by", batch.origin.as_ref().map(origin)),
        ("Parsed as", batch.parse.map(|parse| parse.as_str().to_owned())),
        ("Marks", told(batch.marks.iter().map(mark).collect::<Vec<_>>().join("; "))),
        ("Ended", batch.ended_at.map(|ended| ended.to_string())),
        ("Cancelled by", batch.cancelled_by.clone()),
    ];
    shown.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?.into()))));
    shown
}

fn told(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::RetryOf(batch) => format!("a retry of {batch}"),
        Origin::UndoOf(batch) => format!("the undo of {batch}"),
        Origin::Schedule { name, due } => format!("schedule {name}, due {due}"),
    }
}

fn mark(mark: &Mark) -> String {
    let Mark { at, by, resumed } = mark;
    let what = if *resumed { "resumed" } else { "paused" };
    format!("{what} by {by} at {at}")
}
