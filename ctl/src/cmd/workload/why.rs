//! `tamerctl workload why`.

use super::list::placements;
use super::plan::{nowhere, scored};
use crate::Session;
use crate::contract::{Account, Candidate, Time};
use crate::errors::Failure;
use crate::output::{Line, Table, Tone, print, wrap};
use crate::view::escape;

/// Runs it.
pub async fn run(subject: &str, session: &Session) -> Result<(), Failure> {
    let account = session.api().await?.why(subject).await?;
    session.show(&account, |wide| lines(&account, Time::now(), wide, print::columns()))
}

fn lines(account: &Account, now: Time, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let Account { lines: told, placements: those, unplaced, candidates } = account;
    let mut parts = vec![
        told.iter().flat_map(|line| wrap("", Tone::Plain, line, columns)).collect(),
        // The sentences tell it too; it is for scripts.
        unplaced
            .as_ref()
            .filter(|_| told.is_empty())
            .map(|unplaced| nowhere(unplaced, columns))
            .unwrap_or_default(),
    ];
    if !those.is_empty() {
        let mut part = placements(those, true, now, wide, columns);
        if let [one] = those.as_slice() {
            part.extend(one.score.map(|score| {
                let host = escape::text(&one.host_name);
                Line::new(Tone::Dim, format!("{host} was chosen with {}", scored(&score)))
            }));
        }
        parts.push(part);
    }
    if !candidates.is_empty() {
        parts.push(hosts(candidates, columns));
    }
    let parts: Vec<Vec<Line>> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(&Line::default())
}

/// The best hosts now, and what their points are made of.
fn hosts(candidates: &[Candidate], columns: Option<usize>) -> Vec<Line> {
    let mut table = Table::new(["BEST HOSTS NOW", "POINTS", "MADE OF"]);
    for candidate in candidates {
        let parts = candidate.parts.iter().map(|part| format!("{} {:+}", part.what, part.points));
        table.row([
            candidate.host.as_str().into(),
            candidate.points.to_string().into(),
            parts.collect::<Vec<_>>().join(", ").into(),
        ]);
    }
    table.lines_within(columns)
}

#[cfg(test)]
mod tests;
