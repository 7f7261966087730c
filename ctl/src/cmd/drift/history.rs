//! `tamerctl drift history`.

use tamer_drift::ResourceKey;
use tamer_drift::delta::{DeltaChange, What};
use tamer_drift::diff::{Change, FieldChange};
use tamer_drift::finding::show;
use tamer_model::Timestamp;

use crate::Session;
use crate::api::HistoryQuestion;
use crate::cmd::pairs;
use crate::contract::{HistoryEntry, Unwatched};
use crate::errors::Failure;
use crate::output::{Line, Tone, human, print, wrap};
use crate::view::escape;

/// Changes of a step, and fields of a change, that are told; `-o json` has more.
const NAMED: usize = 10;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The host's name or id
    host: String,
    /// Only this resource: KIND/ID, such as package/openssl:amd64, or KIND/SOURCE/ID
    #[arg(default_value_t)]
    resource: String,
    /// Nothing from before: so long ago (10m, 2h), or a time (2026-01-31T12:00:00Z)
    #[arg(long, value_name = "SPAN|TIME", value_parser = pairs::moment)]
    since: Option<Timestamp>,
    /// How many steps at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { host, resource, since, limit } = args;
    let of_one = !resource.is_empty();
    let question =
        HistoryQuestion { host, resource, since: since.map(Timestamp::as_millis), limit };
    let steps = session.api().await?.history(&question).await?;
    if steps.is_empty() && !session.for_scripts() {
        print::note("nothing of this is known from that time");
        return Ok(());
    }
    session.show(&steps, |_| {
        steps.iter().flat_map(|one| step(one, of_one, print::columns())).collect()
    })
}

/// One step, the gap before it below: the newest is first. `of_one`: only one resource was asked for,
/// and the others that changed with it are counted and not told.
fn step(step: &HistoryEntry, of_one: bool, columns: Option<usize>) -> Vec<Line> {
    let mut what = human::count(step.changed as usize, "change");
    if of_one {
        what = format!("one of {what}");
    }
    if let Some(origin) = &step.origin {
        what += &format!(", while ours ran: {origin}");
    }
    if step.began {
        let held = human::count(step.changed as usize, "resource");
        what = format!("begins with {held}; before it nothing is known");
    }
    let mut lines = vec![
        Line::new(Tone::Dim, step.at.to_string())
            .and(Tone::Strong, format!("  {}", escape::text(&what))),
    ];
    if let Some(columns) = columns {
        lines = lines.into_iter().map(|line| line.fit(columns)).collect();
    }
    let told = step.changes.iter().take(NAMED);
    lines.extend(told.flat_map(|one| wrap("  ", Tone::Plain, &step_of(one), columns)));
    let more = (step.changed as usize).saturating_sub(step.changes.len().min(NAMED));
    if more > 0 && !of_one && !step.began {
        lines.push(Line::new(Tone::Dim, format!("  and {more} more")));
    }
    if let Some(Unwatched { from, to, why, changed }) = &step.gap {
        let inside = human::count(usize::try_from(*changed).unwrap_or(usize::MAX), "resource");
        let text = format!("not observed from {from} to {to}: {why}; {inside} changed inside");
        lines.extend(wrap("  ", Tone::Busy, &text, columns));
    }
    lines
}

/// A change of one resource in a sentence.
pub fn change(change: &Change) -> String {
    match (&change.before, &change.after) {
        (Some(_), Some(_)) => changed(&change.key, &change.fields()),
        (None, _) => format!("{} created", change.key),
        (Some(_), None) => format!("{} deleted", change.key),
    }
}

/// The same, of the history.
fn step_of(DeltaChange { key, what }: &DeltaChange) -> String {
    match what {
        What::Created(_) => format!("{key} created"),
        What::Deleted(_) => format!("{key} deleted"),
        What::Changed(fields) => changed(key, fields),
    }
}

fn changed(key: &ResourceKey, fields: &[FieldChange]) -> String {
    let told = fields.iter().take(NAMED).map(|field| {
        let (before, after) = (show::side(field.before.as_ref()), show::side(field.after.as_ref()));
        format!("{} {before} → {after}", field.path)
    });
    let told: Vec<_> = told.collect();
    let more = fields.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{key} changed: {}{more}", told.join(", "))
}

#[cfg(test)]
mod tests;
