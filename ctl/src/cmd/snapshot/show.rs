//! `tamerctl snapshot show`, and how a snapshot is told everywhere.

use crate::Session;
use crate::contract::{HostPicture, Snapshot, SnapshotDetail, SnapshotHost, Time};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, Tone, human, pairs, print, wrap};

/// The names of missing hosts that are told; `-o json` has more.
const NAMED: usize = 20;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or a name that the newest has
    snapshot: String,
    /// What this host held, by its name or id; with `-o json` everything about it
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

/// Runs it.
pub async fn run(Args { snapshot, host }: Args, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let Some(host) = host else {
        let detail = api.snapshot(&snapshot).await?;
        return session.show(&detail, |wide| lines(&detail, Time::now(), wide, print::columns()));
    };
    let picture = api.host_picture(&snapshot, &host).await?;
    session.show(&picture, |wide| resources(&picture, wide, print::columns()))
}

/// A snapshot, name by name.
pub fn about(snapshot: &Snapshot, now: Time, columns: Option<usize>) -> Vec<Line> {
    let ago = |at: Time| format!("{at}  ({} ago)", human::ago(Some(at), now));
    let none = "-".to_owned();
    let mut told: Vec<(&'static str, Cell)> = vec![
        ("Snapshot", snapshot.snapshot.as_str().into()),
        ("Name", snapshot.name.as_deref().unwrap_or_default().into()),
        ("Taken", format!("{} by {}", ago(snapshot.at), snapshot.by).into()),
        ("Hosts", hosts(snapshot)),
        ("Resources", snapshot.resources.to_string().into()),
        ("Oldest", snapshot.oldest_at.map_or(none, ago).into()),
        ("Scanned in", format!("{} at most", human::took(snapshot.took_ms)).into()),
        ("Checksum", snapshot.checksum.as_str().into()),
    ];
    if let Some(selector) = &snapshot.selector {
        told.push(("Selector", selector.as_str().into()));
    }
    if !snapshot.tags.is_empty() {
        told.push(("Tags", human::labels(&snapshot.tags).into()));
    }
    if !snapshot.baselines.is_empty() {
        told.push(("Baselines", snapshot.baselines.join(", ").into()));
    }
    if snapshot.imported {
        told.push(("Imported", "yes".into()));
    }
    fitted(pairs(told), columns)
}

/// How many hosts it has; in another tone when that is not all there is to know.
fn hosts(snapshot: &Snapshot) -> Cell {
    let Snapshot { hosts, missing, incomplete, .. } = snapshot;
    let mut text = hosts.to_string();
    if *missing > 0 {
        text += &format!(", and nothing is known of {missing} more");
    }
    if *incomplete > 0 {
        text += &format!(", {incomplete} of them not seen whole");
    }
    let tone = if missing + incomplete > 0 { Tone::Busy } else { Tone::Plain };
    Cell::toned(tone, &text)
}

fn lines(detail: &SnapshotDetail, now: Time, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut lines = about(&detail.snapshot, now, columns);
    if !detail.missing_hosts.is_empty() {
        let told = &detail.missing_hosts[..detail.missing_hosts.len().min(NAMED)];
        let more = (detail.snapshot.missing as usize).saturating_sub(told.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = format!("{}{more}", told.join(", "));
        lines.extend(wrap("Nothing is known of: ", Tone::Busy, &names, columns));
    }
    if !detail.members.is_empty() {
        lines.push(Line::default());
        lines.extend(members(&detail.members, now, wide, columns));
    }
    lines
}

fn members(hosts: &[SnapshotHost], now: Time, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut head = vec!["HOST", "SEEN", "RESOURCES", "NOT SEEN WHOLE"];
    if wide {
        head.extend(["HOST ID", "SEEN AT", "CHECKSUM"]);
    }
    let mut table = Table::new(head);
    for host in hosts {
        let mut cells: Vec<Cell> = vec![
            host.name.as_str().into(),
            format!("{} ago", human::ago(Some(host.at), now)).into(),
            host.resources.to_string().into(),
            host.incomplete.join(", ").into(),
        ];
        if wide {
            cells.extend([
                Cell::from(host.host.as_str()),
                host.at.to_string().into(),
                host.checksum.as_str().into(),
            ]);
        }
        table.row(cells);
    }
    table.lines_within(columns)
}

fn resources(picture: &HostPicture, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut head = vec!["KIND", "SOURCE", "ID", "NAME"];
    if wide {
        head.push("PROPERTIES");
    }
    let mut table = Table::new(head);
    for resource in &picture.resources {
        let key = &resource.key;
        let mut cells: Vec<Cell> = vec![
            key.kind().as_str().into(),
            key.source().as_str().into(),
            key.id().into(),
            resource.name.as_str().into(),
        ];
        if wide {
            let properties = resource.properties.iter().map(|(path, value)| {
                format!("{path}={}", tamer_drift::finding::show::value(value))
            });
            cells.push(properties.collect::<Vec<_>>().join(" ").into());
        }
        table.row(cells);
    }
    table.lines_within(columns)
}

fn fitted(lines: Vec<Line>, columns: Option<usize>) -> Vec<Line> {
    match columns {
        Some(columns) => lines.into_iter().map(|line| line.fit(columns)).collect(),
        None => lines,
    }
}

#[cfg(test)]
mod tests;
