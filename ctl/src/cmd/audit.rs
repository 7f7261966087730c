//! `tamerctl audit`: who changed what.

use tokio::time::sleep;

use crate::Session;
use crate::api::Api;
use crate::contract::Audit;
use crate::errors::{Failure, is_transient};
use crate::follow::Retry;
use crate::output::{Cell, Line, Table, Tone, print};
use crate::view::escape;

/// What can be done with the audit.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List changes, the newest first
    Ls {
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Print changes as they are made
    Tail,
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Ls { limit } => {
            let records = session.api().await?.audit(limit).await?;
            session.show(&records, |wide| table(&records, wide))
        }
        Verb::Tail => tail(session).await,
    }
}

fn table(records: &[Audit], wide: bool) -> Vec<Line> {
    let mut head = vec!["TIME", "WHO", "WHAT", "ON", "OUTCOME", "FROM", "DETAIL"];
    if wide {
        head.push("ID");
    }
    let mut table = Table::new(head);
    for record in records {
        let mut cells: Vec<Cell> = vec![
            record.at.to_string().into(),
            record.who.as_str().into(),
            record.what.as_str().into(),
            record.on.as_str().into(),
            Cell::state(&record.outcome),
            record.from.as_str().into(),
            record.detail.as_deref().unwrap_or_default().into(),
        ];
        if wide {
            cells.push(record.id.as_str().into());
        }
        table.row(cells);
    }
    table.lines()
}

/// Follows until interrupted; goes on behind the last record after a lost connection.
async fn tail(session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let mut last = String::new();
    let mut lost: Option<Retry> = None;
    loop {
        let before = last.clone();
        let problem = match stream(&mut api, &mut last, session).await {
            Ok(()) => tamer_model::Problem::new(
                tamer_model::Code::Unreachable,
                "the coordinator went away",
            ),
            Err(Failure::Problem(problem)) if is_transient(problem.code) => problem,
            Err(other) => return Err(other),
        };
        if before != last {
            lost = None;
        }
        if lost.is_none() {
            print::note("lost the coordinator; trying again …");
        }
        let Some(pause) = lost.get_or_insert_default().pause() else { return Err(problem.into()) };
        sleep(pause).await;
        // Until it works the old connection says why it does not.
        if let Ok(fresh) = session.api().await {
            api = fresh;
        }
    }
}

async fn stream(api: &mut Api, last: &mut String, session: &Session) -> Result<(), Failure> {
    let mut events = api.tail_audit(last).await?;
    while let Some(record) = events.next().await? {
        session.show_one(&record, |_| vec![line(&record)])?;
        last.clone_from(&record.id);
    }
    Ok(())
}

fn line(record: &Audit) -> Line {
    let Audit { id: _, at, who, what, on, from, outcome, detail } = record;
    let rest = format!(
        "  {who}  {what}  {on}  from {from}{}",
        detail.as_ref().map(|detail| format!("  {detail}")).unwrap_or_default()
    );
    Line::new(Tone::Dim, at.to_string())
        .and(Tone::of_state(outcome), format!("  {}", escape::text(outcome)))
        .and(Tone::Plain, escape::text(&rest))
}
