//! `tamerctl snapshot ls`.

use crate::Session;
use crate::cmd::pairs;
use crate::contract::{Snapshot, Time};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, human, print};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those with a name like this: release-*
    name: Option<String>,
    /// Only those with this tag; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::pair)]
    tag: Vec<(String, String)>,
}

/// Runs it.
pub async fn run(Args { name, tag }: Args, session: &Session) -> Result<(), Failure> {
    let (name, tags) = (name.unwrap_or_default(), tag.into_iter().collect());
    let snapshots = session.api().await?.snapshots(&name, &tags).await?;
    if snapshots.is_empty() && !session.for_scripts() {
        print::note(match name.is_empty() && tags.is_empty() {
            true => "no snapshots yet; `tamerctl snapshot take` takes one",
            false => "no snapshot has this name and these tags",
        });
        return Ok(());
    }
    session.show(&snapshots, |wide| table(&snapshots, Time::now(), wide, print::columns()))
}

fn table(snapshots: &[Snapshot], now: Time, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut head = vec!["SNAPSHOT", "NAME", "AGE", "HOSTS", "TAGS"];
    if wide {
        head.extend(["RESOURCES", "BY", "SELECTOR", "TAKEN", "TOOK", "BASELINES", "CHECKSUM"]);
    }
    let mut table = Table::new(head);
    for snapshot in snapshots {
        let mut cells: Vec<Cell> = vec![
            snapshot.snapshot.as_str().into(),
            snapshot.name.as_deref().unwrap_or_default().into(),
            human::ago(Some(snapshot.at), now).into(),
            hosts(snapshot).into(),
            human::labels(&snapshot.tags).into(),
        ];
        if wide {
            cells.extend([
                Cell::from(snapshot.resources.to_string()),
                snapshot.by.as_str().into(),
                snapshot.selector.as_deref().unwrap_or_default().into(),
                snapshot.at.to_string().into(),
                human::took(snapshot.took_ms).into(),
                snapshot.baselines.join(",").into(),
                snapshot.checksum.as_str().into(),
            ]);
        }
        table.row(cells);
    }
    table.lines_within(columns)
}

/// How many hosts it has, of how many that were meant.
fn hosts(snapshot: &Snapshot) -> String {
    match snapshot.missing {
        0 => snapshot.hosts.to_string(),
        missing => {
            format!("{} of {}", snapshot.hosts, u64::from(snapshot.hosts) + u64::from(missing))
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
