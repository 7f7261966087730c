//! `tamerctl batch`: what was run.

mod logs;
mod show;

use serde::Serialize;
use tamer_model::Code;

use crate::Session;
use crate::api::{Api, BatchOrder};
use crate::contract::{Batch, BatchDetail, BatchState, Time};
use crate::errors::Failure;
use crate::follow::{Follower, insist};
use crate::output::{Cell, Line, Table, human, print};
use crate::view::View;
use crate::view::summary::summary;

use super::watch::watch;

/// What can be done with batches. `last` stands for the newest.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List batches, the newest first
    Ls {
        /// How many at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Show them again whenever they change
        #[arg(long)]
        watch: bool,
    },
    /// Show a batch and its tasks
    Show {
        /// Its id, or `last`
        batch: String,
    },
    /// Print what the hosts printed
    Logs(logs::Args),
    /// Follow a batch to its end
    Watch {
        /// Its id, or `last`
        batch: String,
    },
    /// Cancel a batch: what runs is ended, what waits never starts
    Cancel {
        /// Its id, or `last`
        batch: String,
        /// Do not wait for its end
        #[arg(long)]
        no_wait: bool,
    },
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Ls { limit, watch } => list(limit, watch, session).await,
        Verb::Show { batch } => {
            let mut api = session.api().await?;
            let batch = api.batch(&batch).await?;
            let tasks = api.tasks(&batch.batch, "", session.for_scripts()).await?;
            let detail = BatchDetail { batch, tasks };
            session.show(&detail, |wide| show::lines(&detail, wide))
        }
        Verb::Logs(args) => logs::run(args, session).await,
        Verb::Watch { batch } => {
            let mut api = session.api().await?;
            let batch = api.batch(&batch).await?;
            follow(batch.batch, api, session).await
        }
        Verb::Cancel { batch, no_wait } => cancel(&batch, no_wait, session).await,
    }
}

#[derive(Serialize)]
struct Detached {
    batch: String,
}

/// Starts a batch, and follows it unless it is detached: what `run` and the actions on instances
/// do.
pub async fn start(
    order: &BatchOrder,
    detach: bool,
    mut api: Api,
    session: &Session,
) -> Result<(), Failure> {
    let batch = insist(session, &mut api, async |api| api.create_batch(order).await).await?;
    if detach {
        let detached = Detached { batch: batch.batch };
        let id = &detached.batch;
        return session.show(&detached, |_| {
            vec![Line::plain(format!("{id}  (see it with: tamerctl batch watch {id})"))]
        });
    }
    follow(batch.batch, api, session).await
}

/// Follows a batch to its end and tells how it went: what `run` and `batch watch` do.
pub async fn follow(id: String, api: Api, session: &Session) -> Result<(), Failure> {
    let view =
        if session.for_scripts() { View::Collect(Default::default()) } else { View::for_reader() };
    let (batch, view) = Follower::new(session, id, view)?.run(api).await?;
    let state = batch.state;
    match view {
        View::Collect(tasks) => {
            let detail = BatchDetail { batch, tasks: tasks.into_values().collect() };
            session.show(&detail, |wide| show::lines(&detail, wide))?;
        }
        view @ (View::Live(_) | View::Plain { .. } | View::Events | View::Quiet) => view.finish(&batch)?,
    }
    match state {
        BatchState::Succeeded => Ok(()),
        BatchState::Running | BatchState::Failed | BatchState::Cancelled => Err(Failure::Targets),
    }
}

async fn list(limit: u32, again: bool, session: &Session) -> Result<(), Failure> {
    if again {
        return watch(session, async |api| {
            let batches = api.batches(limit).await?;
            session.render(&batches, |wide| table(&batches, wide))
        })
        .await;
    }
    let batches = session.api().await?.batches(limit).await?;
    if batches.is_empty() && !session.for_scripts() {
        print::note("nothing was run yet; try `tamerctl run -- uname -a`");
        return Ok(());
    }
    session.show(&batches, |wide| table(&batches, wide))
}

fn table(batches: &[Batch], wide: bool) -> Vec<Line> {
    let now = Time::now();
    let mut head = vec!["BATCH", "STATE", "AGE", "TARGETS", "ACTION"];
    if wide {
        head.extend(["SELECTOR", "BY", "TASKS", "CREATED"]);
    }
    let mut table = Table::new(head);
    for batch in batches {
        let mut cells: Vec<Cell> = vec![
            batch.batch.as_str().into(),
            Cell::state(batch.state.as_str()),
            human::ago(Some(batch.created_at), now).into(),
            batch.targets.to_string().into(),
            batch.what().into(),
        ];
        if wide {
            cells.extend([
                Cell::from(batch.selector.as_str()),
                batch.created_by.as_str().into(),
                batch.counts.on_one_line().into(),
                batch.created_at.to_string().into(),
            ]);
        }
        table.row(cells);
    }
    table.lines()
}

async fn cancel(id: &str, no_wait: bool, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let id = api.batch(id).await?.batch;
    let mut batch = match api.cancel_batch(&id).await {
        Ok(batch) => batch,
        // What has ended needs no cancelling: say how it ended.
        Err(problem) if problem.code == Code::WrongState => api.batch(&id).await?,
        Err(problem) => return Err(problem.into()),
    };
    if !no_wait && !batch.state.is_end() {
        (batch, _) = Follower::new(session, id, View::Quiet)?.run(api).await?;
    }
    session.show(&batch, |_| vec![summary(&batch)])
}
