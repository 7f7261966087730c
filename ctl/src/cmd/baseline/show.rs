//! `tamerctl baseline show`, and how versions of baselines are told everywhere.

use crate::Session;
use crate::cmd::watch::watch;
use crate::contract::{Baseline, Time};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, Tone, human, print};
use crate::view::escape;

/// Runs it.
pub async fn run(name: &str, again: bool, session: &Session) -> Result<(), Failure> {
    if again {
        return watch(session, async |api| {
            let versions = api.baseline_versions(name).await?;
            session.render(&versions, |wide| table(&versions, Time::now(), wide, print::columns()))
        })
        .await;
    }
    let versions = session.api().await?.baseline_versions(name).await?;
    session.show(&versions, |wide| table(&versions, Time::now(), wide, print::columns()))
}

/// One line a version.
pub fn table(versions: &[Baseline], now: Time, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut head = vec!["BASELINE", "VERSION", "SNAPSHOT", "AGE", "BY", "WHY"];
    if wide {
        head.extend(["HOSTS", "SELECTOR", "FROM VERSION", "ACCEPTED", "SET"]);
    }
    let mut table = Table::new(head);
    for version in versions {
        let mut cells: Vec<Cell> = vec![
            name(version),
            version.version.to_string().into(),
            version.snapshot.as_str().into(),
            human::ago(Some(version.at), now).into(),
            version.by.as_str().into(),
            why(version).into(),
        ];
        if wide {
            cells.extend([
                Cell::from(version.hosts.to_string()),
                version.selector.as_deref().unwrap_or_default().into(),
                version.before.map(|before| before.to_string()).unwrap_or_default().into(),
                version.accepted.join(",").into(),
                version.at.to_string().into(),
            ]);
        }
        table.row(cells);
    }
    table.lines_within(columns)
}

/// What was made, and how to look at what differs from it.
pub fn made(baseline: &Baseline) -> Vec<Line> {
    let Baseline { baseline, version, snapshot, hosts, .. } = baseline;
    let hosts = human::count(*hosts as usize, "host");
    let text = format!("{baseline} is at version {version}: {hosts}, as {snapshot} has them");
    vec![Line::plain(escape::text(&text))]
}

fn name(version: &Baseline) -> Cell {
    match version.cleared {
        true => Cell::toned(Tone::Dim, &format!("{} (cleared)", version.baseline)),
        false => version.baseline.as_str().into(),
    }
}

fn why(version: &Baseline) -> String {
    let note = version.note.as_deref().unwrap_or_default();
    match version.accepted.len() {
        0 => note.to_owned(),
        some => format!("accepted {}: {note}", human::count(some, "finding")),
    }
}

#[cfg(test)]
mod tests;
