//! `tamerctl batch logs`: what the hosts printed, as it was kept.

use tamer_model::{Code, Problem, StreamKind};

use super::output::{self, Reading};
use crate::Session;
use crate::api::{Api, BatchEvent};
use crate::contract::Task;
use crate::errors::Failure;
use crate::follow::Follower;
use crate::output::{Format, print};
use crate::view::{Board, Change, View, labelled, said};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or `last`
    batch: String,
    /// Only this host's, by its name or id; or one instance's: HOST/NAME
    host: Option<String>,
    /// Go on until the batch ends; with HOST, all of its output and not only what is kept
    #[arg(short, long)]
    follow: bool,
    /// With HOST: all of its output from this byte on
    #[arg(long, value_name = "OFFSET", requires = "host")]
    from: Option<u64>,
    /// With --from or --follow and HOST: only this stream
    #[arg(long, value_name = "stdout|stderr", requires = "host", value_parser = stream)]
    only: Option<StreamKind>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { batch, host, follow, from, only } = args;
    let mut api = session.api().await?;
    let id = api.batch(&batch).await?.batch;
    match host {
        None if follow => follow_all(id, api, session).await,
        None => kept(api.tasks(&id, "", true).await?, false, session),
        Some(host) => {
            let live = follow || from.is_some() || only.is_some();
            let tasks = on(&host, &id, !live, &mut api).await?;
            if !live {
                let alone = tasks.len() == 1;
                return kept(tasks, alone, session);
            }
            let [task] = tasks.as_slice() else { return Err(several(&host, &tasks).into()) };
            let from = from.unwrap_or(0);
            let reading = Reading { batch: &id, task, from, follow, only };
            output::print(reading, &mut api, session).await
        }
    }
}

fn stream(word: &str) -> Result<StreamKind, String> {
    match word {
        "stdout" => Ok(StreamKind::Stdout),
        "stderr" => Ok(StreamKind::Stderr),
        other => Err(format!("{other:?} is neither stdout nor stderr")),
    }
}

/// The tasks on a host, or the one in one of its instances.
async fn on(host: &str, batch: &str, output: bool, api: &mut Api) -> Result<Vec<Task>, Problem> {
    let (on, instance) = host.split_once('/').unwrap_or((host, ""));
    let mut tasks = api.tasks(batch, on, output).await?;
    tasks.retain(|task| instance.is_empty() || task.instance_name.as_deref() == Some(instance));
    match tasks.is_empty() {
        true => {
            let message = format!("{batch} has no task on {host:?}");
            Err(Problem::new(Code::NotFound, message).on("host"))
        }
        false => Ok(tasks),
    }
}

fn several(host: &str, tasks: &[Task]) -> Problem {
    let names: Vec<_> = tasks.iter().take(3).map(Task::target).collect();
    let message = format!("{host} has {} targets of this batch", tasks.len());
    Problem::new(Code::Ambiguous, message)
        .on("host")
        .remedy(format!("name one of them: {} …", names.join(", ")))
}

async fn follow_all(id: String, api: Api, session: &Session) -> Result<(), Failure> {
    let view = match session.format() {
        Format::Table | Format::Wide | Format::Markdown | Format::Html => View::plain(),
        Format::Json | Format::Yaml => View::Collect(Default::default()),
        Format::Jsonl => View::Events,
    };
    let (batch, view) = Follower::new(session, id, view)?.run(api).await?;
    match view {
        View::Collect(tasks) => {
            session.show(&tasks.into_values().collect::<Vec<_>>(), |_| Vec::new())
        }
        view @ (View::Live(_) | View::Plain { .. } | View::Events | View::Quiet) => {
            Ok(view.finish(&batch)?)
        }
    }
}

/// What was kept of each.
fn kept(tasks: Vec<Task>, alone: bool, session: &Session) -> Result<(), Failure> {
    if session.for_scripts() {
        return session.show(&tasks, |_| Vec::new());
    }
    let mut board = Board::default();
    for task in tasks {
        for change in board.apply(BatchEvent::Task(task)) {
            match change {
                Change::Line(line) => {
                    let clean = print::is_terminal(line.stream);
                    let bytes =
                        if alone { said(&line.said, clean) } else { labelled(&line, clean) };
                    print::raw(line.stream, &bytes)?;
                }
                Change::Batch
                | Change::Moved(_)
                | Change::Ended(_)
                | Change::Progress(_)
                | Change::Snapshotted => {}
            }
        }
    }
    Ok(print::raw(StreamKind::Stdout, &[])?)
}
