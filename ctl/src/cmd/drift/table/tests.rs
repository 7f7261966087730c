use serde_json::{Value, json};

use super::*;
use crate::output::width;

/// A text of a host that does not mean well.
pub(in crate::cmd::drift) const HOSTILE: &str = "evil\u{1b}[2J\u{202e}\n# owned | <script>";

/// A finding on two hosts; `more` says what is special about it.
pub(in crate::cmd::drift) fn finding(
    number: u8,
    severity: &str,
    title: &str,
    more: &Value,
) -> Value {
    let mut finding = json!({
        "id": format!("d-{number:016}"),
        "kind": "package", "source": "host", "name": "openssl", "change": "changed",
        "area": "deployment", "severity": severity, "rule": "packages",
        "reason": "a package has another version", "title": title,
        "origin": { "from": "unknown", "confidence": 0, "evidence": "No batch ran there." },
        "fields": [{ "path": "version", "before": "3.0.1", "after": "3.0.2" }],
        "hosts": [
            { "host": "h-0000000000000001", "name": "web-01", "id": "openssl" },
            { "host": "h-0000000000000002", "name": "web-02", "id": "openssl" },
        ],
        "confidence": 90, "evidence": "both hosts were seen whole",
        "window": { "from": 1_000, "to": 61_000 }, "first_seen": 61_000,
    });
    let more = more.as_object().expect("a map").clone();
    finding.as_object_mut().expect("a map").extend(more);
    finding
}

/// A report with these findings.
pub(in crate::cmd::drift) fn report(findings: &[Value], more: &Value) -> Report {
    let mut by_severity: BTreeMap<String, u64> = BTreeMap::new();
    for finding in findings {
        *by_severity
            .entry(finding["severity"].as_str().expect("a word").to_owned())
            .or_default() += 1;
    }
    let mut report = json!({
        "version": 1, "baseline": { "name": "default", "at": 1_000 }, "at": 61_000,
        "verdict": if findings.is_empty() { "none" } else { "drift" },
        "summary": {
            "hosts": 3, "hosts_with_drift": 2, "hosts_unobserved": 0, "changes": 4, "hidden": 0,
            "withheld": 0, "findings": by_severity, "acknowledged": 0,
            "words": "Some findings on 2 of 3 hosts.",
        },
        "findings": findings, "groups": [], "hidden": [], "unobserved": [],
    });
    let more = more.as_object().expect("a map").clone();
    report.as_object_mut().expect("a map").extend(more);
    serde_json::from_value(report).expect("a report")
}

/// The lines as a terminal of so many columns shows them.
pub(in crate::cmd::drift) fn text(lines: &[Line], columns: usize) -> String {
    let texts: Vec<_> = lines.iter().map(Line::text).collect();
    assert_eq!(texts.iter().find(|text| width::of(text) > columns), None, "it fits");
    let bad = |c: &char| c.is_control() || *c == '\u{202e}';
    assert_eq!(texts.iter().find_map(|text| text.chars().find(bad)), None, "nothing moves it");
    texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n")
}

fn group(findings: &[u8]) -> Value {
    let ids: Vec<_> = findings.iter().map(|number| format!("d-{number:016}")).collect();
    json!({
        "area": "deployment", "title": "openssl was upgraded on 2 hosts", "why": "one parent",
        "confidence": 80, "severity": "high", "findings": ids, "hosts": 2,
    })
}

fn everything() -> Report {
    let ours = json!({
        "from": "ours", "what": "batch", "id": "b-1", "by": "admin", "confidence": 95,
        "evidence": "Batch b-1 touched it.",
    });
    let one = json!([{ "host": "h-0000000000000001", "name": "web-01", "id": "x" }]);
    let findings = [
        finding(1, "critical", "user root2 was created on web-01", &json!({ "hosts": one })),
        finding(2, "high", "package openssl has another version", &json!({ "group": 0 })),
        finding(3, "medium", HOSTILE, &json!({ "origin": ours })),
        finding(4, "low", "package libssl has another version", &json!({ "group": 0 })),
        finding(
            5,
            "low",
            "port 8080 was opened",
            &json!({ "acknowledged": {
                "finding": "d-0000000000000005", "until": 100_000, "by": "admin", "note": "known",
            }}),
        ),
    ];
    report(
        &findings,
        &json!({
            "groups": [group(&[2, 4])],
            "hidden": [{
                "rule": "clocks", "reason": "they tick", "changes": 312, "fields": 1,
                "severities": { "high": 2, "low": 310 },
            }],
            "unobserved": [{
                "host": "h-0000000000000003", "name": "db-01", "withheld": 0,
                "words": format!("packages of db-01 was not seen whole: {HOSTILE}"),
            }],
        }),
    )
}

