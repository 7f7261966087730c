//! What people and models are shown: the account, the document, the page, the prompt.

use insta::assert_snapshot;
use tamer_drift::Value;
use tamer_drift::diff::Change;
use tamer_drift::finding::{Gap, MAX_PROMPT, Report, explain, explain_all, html, markdown, prompt};

use crate::stage::{HOUR, Stage, after, came, json, package, resource, set, text, turned};

fn busy() -> Stage {
    let mut stage = Stage::new(5);
    let service = resource("service/host/nginx.service", &[]);
    stage.put(&[1, 2, 3, 4], HOUR, package("nginx", "1.22.0", "1.25.3"));
    stage.put(&[1, 2, 3, 4], HOUR, turned(service, "active", text("active"), text("failed")));
    stage.put(&[5], HOUR, came(resource("user/host/eve", &[("uid", Value::Int(0))])));
    let why = "the agent did not run".to_owned();
    stage.host(5).gaps.push(Gap { window: after(0), why, changed: None });
    stage.ignore(r#"{"name":"quiet","kind":["port"],"reason":"ports come and go","by":"ada"}"#);
    stage.put(&[1], HOUR, came(resource("port/host/udp 0.0.0.0:5353", &[])));
    stage
}

#[test]
fn the_account_of_a_finding() {
    let report = busy().report();
    let finding = report.findings.iter().find(|one| one.name == "nginx").expect("a finding");
    assert_snapshot!(explain(&report, finding));
}

#[test]
fn the_account_of_everything() {
    assert_snapshot!(explain_all(&busy().report()));
}

#[test]
fn the_document() {
    assert_snapshot!(markdown(&busy().report()));
}

#[test]
fn the_page() {
    assert_snapshot!(html(&busy().report()));
}

#[test]
fn the_contract() {
    let report = busy().report();
    assert_snapshot!(json(&report));
    let json = serde_json::to_string(&report).expect("JSON");
    assert_eq!(serde_json::from_str::<Report>(&json).expect("a report"), report);
}

#[test]
fn what_hosts_say_is_no_markup() {
    let evil = "<script>alert(1)</script>|`x`\n# y";
    let mut stage = Stage::new(1);
    let user = resource(&format!("user/host/{evil}"), &[("shell", text(evil))]);
    stage.put(&[1], HOUR, came(user));
    stage.comparison.baseline.name = evil.to_owned();
    let report = stage.report();
    let page = html(&report);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    for document in [markdown(&report), explain_all(&report), explain(&report, &report.findings[0])]
    {
        assert!(!document.contains("<script") || document.contains("\\<script"), "{document}");
        assert!(!document.contains("\n# y"), "{document}");
    }
}

#[test]
fn a_prompt_holds_nothing_secret() {
    let mut stage = Stage::new(1);
    let hash = [0xab; 16];
    let config = resource("config/host//etc/app.toml", &[]);
    stage.put(
        &[1],
        HOUR,
        turned(config, "settings", text("hunter2-before"), text("hunter2-after")),
    );
    let container = resource("instance/docker/c1", &[]);
    let side = |value: Value| {
        let all = [("A".to_owned(), value.clone())].into();
        container
            .clone()
            .with("env", Value::Map(all))
            .with("command", Value::List(vec![text("--password"), text("hunter2")]))
            .with("db_password", value)
            .with("args", set(&["hunter2"]))
            .with("state", text("running"))
    };
    let (before, after) = (side(Value::Hidden(hash)), side(text("hunter2")));
    stage.put(
        &[1],
        HOUR,
        Change { key: before.key.clone(), before: Some(before), after: Some(after) },
    );
    stage.put(&[1], HOUR, came(resource("user/host/hunter2", &[("uid", Value::Int(0))])));
    stage.put(&[1], HOUR, came(resource("job/host/x", &[("command", text("hunter2"))])));
    let group = resource("group/host/sudo", &[]);
    let members = |names: &[&str]| group.clone().with("members", set(names));
    let (before, after) = (members(&["a"]), members(&["a", "hunter2"]));
    stage.put(
        &[1],
        HOUR,
        Change { key: group.key.clone(), before: Some(before), after: Some(after) },
    );
    let file = resource("file/host//etc/pin", &[]);
    stage.put(&[1], HOUR, turned(file, "digest", text("cafe0001"), text("cafe0002")));
    let config = resource("config/host//etc/pin.toml", &[]);
    stage.put(&[1], HOUR, turned(config, "port", Value::Int(11_112), Value::Int(11_113)));
    stage.did(1, HOUR, "ran `login hunter2`", tamer_drift::finding::Touched::Anything);
    let prompt = prompt(&stage.report(), None);
    assert!(!prompt.contains("hunter2"), "{prompt}");
    assert!(!prompt.contains("abab") && !prompt.contains("cafe"), "{prompt}");
    assert!(!prompt.contains("1111"), "{prompt}");
    assert!(!prompt.contains("web-1") && !prompt.contains("ada"), "{prompt}");
    assert_snapshot!(prompt);
}

#[test]
fn a_prompt_is_bounded_and_says_what_it_left_out() {
    let mut stage = Stage::new(1);
    for number in 0..1000 {
        let user =
            resource(&format!("user/host/user-{number}"), &[("comment", text(&"x".repeat(500)))]);
        stage.put(&[1], HOUR, came(user));
    }
    let prompt = prompt(&stage.report(), None);
    assert!(prompt.len() <= MAX_PROMPT, "{}", prompt.len());
    assert!(!prompt.contains("\"findings_left_out\":0"), "something was left out");
}
