//! A report as one page to mail around: no scripts, nothing from elsewhere, light and dark.

use std::fmt::Write as _;

use super::report::{Finding, Group, Report};
use super::show::{names, side, time};

const STYLE: &str = include_str!("page.css");
/// The most findings of a page; the rest is counted. A page of so many has a few megabytes.
const MOST: usize = 2000;
/// The most hosts of a finding that are named.
const NAMED: usize = 100;

/// The report as a page of HTML. The page asks browsers to load and run nothing, also where a text
/// of some host were taken for markup.
pub fn html(report: &Report) -> String {
    let title = format!("Drift from {}", report.baseline.name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        text(&title)
    );
    let (from, to) = (time(report.baseline.at), time(report.at));
    let _ = writeln!(page, "<p>{}</p>", text(&report.summary.words));
    let _ = writeln!(page, "<p class=\"dim\">Baseline of {from}, compared at {to}.</p>");
    findings(&mut page, report);
    groups(&mut page, &report.groups);
    hidden(&mut page, report);
    unobserved(&mut page, report);
    page.push_str("</body>\n</html>\n");
    page
}

fn findings(page: &mut String, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    page.push_str("<h2>Findings</h2>\n");
    for finding in report.findings.iter().take(MOST) {
        one(page, finding);
    }
    if let Some(more) = report.findings.len().checked_sub(MOST).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p>And {more} more, which `tamerctl drift` shows.</p>");
    }
}

fn one(page: &mut String, finding: &Finding) {
    let aside =
        if finding.acknowledged.is_some() { " <span class=\"dim\">set aside</span>" } else { "" };
    let _ = writeln!(
        page,
        "<details id=\"{0}\"><summary><span class=\"{1}\">{1}</span>{2}{aside}</summary>\n<p>{3}. {4}</p>",
        finding.id,
        finding.severity,
        text(&finding.title),
        text(&super::show::sentence(finding.reason.trim_end_matches('.'))),
        text(&finding.origin.evidence),
    );
    if !finding.fields.is_empty() {
        page.push_str("<table><tr><th>field</th><th>before</th><th>after</th></tr>\n");
        for field in &finding.fields {
            let path = text(&field.path.to_string());
            let before = text(&side(field.before.as_ref()));
            let after = text(&side(field.after.as_ref()));
            let _ = writeln!(
                page,
                "<tr><td><code>{path}</code></td><td>{before}</td><td>{after}</td></tr>"
            );
        }
        page.push_str("</table>\n");
    }
    let hosts = super::show::hosts(finding, NAMED);
    let _ = writeln!(page, "<p class=\"dim\">Hosts: {}</p>", text(&hosts));
    if !finding.exceptions.is_none() {
        let except = names(finding.exceptions.hosts.iter().map(|host| host.as_str()), NAMED);
        let alike = text(&finding.exceptions.alike);
        let _ = writeln!(
            page,
            "<p class=\"dim\">Not on, though alike ({alike}): {}</p>",
            text(&except)
        );
    }
    let _ = writeln!(page, "<p class=\"dim\"><code>{}</code></p></details>", finding.id);
}

fn groups(page: &mut String, groups: &[Group]) {
    if groups.is_empty() {
        return;
    }
    page.push_str("<h2>What is one story</h2>\n<ul>\n");
    for group in groups {
        let ids =
            group.findings.iter().map(|id| format!("<a href=\"#{id}\"><code>{id}</code></a>"));
        let _ = writeln!(
            page,
            "<li><span class=\"{0}\">{0}</span>{1} ({2} % sure): {3}. {4}</li>",
            group.severity,
            text(&group.title),
            group.confidence,
            text(&group.why),
            ids.collect::<Vec<_>>().join(" ")
        );
    }
    page.push_str("</ul>\n");
}

fn hidden(page: &mut String, report: &Report) {
    if report.hidden.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Hidden by rules</h2>\n<table><tr><th>rule</th><th>changes</th><th>fields</th><th>reason</th></tr>\n",
    );
    for one in &report.hidden {
        let (rule, reason) = (text(one.rule.as_str()), text(&one.reason));
        let _ = writeln!(
            page,
            "<tr><td>{rule}</td><td>{}</td><td>{}</td><td>{reason}</td></tr>",
            one.changes, one.fields
        );
    }
    page.push_str("</table>\n");
}

fn unobserved(page: &mut String, report: &Report) {
    if report.unobserved.is_empty() {
        return;
    }
    page.push_str("<h2>Not observed</h2>\n<ul>\n");
    for one in &report.unobserved {
        let _ = writeln!(page, "<li>{}</li>", text(&one.words));
    }
    page.push_str("</ul>\n");
}

/// A text of somebody else's in HTML, in elements and in attributes.
fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
