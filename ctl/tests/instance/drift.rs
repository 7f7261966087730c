//! Drift: told, shown, explained, watched, and what pipelines are told by the exit code.

use serde_json::{Value, json};
use tamer_model::{Code, Problem};
use tamer_proto::wire;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::pictures::{Pictures, taken};
use crate::play::Play;
use crate::stage::Stage;

const HOSTILE: &str = "evil\u{1b}[2J\u{202e}<script>alert(1)</script>";

async fn open(pictures: Pictures) -> Stage {
    Stage::open(Play { pictures, ..Play::default() }).await
}

fn finding(number: u8, title: &str) -> Value {
    json!({
        "id": format!("d-{number:016}"), "kind": "package", "source": "host", "name": "openssl",
        "change": "changed", "area": "deployment", "severity": "high", "rule": "packages",
        "reason": "a package has another version", "title": title,
        "origin": { "from": "unknown", "confidence": 0, "evidence": "No batch ran there." },
        "fields": [{ "path": "version", "before": "1", "after": HOSTILE }],
        "hosts": [{ "host": "h-0000000000000001", "name": "web-01", "id": "openssl" }],
        "confidence": 90, "evidence": "the host was seen whole",
        "window": { "from": 1_000, "to": 2_000 }, "first_seen": 2_000,
    })
}

fn acknowledged(number: u8) -> Value {
    let mut finding = finding(number, "known");
    finding["acknowledged"] = json!({
        "finding": format!("d-{number:016}"), "until": 9_000, "by": "admin", "note": "it is known",
    });
    finding
}

/// The page of a report of `hosts` hosts, all of them seen.
fn page(findings: &[Value], hosts: u64, next: &str) -> wire::DriftReport {
    let document = json!({
        "version": 1, "baseline": { "name": "default", "at": 1_000 }, "at": 2_000,
        "verdict": "drift",
        "summary": {
            "hosts": hosts, "hosts_with_drift": 1, "hosts_unobserved": 0, "changes": 1, "hidden": 0,
            "withheld": 0, "findings": { "high": 3 }, "acknowledged": 0, "words": "The summary.",
        },
        "findings": findings, "groups": [], "hidden": [], "unobserved": [],
    });
    wire::DriftReport {
        document: document.to_string(),
        next_page_token: next.to_owned(),
        findings: 3,
        set: vec![1; 32],
        drift: true,
        observed: true,
    }
}

