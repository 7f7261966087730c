//! `tamerctl drift show`.

use serde::Serialize;
use tamer_drift::diff::FieldChange;
use tamer_drift::finding::{Finding, Group, Origin, Report, explain, html, show};

use super::question::{Compared, find};
use super::report::harmless;
use super::table::{origin, severity};
use crate::Session;
use crate::errors::Failure;
use crate::output::{Cell, Format, Line, Table, Tone, print, wrap};

/// Hosts and fields that a table names; `-o json` has all of them.
const NAMED: usize = 50;
/// The columns of the names before what is told.
const NAMES: usize = 13;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The finding's id, or its beginning
    finding: String,
    #[command(flatten)]
    compared: Compared,
}

/// A finding, and the story it is a part of.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    story: Option<&'a Group>,
}

/// Runs it.
pub async fn run(Args { finding, compared }: Args, session: &Session) -> Result<(), Failure> {
    let question = compared.question()?;
    let (drifted, finding) = find(&mut session.api().await?, &question, &finding).await?;
    let report = &drifted.report;
    let text = match session.format() {
        Format::Markdown => harmless(&explain(report, &finding)),
        Format::Html => html(&Report { findings: vec![finding], ..report.clone() }),
        Format::Table | Format::Wide | Format::Json | Format::Jsonl | Format::Yaml => {
            let shown = Shown { finding: &finding, story: report.group_of(&finding) };
            session.render(&shown, |wide| lines(report, &finding, wide, print::columns()))?
        }
    };
    Ok(print::text(&text)?)
}

fn lines(report: &Report, finding: &Finding, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let (tone, word) = severity(finding.severity).into_part();
    let told = |(name, text): (&str, String)| {
        let first = format!("{:NAMES$}", format!("{name}:"));
        let tone = if name == "Severity" { tone } else { Tone::Plain };
        wrap(&first, tone, &text, columns)
    };
    let mut lines: Vec<Line> = [
        ("Finding", finding.id.to_string()),
        ("What", finding.title.clone()),
        ("Severity", format!("{word}: {} (rule {})", finding.reason, finding.rule)),
        ("Kind", format!("{} {}, about {}", finding.kind, finding.change, finding.area)),
        ("From", from(finding)),
        ("Hosts", hosts(finding)),
    ]
    .into_iter()
    .chain(more(report, finding))
    .flat_map(told)
    .collect();
    if !finding.fields.is_empty() {
        lines.push(Line::default());
        lines.extend(fields(&finding.fields, wide, columns));
    }
    if !finding.varies.is_empty() {
        let paths: Vec<_> = finding.varies.iter().map(ToString::to_string).collect();
        lines.push(Line::default());
        lines.extend(wrap("Otherwise on each host: ", Tone::Plain, &paths.join(", "), columns));
    }
    lines
}

/// What not every finding has.
fn more(report: &Report, finding: &Finding) -> Vec<(&'static str, String)> {
    let mut more = Vec::new();
    if !finding.exceptions.is_none() {
        let names: Vec<_> = finding.exceptions.hosts.iter().map(ToString::to_string).collect();
        let (count, alike) = (finding.exceptions.count, &finding.exceptions.alike);
        let hosts = show::count(count, "host");
        more.push(("Not on", format!("{hosts} like these ({alike}): {}", named(&names, count))));
    }
    let (from, to) = (show::time(finding.window.from), show::time(finding.window.to));
    let sure = format!("{} % sure: {}", finding.confidence, finding.evidence);
    more.push(("Happened", format!("between {from} and {to}, {sure}")));
    if let Some(aside) = &finding.acknowledged {
        let until = show::time(aside.until);
        more.push(("Set aside", format!("by {} until {until}: {}", aside.by, aside.note)));
    }
    if let Some(group) = report.group_of(finding) {
        more.push(("Story", format!("{}: {}", group.title, group.why)));
    }
    for one in finding.related.iter().filter_map(|id| report.finding(*id)) {
        more.push(("Related", format!("{} {}", one.id, one.title)));
    }
    let here = |host| finding.hosts.iter().any(|member| member.host == host);
    let unseen = report.unobserved.iter().filter(|one| here(one.host)).take(NAMED);
    more.extend(unseen.map(|one| ("Not seen", one.words.clone())));
    more
}

fn from(finding: &Finding) -> String {
    let evidence = &finding.origin.evidence;
    match &finding.origin.origin {
        Origin::Ours { .. } | Origin::CoOwner { .. } => {
            format!("{}, {} % sure: {evidence}", origin(finding), finding.origin.confidence)
        }
        Origin::Unknown => format!("unknown: {evidence}"),
    }
}

fn hosts(finding: &Finding) -> String {
    let mut names: Vec<_> = finding.hosts.iter().map(|member| member.name.to_string()).collect();
    names.dedup();
    let here = u64::try_from(names.len()).unwrap_or(u64::MAX);
    let all = here.saturating_add(finding.hosts_left_out);
    format!("{}: {}", show::count(all, "host"), named(&names, all))
}

/// So many of the names, and how many more there are of all.
fn named(names: &[String], all: u64) -> String {
    let told = names.len().min(NAMED);
    let text = names[..told].join(", ");
    match all.saturating_sub(u64::try_from(told).unwrap_or(u64::MAX)) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn fields(fields: &[FieldChange], wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut table = Table::new(["FIELD", "BEFORE", "AFTER"]);
    for field in fields.iter().take(if wide { usize::MAX } else { NAMED }) {
        let FieldChange { path, before, after } = field;
        let side = |side: &Option<_>| Cell::from(show::side(side.as_ref()));
        table.row([path.to_string().into(), side(before), side(after)]);
    }
    let mut lines = table.lines_within(columns);
    if let Some(more) = fields.len().checked_sub(NAMED).filter(|more| *more > 0 && !wide) {
        lines.push(Line::new(Tone::Dim, format!("and {more} more: `-o wide`")));
    }
    lines
}

#[cfg(test)]
mod tests;
