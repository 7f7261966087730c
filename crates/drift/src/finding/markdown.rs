//! A report as a markdown document.

use std::fmt::Write as _;

use super::explain::{line, markdown_text};
use super::report::{Finding, Report};
use super::show::{count, names, side, time};
use super::words::Severity;

/// The most hosts of a finding that are named.
const NAMED: usize = 8;
/// The most fields of a finding that are shown.
const FIELDS: usize = 8;

/// The report in markdown: by severity, then what is one story, what is hidden, what nobody looked
/// at.
pub fn markdown(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# Drift from {}\n", markdown_text(&report.baseline.name));
    let _ = writeln!(text, "{}\n", report.summary.words);
    let (from, to) = (time(report.baseline.at), time(report.at));
    let _ = writeln!(text, "Baseline of {from}, compared at {to}.");
    for severity in Severity::ALL.iter().rev() {
        section(&mut text, report, *severity);
    }
    groups(&mut text, report);
    hidden(&mut text, report);
    if !report.unobserved.is_empty() {
        text.push_str("\n## Not observed\n\n");
    }
    for one in &report.unobserved {
        let _ = writeln!(text, "- {}", markdown_text(&one.words));
    }
    text
}

fn section(text: &mut String, report: &Report, severity: Severity) {
    let of = report.findings.iter().filter(|finding| finding.severity == severity);
    let of: Vec<&Finding> = of.collect();
    if of.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## {} ({})", super::show::sentence(severity.as_str()), of.len());
    for finding in of {
        one(text, finding);
    }
}

fn one(text: &mut String, finding: &Finding) {
    let hosts = super::show::hosts(finding, NAMED);
    let _ = writeln!(text, "\n### {}\n", markdown_text(&finding.title));
    let _ = writeln!(text, "{}\n", line(finding));
    let _ = writeln!(text, "- why it matters: {}", markdown_text(&finding.reason));
    let _ = writeln!(text, "- where from: {}", markdown_text(&finding.origin.evidence));
    let _ = writeln!(text, "- hosts: {hosts}");
    if !finding.exceptions.is_none() {
        let except = names(finding.exceptions.hosts.iter().map(|host| host.as_str()), NAMED);
        let alike = markdown_text(&finding.exceptions.alike);
        let _ = writeln!(text, "- not on, though alike ({alike}): {except}");
    }
    for field in finding.fields.iter().take(FIELDS) {
        let path = markdown_text(&field.path.to_string());
        let before = markdown_text(&side(field.before.as_ref()));
        let after = markdown_text(&side(field.after.as_ref()));
        let _ = writeln!(text, "- {path}: {before} → {after}");
    }
    if finding.fields.len() > FIELDS {
        let more = super::make::number(finding.fields.len() - FIELDS);
        let _ = writeln!(text, "- and {}", count(more, "more field"));
    }
}

fn groups(text: &mut String, report: &Report) {
    if report.groups.is_empty() {
        return;
    }
    text.push_str("\n## What is one story\n\n");
    for group in &report.groups {
        let ids: Vec<_> = group.findings.iter().map(|id| format!("`{id}`")).collect();
        let _ = writeln!(
            text,
            "- {} ({}, {} % sure): {}. {}",
            markdown_text(&group.title),
            group.area,
            group.confidence,
            markdown_text(&group.why),
            ids.join(", ")
        );
    }
}

fn hidden(text: &mut String, report: &Report) {
    if report.hidden.is_empty() {
        return;
    }
    text.push_str(
        "\n## Hidden by rules\n\n| rule | changes | fields | reason |\n| --- | --- | --- | --- |\n",
    );
    for one in &report.hidden {
        let reason = markdown_text(&one.reason);
        let _ = writeln!(text, "| {} | {} | {} | {reason} |", one.rule, one.changes, one.fields);
    }
}