fn one(page: wire::DriftReport) -> Pictures {
    Pictures { reports: vec![vec![page]], ..Pictures::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_says_whether_there_is_drift() {
    let drift = one(page(&[finding(1, "a")], 3, ""));
    let ended = open(drift).await.run("drift").await.with(1);
    assert_eq!(ended.stderr, "", "drift is no error");
    let none = one(page(&[], 3, ""));
    open(none).await.run("drift").await.with(0);
    let aside = one(page(&[acknowledged(1)], 3, ""));
    let ended = open(aside).await.run("drift --acknowledged").await.with(0);
    assert!(ended.stdout.contains("known (set aside)"), "{ended:?}");

    let unseen = one(wire::DriftReport { observed: false, ..page(&[], 3, "") });
    let ended = open(unseen).await.run("drift").await.with(2);
    assert!(ended.stderr.contains("not everything was seen"), "{ended:?}");
    assert!(ended.stdout.contains("The summary."), "{ended:?}");
    let some = one(wire::DriftReport { observed: false, ..page(&[finding(1, "a")], 3, "") });
    open(some).await.run("drift").await.with(1);
    let nobody = one(page(&[], 0, ""));
    let ended = open(nobody).await.run("drift").await.with(2);
    assert!(ended.stderr.contains("no host was compared"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_looks_like_drift_or_like_none() {
    let refuses = Problem::new(Code::NotFound, "there is no baseline \"default\"");
    let stage = open(Pictures { refuses: Some(refuses), ..Pictures::default() }).await;
    let ended = stage.run("drift -o json").await.with(2);
    let told: Value = serde_json::from_str(&ended.stderr).expect("json");
    assert_eq!(told["error"]["code"], "not-found");
    assert_eq!(ended.stdout, "");
    for line in [
        "drift --severity loud",
        "drift --kind nonsense",
        "drift -l =x",
        "drift --nonsense",
        "drift --baseline a --against b",
        "drift --watch -o html",
        "drift --context none",
    ] {
        stage.run(line).await.with(2);
    }
    assert_eq!(stage.drift.drift.lock().expect("a lock").len(), 1, "nothing was asked");
    // Other verbs tell errors as everywhere.
    stage.run("drift show d-1").await.with(1);
    stage.run("host ls -o html").await.with(2);

    for document in ["", "{}", "{\"version\":1}"] {
        let page = wire::DriftReport { document: document.to_owned(), ..page(&[], 3, "") };
        let ended = open(one(page)).await.run("drift").await.with(2);
        assert!(ended.stderr.contains("[version-unsupported]"), "{ended:?}");
    }
    let mut newer: Value = serde_json::from_str(&page(&[], 3, "").document).expect("json");
    newer["version"] = 2.into();
    let newer = wire::DriftReport { document: newer.to_string(), ..page(&[], 3, "") };
    let ended = open(one(newer)).await.run("drift").await.with(2);
    assert!(ended.stderr.contains("of version 2"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_one_report_and_never_of_two_looks() {
    let first = || page(&[finding(1, "a")], 3, "1");
    let other = wire::DriftReport { set: vec![2; 32], ..page(&[finding(2, "b")], 3, "") };
    let good = vec![first(), page(&[finding(2, "b"), finding(3, "c")], 3, "")];
    let reports = vec![vec![first(), other.clone()], good];
    let stage = open(Pictures { reports, ..Pictures::default() }).await;
    let line = "drift -o json -l role=web --kind package --severity high --baseline golden";
    let ended = stage.run(line).await.with(1);
    let report: Value = serde_json::from_str(&ended.stdout).expect("json");
    let ids: Vec<_> = report["findings"].as_array().expect("a list").iter().collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[2]["id"], "d-0000000000000003");
    let asked = taken(&stage.drift.drift);
    let tokens: Vec<_> = asked.iter().map(|one| one.page_token.as_str()).collect();
    assert_eq!(tokens, ["", "1", "", "1"], "begun anew");
    let last = asked.last().expect("a question");
    assert_eq!(
        (&*last.selector, &*last.kind, &*last.severity, &*last.baseline, last.acknowledged),
        ("role=web", "package", "high", "golden", false)
    );

    let restless = Pictures { reports: vec![vec![first(), other]], ..Pictures::default() };
    let ended = open(restless).await.run("drift").await.with(2);
    assert!(ended.stderr.contains("changed while they were read"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_move_nothing_in_any_format() {
    let stage = open(one(page(&[finding(1, HOSTILE)], 3, ""))).await;
    for line in [
        "drift",
        "drift -o wide",
        "drift -o markdown",
        "drift -o html",
        "drift show d-0",
        "drift show d-0 -o markdown",
        "drift show d-0 -o html",
        "drift explain",
        "drift explain d-0",
        "drift explain d-0 -o html",
    ] {
        let code = i32::from(line.starts_with("drift -o") || line == "drift");
        let told = stage.run(line).await.with(code).stdout;
        assert!(!told.contains('\u{1b}'), "{line}: {told:?}");
        assert!(told.contains("evil"), "{line}: {told:?}");
        if line.ends_with("html") {
            assert!(!told.contains("<script"), "{line}: {told:?}");
        } else {
            assert!(!told.contains('\u{202e}'), "{line}: {told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_shown_by_the_beginning_of_its_id() {
    let findings = [finding(1, "one"), finding(2, "two"), acknowledged(13)];
    let stage = open(one(page(&findings, 3, ""))).await;
    let shown = stage.run("drift show d-0000000000000002 -o json").await.with(0).stdout;
    let shown: Value = serde_json::from_str(&shown).expect("json");
    assert_eq!((&shown["title"], &shown["story"]), (&"two".into(), &Value::Null));
    let aside = stage.run("drift show d-00000000000000013").await.with(1);
    assert!(aside.stderr.contains("there is no finding"), "{aside:?}");
    let aside = stage.run("drift show d-000000000000001").await.with(0);
    assert!(aside.stdout.contains("Set aside:   by admin until"), "{aside:?}");
    let several = stage.run("drift show d-0").await.with(1);
    assert!(several.stderr.contains("3 findings begin with"), "{several:?}");
    assert!(several.stderr.contains("[ambiguous]"), "{several:?}");
    let account = stage.run("drift explain d-0000000000000001 -o json").await.with(0).stdout;
    let account: Value = serde_json::from_str(&account).expect("json");
    assert!(account["account"].as_str().expect("a text").starts_with("# one\n"), "{account}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_report_is_told_when_it_says_something_else() {
    let at = |at: u64, page: wire::DriftReport| {
        let mut document: Value = serde_json::from_str(&page.document).expect("json");
        document["at"] = at.into();
        vec![wire::DriftReport { document: document.to_string(), ..page }]
    };
    // The second look differs by its time alone.
    let reports = vec![
        at(2_000, page(&[finding(1, "one")], 3, "")),
        at(3_000, page(&[finding(1, "one")], 3, "")),
        at(4_000, page(&[finding(2, "two")], 3, "")),
    ];
    let stage = open(Pictures { reports, ..Pictures::default() }).await;
    let mut child = stage.command(["drift", "--watch", "-o", "jsonl"]).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = async || {
        let line = tokio::time::timeout(std::time::Duration::from_secs(60), lines.next_line());
        let line = line.await.expect("in time").expect("read").expect("a line");
        serde_json::from_str::<Value>(&line).expect("json")
    };
    assert_eq!(next().await["findings"][0]["title"], "one");
    let second = next().await;
    assert_eq!((&second["findings"][0]["title"], &second["at"]), (&"two".into(), &4_000.into()));
    assert!(stage.drift.drift.lock().expect("a lock").len() >= 3);
    child.kill().await.expect("killed");
}
