//! `tamerctl workload history`.

use crate::Session;
use crate::contract::{Time, WorkloadVersion};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, human, print};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name
    name: String,
}

/// Runs it.
pub async fn run(Args { name }: Args, session: &Session) -> Result<(), Failure> {
    let versions = session.api().await?.workload_versions(&name).await?;
    session.show(&versions, |wide| table(&versions, Time::now(), wide, print::columns()))
}

fn table(versions: &[WorkloadVersion], now: Time, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut head = vec!["VERSION", "COPIES OF", "AGE", "BY", "WHAT"];
    if wide {
        head.push("AT");
    }
    let mut table = Table::new(head);
    for version in versions {
        let mut cells: Vec<Cell> = vec![
            version.version.to_string().into(),
            version.template.to_string().into(),
            human::ago(Some(version.at), now).into(),
            version.by.as_str().into(),
            version.cause.as_str().into(),
        ];
        if wide {
            cells.push(version.at.to_string().into());
        }
        table.row(cells);
    }
    table.lines_within(columns)
}
