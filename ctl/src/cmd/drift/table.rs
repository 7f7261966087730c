//! A report as a person reads it: what it says in a sentence, the findings by severity with the
//! stories folded, what rules hide, and what nobody looked at.

use std::collections::BTreeMap;

use tamer_drift::finding::{Finding, Hidden, Origin, Ours, Report, Severity, show};

use crate::output::{Cell, Line, Table, Tone, wrap};

/// The most lines about what nobody looked at; the rest is counted.
const UNSEEN: usize = 20;

/// How a report is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// With every column, each finding on a line.
    pub wide: bool,
    /// Each finding on a line.
    pub unfold: bool,
    /// The columns of the terminal, if one reads it.
    pub columns: Option<usize>,
}

/// The report in lines.
pub fn lines(report: &Report, shape: Shape) -> Vec<Line> {
    let mut lines = wrap("", Tone::Strong, &report.summary.words, shape.columns);
    let compared =
        format!("Compared with {} of {}.", report.baseline.name, show::time(report.baseline.at));
    lines.extend(wrap("", Tone::Dim, &compared, shape.columns));
    if !report.findings.is_empty() {
        lines.push(Line::default());
        lines.extend(findings(report, shape));
    }
    lines.extend(left_out(report, shape.columns));
    part(&mut lines, report.hidden.iter().flat_map(|one| hidden(one, shape.columns)));
    part(&mut lines, unseen(report, shape.columns));
    lines
}

/// A severity in its tone.
pub fn severity(severity: Severity) -> Cell {
    let tone = match severity {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium => Tone::Busy,
        Severity::Low => Tone::Plain,
    };
    Cell::toned(tone, severity.as_str())
}

/// Where a finding comes from, in a word or two.
pub fn origin(finding: &Finding) -> String {
    match &finding.origin.origin {
        Origin::Ours { what, id, by: _ } => match what {
            Ours::Batch => "a batch".to_owned(),
            Ours::Workload => format!("workload {id}"),
            Ours::Operation => "an operation".to_owned(),
        },
        Origin::CoOwner { name } => name.clone(),
        Origin::Unknown => "unknown".to_owned(),
    }
}

fn findings(report: &Report, shape: Shape) -> Vec<Line> {
    let mut head = vec!["SEVERITY", "FINDING", "HOSTS", "FROM", "WHAT"];
    if shape.wide {
        head.extend(["KIND", "CHANGE", "AREA", "RULE", "SURE", "FIRST SEEN"]);
    }
    let mut table = Table::new(head);
    let stories = stories(report, shape);
    for finding in &report.findings {
        match finding.group.and_then(|group| stories.get(&group)) {
            Some(members) if members[0].id == finding.id => table.row(story(report, members)),
            Some(_) => {}
            None => table.row(cells(finding, shape.wide)),
        }
    }
    table.lines_within(shape.columns)
}

/// The findings that are folded, by story. Of a story of which one finding is here nothing is.
fn stories(report: &Report, shape: Shape) -> BTreeMap<u32, Vec<&Finding>> {
    let mut stories: BTreeMap<u32, Vec<&Finding>> = BTreeMap::new();
    if shape.wide || shape.unfold {
        return stories;
    }
    for finding in &report.findings {
        if let (Some(group), Some(_)) = (finding.group, report.group_of(finding)) {
            stories.entry(group).or_default().push(finding);
        }
    }
    stories.retain(|_, members| members.len() > 1);
    stories
}

fn story(report: &Report, members: &[&Finding]) -> Vec<Cell> {
    let first = members[0];
    let group = report.group_of(first);
    let title = group.map_or(first.title.as_str(), |group| group.title.as_str());
    let hosts: std::collections::BTreeSet<_> =
        members.iter().flat_map(|one| one.hosts.iter().map(|member| member.host)).collect();
    let named = u64::try_from(hosts.len()).unwrap_or(u64::MAX);
    // Of hosts that are left out nobody here knows which are the same; the story does.
    let whole = members.iter().all(|one| one.hosts_left_out == 0);
    let many = if whole { named } else { group.map_or(named, |group| group.hosts.max(named)) };
    let worst = members.iter().map(|one| one.severity).max().unwrap_or(first.severity);
    let same = members.iter().all(|one| origin(one) == origin(first));
    vec![
        severity(worst),
        first.id.to_string().into(),
        many.to_string().into(),
        if same { origin(first).into() } else { "several".into() },
        format!("{} findings: {title}", members.len()).into(),
    ]
}

fn cells(finding: &Finding, wide: bool) -> Vec<Cell> {
    let aside = if finding.acknowledged.is_some() { " (set aside)" } else { "" };
    let mut cells: Vec<Cell> = vec![
        severity(finding.severity),
        finding.id.to_string().into(),
        hosts(finding).into(),
        origin(finding).into(),
        format!("{}{aside}", finding.title).into(),
    ];
    if wide {
        cells.extend([
            Cell::from(finding.kind.as_str()),
            finding.change.as_str().into(),
            finding.area.as_str().into(),
            finding.rule.to_string().into(),
            format!("{} %", finding.confidence).into(),
            show::time(finding.first_seen).into(),
        ]);
    }
    cells
}

/// The host where it is one, and how many where they are several.
fn hosts(finding: &Finding) -> String {
    let hosts: std::collections::BTreeSet<_> =
        finding.hosts.iter().map(|member| &member.name).collect();
    match hosts.first() {
        Some(name) if hosts.len() == 1 && finding.hosts_left_out == 0 => name.to_string(),
        Some(_) | None => {
            let named = u64::try_from(hosts.len()).unwrap_or(u64::MAX);
            named.saturating_add(finding.hosts_left_out).to_string()
        }
    }
}

/// That there are findings which were not asked for.
fn left_out(report: &Report, columns: Option<usize>) -> Vec<Line> {
    let all: u64 = report.summary.findings.values().sum();
    let shown = report.findings.len();
    match usize::try_from(all).unwrap_or(usize::MAX) {
        all if shown < all => {
            let text = format!("{shown} of {all} findings are shown.");
            wrap("", Tone::Dim, &text, columns)
        }
        _ => Vec::new(),
    }
}

fn hidden(hidden: &Hidden, columns: Option<usize>) -> Vec<Line> {
    let Hidden { rule, reason, changes, fields, severities } = hidden;
    let mut what = vec![show::count(*changes, "change")];
    if *fields > 0 {
        what.push(show::count(*fields, "field"));
    }
    let severe = severities.iter().rev().filter(|(severity, _)| **severity >= Severity::High);
    what.extend(severe.map(|(severity, many)| format!("{many} of severity {severity}")));
    let text = format!("Rule {rule} hides {}: {reason}", what.join(", "));
    wrap("", Tone::Dim, &text, columns)
}

fn unseen(report: &Report, columns: Option<usize>) -> Vec<Line> {
    let told = report.unobserved.iter().take(UNSEEN);
    let mut lines: Vec<Line> =
        told.flat_map(|one| wrap("Not seen: ", Tone::Busy, &one.words, columns)).collect();
    if let Some(more) = report.unobserved.len().checked_sub(UNSEEN).filter(|more| *more > 0) {
        lines.push(Line::new(Tone::Dim, format!("and {more} more: `tamerctl drift -o json`")));
    }
    lines
}

fn part(lines: &mut Vec<Line>, more: impl IntoIterator<Item = Line>) {
    let mut more = more.into_iter().peekable();
    if more.peek().is_some() {
        lines.push(Line::default());
    }
    lines.extend(more);
}

#[cfg(test)]
pub(super) mod tests;
