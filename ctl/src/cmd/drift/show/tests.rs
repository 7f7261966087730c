use serde_json::json;

use super::super::table::tests::{HOSTILE, finding, report, text};
use super::*;

#[test]
fn a_finding_fits_the_terminal() {
    let fields = json!([
        { "path": "version", "before": "3.0.1", "after": HOSTILE },
        { "path": "held", "after": true },
    ]);
    let ours = json!({
        "from": "ours", "what": "workload", "id": "web", "confidence": 60,
        "evidence": "Workload web made it; instances bring such things with them.",
    });
    let one = finding(
        1,
        "high",
        "package openssl has another version on 2 hosts",
        &json!({
            "fields": fields, "varies": ["size"], "origin": ours, "group": 0,
            "related": ["d-0000000000000002"],
            "exceptions": { "count": 60, "hosts": ["web-03"], "alike": "role=web" },
            "acknowledged": {
                "finding": "d-0000000000000001", "until": 100_000, "by": "admin", "note": "known",
            },
        }),
    );
    let other = finding(2, "low", "service nginx was restarted", &json!({}));
    let story = json!({
        "area": "deployment", "title": "an upgrade", "why": "one parent", "confidence": 80,
        "severity": "high", "findings": ["d-0000000000000001", "d-0000000000000002"], "hosts": 2,
    });
    let unseen = json!([
        { "host": "h-0000000000000001", "name": "web-01", "withheld": 0, "words": HOSTILE },
        { "host": "h-0000000000000009", "name": "far", "withheld": 0, "words": "not here" },
    ]);
    let report = report(&[one, other], &json!({ "groups": [story], "unobserved": unseen }));
    let shown = lines(&report, &report.findings[0], false, Some(80));
    insta::assert_snapshot!(text(&shown, 80), @r#"
    Finding:     d-0000000000000001
    What:        package openssl has another version on 2 hosts
    Severity:    high: a package has another version (rule packages)
    Kind:        package changed, about deployment
    From:        workload web, 60 % sure: Workload web made it; instances bring such
                 things with them.
    Hosts:       2 hosts: web-01, web-02
    Not on:      60 hosts like these (role=web): web-03 and 59 more
    Happened:    between 1970-01-01 00:00:01Z and 1970-01-01 00:01:01Z, 90 % sure:
                 both hosts were seen whole
    Set aside:   by admin until 1970-01-01 00:01:40Z: known
    Story:       an upgrade: one parent
    Related:     d-0000000000000002 service nginx was restarted
    Not seen:    evil\x1b[2J\u{202e}\n# owned | <script>

    FIELD    BEFORE   AFTER
    version  3.0.1    evil [2J\u{202e} # owned | <script>
    held     nothing  true

    Otherwise on each host: size
    "#);
}

#[test]
fn what_is_much_is_bounded_and_counted() {
    let fields: Vec<_> =
        (0..60).map(|number| json!({ "path": format!("f{number}"), "after": 1 })).collect();
    let hosts: Vec<_> = (0..70)
        .map(|number| json!({ "host": format!("h-{number:016}"), "name": format!("n{number}"), "id": "x" }))
        .collect();
    let one = finding(1, "low", "much", &json!({ "fields": fields, "hosts": hosts }));
    let report = report(&[one], &json!({}));
    let told = text(&lines(&report, &report.findings[0], false, Some(80)), 80);
    assert!(told.contains("70 hosts: n0, n1"), "{told}");
    assert!(told.contains("n49 and 20 more"), "{told}");
    assert!(told.ends_with("and 10 more: `-o wide`"), "{told}");
    let wide = text(&lines(&report, &report.findings[0], true, None), 4000);
    assert!(wide.contains("f59"), "{wide}");
}
