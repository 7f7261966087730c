//! A readable account of findings. Deterministic: what is written follows from the report alone.

use std::fmt::Write as _;

use super::origin::Origin;
use super::report::{Finding, Group, Report};
use super::show::{count, names, side, time};
use super::title::noun;
use crate::resource::Kind;

/// The most hosts, fields and others of one kind that an account names one by one.
const LISTED: usize = 12;

/// The account of one finding, in markdown.
pub fn explain(report: &Report, finding: &Finding) -> String {
    let mut text = format!("# {}\n\n", markdown_text(&finding.title));
    what(&mut text, finding);
    fields(&mut text, finding);
    origin(&mut text, finding);
    hosts(&mut text, finding);
    if let Some(group) = report.group_of(finding) {
        let _ = writeln!(text, "\n## One story\n\n{}", story(group));
    }
    related(&mut text, report, finding);
    unseen(&mut text, report, finding);
    text
}

/// The account of the whole report, in markdown: its stories, then what stands alone, then what is
/// not known.
pub fn explain_all(report: &Report) -> String {
    let mut text = format!("# {}\n", report.summary.words);
    let compared = format!(
        "\nCompared with {} of {}, at {}.\n",
        markdown_text(&report.baseline.name),
        time(report.baseline.at),
        time(report.at)
    );
    text.push_str(&compared);
    for group in &report.groups {
        let _ = writeln!(text, "\n## {}\n\n{}\n", markdown_text(&group.title), story(group));
        for finding in group.findings.iter().filter_map(|id| report.finding(*id)) {
            let _ = writeln!(text, "- {}", line(finding));
        }
    }
    let mut alone = report.findings.iter().filter(|finding| finding.group.is_none()).peekable();
    if alone.peek().is_some() {
        text.push_str("\n## What stands alone\n\n");
    }
    for finding in alone {
        let _ = writeln!(text, "- {}", line(finding));
    }
    if !report.unobserved.is_empty() {
        text.push_str("\n## What nobody looked at\n\n");
    }
    for one in &report.unobserved {
        let _ = writeln!(text, "- {}.", markdown_text(&one.words));
    }
    text
}

/// A finding in one line: how much it matters, what it is, where from.
pub(super) fn line(finding: &Finding) -> String {
    let from = match &finding.origin.origin {
        Origin::Ours { what: _, id, .. } => format!("ours: {id}"),
        Origin::CoOwner { name } => format!("of {name}"),
        Origin::Unknown => "of unknown origin".to_owned(),
    };
    let aside = if finding.acknowledged.is_some() { ", set aside" } else { "" };
    let title = markdown_text(&finding.title);
    format!("**{}** {title} ({from}{aside}) `{}`", finding.severity, finding.id)
}

fn what(text: &mut String, finding: &Finding) {
    let _ = writeln!(
        text,
        "Severity **{}**, because {} (rule `{}`). It is about {}.",
        finding.severity,
        finding.reason.trim_end_matches('.'),
        finding.rule,
        finding.area
    );
    let _ = writeln!(
        text,
        "It happened between {} and {}. This is {} % sure: {}.",
        time(finding.window.from),
        time(finding.window.to),
        finding.confidence,
        finding.evidence
    );
    if let Some(aside) = &finding.acknowledged {
        let note = if aside.note.is_empty() { String::new() } else { format!(": {}", aside.note) };
        let (by, until) = (&aside.by, time(aside.until));
        let _ = writeln!(text, "{by} set it aside until {until}{}.", markdown_text(&note));
    }
}

fn fields(text: &mut String, finding: &Finding) {
    if finding.fields.is_empty() && finding.varies.is_empty() {
        return;
    }
    text.push_str("\n| field | before | after |\n| --- | --- | --- |\n");
    for field in finding.fields.iter().take(LISTED) {
        let path = markdown_text(&field.path.to_string());
        let before = markdown_text(&side(field.before.as_ref()));
        let after = markdown_text(&side(field.after.as_ref()));
        let _ = writeln!(text, "| {path} | {before} | {after} |");
    }
    if let Some(more) = finding.fields.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nAnd {} more.", count(super::make::number(more), "field"));
    }
    if !finding.varies.is_empty() {
        let paths: Vec<_> = finding.varies.iter().map(ToString::to_string).collect();
        let paths = names(paths.iter().map(String::as_str), LISTED);
        let _ = writeln!(text, "\nOtherwise on each host: {}.", markdown_text(&paths));
    }
}

fn origin(text: &mut String, finding: &Finding) {
    let from = match &finding.origin.origin {
        Origin::Ours { what, id, by } => {
            let what = serde_json::to_value(what).ok();
            let what = what.as_ref().and_then(|what| what.as_str()).unwrap_or("deed").to_owned();
            let by = by.as_ref().map_or(String::new(), |by| format!(", wanted by {by}"));
            format!("Tamer did it: {what} {id}{by}")
        }
        Origin::CoOwner { name } => format!("{name} did it"),
        Origin::Unknown => "Nobody knows".to_owned(),
    };
    let sure = match finding.origin.origin {
        Origin::Unknown => String::new(),
        Origin::Ours { .. } | Origin::CoOwner { .. } => {
            format!(" ({} % sure)", finding.origin.confidence)
        }
    };
    let evidence = markdown_text(&finding.origin.evidence);
    let _ =
        writeln!(text, "\n## Where it comes from\n\n{}{sure}. {evidence}", markdown_text(&from));
}

fn hosts(text: &mut String, finding: &Finding) {
    let many = count(finding.hosts_in_all(), noun_of_members(finding.kind));
    let hosts = super::show::hosts(finding, LISTED);
    let _ = writeln!(text, "\n## Where\n\n{many}: {hosts}.");
    if !finding.exceptions.is_none() {
        let names = names(finding.exceptions.hosts.iter().map(|host| host.as_str()), LISTED);
        let many = count(finding.exceptions.count, "host");
        let alike = markdown_text(&finding.exceptions.alike);
        let _ = writeln!(text, "Not on {many} like these ({alike}): {names}.");
    }
}

fn noun_of_members(kind: Kind) -> &'static str {
    if super::piece::is_drawn(kind) { noun(kind) } else { "host" }
}

fn story(group: &Group) -> String {
    format!(
        "{}: {} ({} % sure).",
        super::show::sentence(&markdown_text(&group.title)),
        markdown_text(&group.why),
        group.confidence
    )
}

fn related(text: &mut String, report: &Report, finding: &Finding) {
    if finding.related.is_empty() {
        return;
    }
    text.push_str("\n## What has to do with it\n\n");
    for one in finding.related.iter().filter_map(|id| report.finding(*id)) {
        let _ = writeln!(text, "- {}", line(one));
    }
}

fn unseen(text: &mut String, report: &Report, finding: &Finding) {
    let here = |host| finding.hosts.iter().any(|member| member.host == host);
    let mut unseen = report.unobserved.iter().filter(|one| here(one.host)).peekable();
    if unseen.peek().is_some() {
        text.push_str("\n## What nobody looked at there\n\n");
    }
    for one in unseen.take(LISTED) {
        let _ = writeln!(text, "- {}.", markdown_text(&one.words));
    }
}

/// A text of somebody else's in markdown: on one line, and no part of the markup.
pub(super) fn markdown_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '#' | '~' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