const NARROW: Shape = Shape { wide: false, unfold: false, columns: Some(80) };

#[test]
fn a_report_fits_the_terminal() {
    insta::assert_snapshot!(text(&lines(&everything(), NARROW), 80), @r#"
    Some findings on 2 of 3 hosts.
    Compared with default of 1970-01-01 00:00:01Z.

    SEVERITY  FINDING             HOSTS   FROM     WHAT
    critical  d-0000000000000001  web-01  unknown  user root2 was created on web-01
    high      d-0000000000000002  2       unknown  2 findings: openssl was upgraded…
    medium    d-0000000000000003  2       a batch  evil\x1b[2J\u{202e}\n# owned | <…
    low       d-0000000000000005  2       unknown  port 8080 was opened (set aside)

    Rule clocks hides 312 changes, 1 field, 2 of severity high: they tick

    Not seen: packages of db-01 was not seen whole: evil\x1b[2J\u{202e}\n# owned |
              <script>
    "#);
}

#[test]
fn stories_are_unfolded_when_asked() {
    let unfolded = lines(&everything(), Shape { unfold: true, ..NARROW });
    let told = text(&unfolded, 80);
    for number in 1..=5 {
        assert!(told.contains(&format!("d-{number:016}")), "{told}");
    }
    assert!(!told.contains("2 findings"), "{told}");
    let wide = lines(&everything(), Shape { wide: true, unfold: false, columns: None });
    insta::assert_snapshot!(text(&wide[3..5], 400), @r#"
    SEVERITY  FINDING             HOSTS   FROM     WHAT                                     KIND     CHANGE   AREA        RULE      SURE  FIRST SEEN
    critical  d-0000000000000001  web-01  unknown  user root2 was created on web-01         package  changed  deployment  packages  90 %  1970-01-01 00:01:01Z
    "#);
}

#[test]
fn a_story_of_which_one_finding_was_asked_for_is_that_finding() {
    let findings = [finding(2, "high", "package openssl differs", &json!({ "group": 0 }))];
    let mut report = report(&findings, &json!({ "groups": [group(&[2, 4])] }));
    report.summary.findings = [(Severity::High, 1), (Severity::Low, 1)].into();
    let told = text(&lines(&report, NARROW), 80);
    assert!(told.contains("package openssl differs"), "{told}");
    assert!(told.contains("1 of 2 findings are shown."), "{told}");
}

#[test]
fn what_nobody_looked_at_is_bounded_and_counted() {
    let unseen: Vec<_> = (0..25)
        .map(|number| {
            json!({
                "host": "h-0000000000000003", "name": "db-01", "withheld": 0,
                "words": format!("gap {number}"),
            })
        })
        .collect();
    let told = text(&lines(&report(&[], &json!({ "unobserved": unseen })), NARROW), 80);
    assert!(told.contains("Not seen: gap 19") && !told.contains("gap 20"), "{told}");
    assert!(told.ends_with("and 5 more: `tamerctl drift -o json`"), "{told}");
}

#[test]
fn hosts_that_a_document_has_no_room_for_are_counted() {
    let cut = json!({ "hosts_left_out": 9_998 });
    let one = report(&[finding(1, "high", "openssl went from 3.0.1 to 3.0.2", &cut)], &json!({}));
    assert!(text(&lines(&one, NARROW), 100).contains(" 10000 "), "{:?}", lines(&one, NARROW));
}
