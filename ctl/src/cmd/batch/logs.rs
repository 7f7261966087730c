//! `tamerctl batch logs`: what the hosts printed, as it was kept.

use tamer_model::{Code, Problem, StreamKind};

use crate::Session;
use crate::api::BatchEvent;
use crate::errors::Failure;
use crate::follow::Follower;
use crate::output::print;
use crate::view::{Board, Change, View, labelled, said};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or `last`
    batch: String,
    /// Only this host's, by its name or id; or one instance's: HOST/NAME
    #[arg(conflicts_with = "follow")]
    host: Option<String>,
    /// Go on until the batch ends
    #[arg(short, long)]
    follow: bool,
}

/// Runs it.
pub async fn run(Args { batch, host, follow }: Args, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let batch = api.batch(&batch).await?;
    if follow && !session.for_scripts() {
        let follower = Follower::new(session, batch.batch, View::Plain { gaps: false })?;
        let (batch, view) = follower.run(api).await?;
        return Ok(view.finish(&batch)?);
    }
    if follow {
        let (_, view) = Follower::new(session, batch.batch, View::Collect(Default::default()))?
            .run(api)
            .await?;
        let View::Collect(tasks) = view else { return Ok(()) };
        return session.show(&tasks.into_values().collect::<Vec<_>>(), |_| Vec::new());
    }
    let target = host.as_deref().unwrap_or_default();
    let (on, instance) = target.split_once('/').unwrap_or((target, ""));
    let mut tasks = api.tasks(&batch.batch, on, true).await?;
    tasks.retain(|task| instance.is_empty() || task.instance_name.as_deref() == Some(instance));
    if let (Some(host), true) = (&host, tasks.is_empty()) {
        let message = format!("{} has no task on {host:?}", batch.batch);
        return Err(Problem::new(Code::NotFound, message).on("host").into());
    }
    if session.for_scripts() {
        return session.show(&tasks, |_| Vec::new());
    }
    let alone = host.is_some() && tasks.len() == 1;
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
