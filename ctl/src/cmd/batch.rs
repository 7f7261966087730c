//! `tamerctl batch`: what was run.

mod columns;
mod files;
mod logs;
mod output;
mod retry;
mod show;
mod steer;

use crate::Session;
use crate::api::Api;
use crate::contract::{Batch, BatchDetail, Time};
use crate::errors::Failure;
use crate::follow::Follower;
use crate::output::{Cell, Format, Line, Table, human, print};
use crate::view::View;

use super::start;
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
    Show(show::Args),
    /// Print what the hosts printed
    Logs(logs::Args),
    /// Follow a batch to its end
    Watch {
        /// Its id, or `last`
        batch: String,
    },
    /// Send nothing more of a batch until it is resumed; what runs goes on
    Pause {
        /// Its id, or `last`
        batch: String,
    },
    /// Let a batch go on that was paused, waits between waves, or tripped and waits for a person
    Resume {
        /// Its id, or `last`
        batch: String,
    },
    /// Do the same again where a batch did not succeed
    Retry(retry::Args),
    /// Save the files that a batch fetched
    GetFiles(files::Args),
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
        Verb::Show(args) => show::run(args, session).await,
        Verb::Logs(args) => logs::run(args, session).await,
        Verb::Watch { batch } => {
            let mut api = session.api().await?;
            let batch = api.batch(&batch).await?;
            start::ended(&follow(batch.batch, api, session).await?)
        }
        Verb::Pause { batch } => steer::pause(&batch, session).await,
        Verb::Resume { batch } => steer::resume(&batch, session).await,
        Verb::Retry(args) => retry::run(args, session).await,
        Verb::GetFiles(args) => files::run(args, session).await,
        Verb::Cancel { batch, no_wait } => steer::cancel(&batch, no_wait, session).await,
    }
}

/// Follows a batch to its end, and tells how it went; returns it as it ended.
pub async fn follow(id: String, api: Api, session: &Session) -> Result<Batch, Failure> {
    let view = match session.format() {
        Format::Table | Format::Wide | Format::Markdown | Format::Html => View::for_reader(),
        Format::Json | Format::Yaml => View::Collect(Default::default()),
        Format::Jsonl => View::Events,
    };
    let (batch, view) = Follower::new(session, id, view)?.run(api).await?;
    match view {
        View::Collect(tasks) => {
            let detail = BatchDetail { batch, tasks: tasks.into_values().collect() };
            session.show(&detail, |_| Vec::new())?;
            Ok(detail.batch)
        }
        view @ (View::Live(_) | View::Plain { .. } | View::Events | View::Quiet) => {
            view.finish(&batch)?;
            Ok(batch)
        }
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
