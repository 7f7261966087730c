//! `drift --fix`: shown, asked for, and done as batches that are held to what was shown.

use serde_json::{Value, json};
use tamer_model::{Action, BatchSpec, Code, InstanceAction, Problem};
use tamer_proto::wire;

use crate::pictures::Pictures;
use crate::play::Play;
use crate::stage::Stage;

fn finding(number: u8, kind: &str, change: &str, name: &str, fields: &Value) -> Value {
    let source = if kind == "instance" { "docker" } else { "host" };
    json!({
        "id": format!("d-{number:016}"), "kind": kind, "source": source, "name": name,
        "change": change, "area": "configuration", "severity": "high", "rule": "a",
        "reason": "because", "title": format!("{kind} {name} {change}"),
        "origin": { "from": "unknown", "confidence": 0, "evidence": "Nothing of ours ran." },
        "fields": fields,
        "hosts": [
            { "host": "h-0000000000000001", "name": "web-01", "id": name },
            { "host": "h-0000000000000002", "name": "web-02", "id": name },
        ],
        "confidence": 90, "evidence": "seen", "window": { "from": 1, "to": 2 }, "first_seen": 2,
    })
}

fn setting(number: u8, name: &str) -> Value {
    let fields = json!([{ "path": "value", "before": "60", "after": "10" }]);
    finding(number, "sysctl", "changed", name, &fields)
}

fn report(findings: &[Value]) -> wire::DriftReport {
    let document = json!({
        "version": 1, "baseline": { "name": "default", "at": 1_000 }, "at": 2_000,
        "verdict": "drift",
        "summary": {
            "hosts": 2, "hosts_with_drift": 2, "hosts_unobserved": 0, "changes": 2, "hidden": 0,
            "withheld": 0, "findings": { "high": findings.len() }, "acknowledged": 0,
            "words": "The summary.",
        },
        "findings": findings, "groups": [], "hidden": [], "unobserved": [],
    });
    wire::DriftReport {
        document: document.to_string(),
        findings: u32::try_from(findings.len()).expect("a few"),
        set: vec![1; 32],
        drift: true,
        observed: true,
        ..wire::DriftReport::default()
    }
}

fn preview() -> wire::BatchPreview {
    wire::BatchPreview {
        targets: 2,
        ready: 2,
        hosts: 2,
        fleet: 40,
        waves: vec![2],
        first: vec!["web-01".to_owned(), "web-02".to_owned()],
        fingerprint: vec![7; 32],
        summary: "sysctl".to_owned(),
        ..wire::BatchPreview::default()
    }
}

fn task(state: &str) -> wire::Task {
    let outcome = match state {
        "succeeded" => wire::Outcome::Succeeded,
        _ => wire::Outcome::Failed,
    };
    wire::Task {
        host: "h-0000000000000001".to_owned(),
        name: "web-01".to_owned(),
        state: state.to_owned(),
        end: Some(wire::TaskEnd { outcome: outcome.into(), ..wire::TaskEnd::default() }),
        ..wire::Task::default()
    }
}

async fn open(findings: &[Value], tasks: Vec<wire::Task>) -> Stage {
    let pictures = Pictures { reports: vec![vec![report(findings)]], ..Pictures::default() };
    Stage::open(Play { pictures, preview: Some(preview()), tasks, ..Play::default() }).await
}

fn specs(requests: Vec<wire::CreateBatchRequest>) -> Vec<BatchSpec> {
    let spec = |request: wire::CreateBatchRequest| request.spec.expect("a spec").try_into();
    requests.into_iter().map(|one| spec(one).expect("a spec that holds")).collect()
}

fn asked(stage: &Stage) -> Vec<wire::CreateBatchRequest> {
    std::mem::take(&mut *stage.asked.batches.lock().expect("a lock"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_done_is_shown_and_nothing_is_done() {
    let user = finding(2, "user", "created", "eve", &json!([]));
    let stage = open(&[setting(1, "vm.swappiness"), user], Vec::new()).await;
    let shown = stage.run("drift --fix --dry-run").await.with(0).stdout;
    insta::assert_snapshot!(shown, @r"
    d-0000000000000001 sysctl vm.swappiness changed
      sysctl -w vm.swappiness=60
      2 hosts: 2 ready: web-01, web-02

    Not mended:
      d-0000000000000002 user eve created
        an account is not removed by a rule: its files and who uses it are not known
    ");
    let json = stage.run("drift --fix --preview -o json").await.with(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    let mends = json["mends"].as_array().expect("a list");
    assert_eq!(mends[0]["commands"], json!([["sysctl", "-w", "vm.swappiness=60"]]));
    assert_eq!((&mends[0]["what"], &mends[0]["why"]), (&"commands".into(), &Value::Null));
    assert_eq!(mends[0]["preview"]["targets"], 2);
    assert_eq!(mends[0]["hosts"], json!(["web-01", "web-02"]));
    assert_eq!((&mends[1]["what"], &mends[1]["preview"]), (&"none".into(), &Value::Null));
    assert!(asked(&stage).is_empty());
    let previews = std::mem::take(&mut *stage.asked.previews.lock().expect("a lock"));
    assert_eq!(previews.len(), 2, "each once, and of one finding");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_that_nobody_agreed_to() {
    let stage = open(&[setting(1, "vm.swappiness")], vec![task("succeeded")]).await;
    let ended = stage.run("drift --fix").await.with(2);
    assert!(ended.stderr.contains("field: yes") && ended.stderr.contains("--dry-run"), "{ended:?}");
    for line in [
        "drift --yes",
        "drift --dry-run",
        "drift --detach",
        "drift --canary 1",
        "drift --fix --watch",
        "drift --fix --unfold",
        "drift --fix --dry-run -o html",
        "drift --fix --yes --canary x",
    ] {
        stage.run(line).await.with(2);
    }
    stage.run("drift --fix d-5 --yes").await.with(1);
    assert!(asked(&stage).is_empty());
    let user = finding(2, "user", "created", "eve", &json!([]));
    let stage = open(&[user], Vec::new()).await;
    let ended = stage.run("drift --fix --yes").await.with(1);
    assert!(ended.stderr.contains("nothing was changed"), "{ended:?}");
    let stage = open(&[], Vec::new()).await;
    let ended = stage.run("drift --fix --yes").await.with(0);
    assert!(ended.stderr.contains("there is nothing to mend"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_agreed_to_is_a_batch_held_to_what_was_shown() {
    let findings = [setting(1, "vm.swappiness"), setting(2, "vm.overcommit_memory")];
    let stage = open(&findings, vec![task("succeeded")]).await;
    let ended = stage.run("drift --fix --yes --canary 1 --max-failed 1").await.with(0);
    assert!(ended.stderr.contains("sysctl -w vm.swappiness=60"), "{ended:?}");
    let requests = asked(&stage);
    assert!(requests.iter().all(|one| one.expect_targets == [7; 32]), "held to the preview");
    assert_ne!(requests[0].request_id, requests[1].request_id);
    let all = specs(requests);
    assert_eq!(all.len(), 2);
    let Action::Command(command) = &all[0].action else { panic!("{:?}", all[0].action) };
    assert_eq!(command.argv, ["sysctl", "-w", "vm.swappiness=60"]);
    assert!(!command.shell && command.timeout_ms.is_some(), "{command:?}");
    assert_eq!(all[0].targets.hosts, ["h-0000000000000001", "h-0000000000000002"]);
    assert_eq!(all[0].rollout.canary, Some(tamer_model::Amount::Count(1)));

    stage.run("drift --fix d-0000000000000002 --yes --detach").await.with(0);
    let one = specs(asked(&stage));
    let [BatchSpec { action: Action::Command(command), .. }] = one.as_slice() else {
        panic!("{one:?}")
    };
    assert_eq!(command.argv[2], "vm.overcommit_memory=60");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_follows_what_failed() {
    let findings = [setting(1, "vm.a"), setting(2, "vm.b"), setting(3, "vm.c")];
    let stage = open(&findings, vec![task("failed")]).await;
    let ended = stage.run("drift --fix --yes").await.with(1);
    let note = "d-0000000000000001 was not mended, so nothing was done about \
                d-0000000000000002, d-0000000000000003";
    assert!(ended.stderr.contains(note), "{ended:?}");
    assert_eq!(asked(&stage).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_started_and_one_made_by_hand_goes_by_name_alone() {
    let stopped = json!([{ "path": "state", "before": "running", "after": "exited" }]);
    let made = json!([{ "path": "state", "after": "running" }]);
    let findings = [
        finding(1, "instance", "changed", "db", &stopped),
        finding(2, "instance", "created", "miner", &made),
    ];
    let stage = open(&findings, vec![task("succeeded")]).await;
    let ended = stage.run("drift --fix --yes").await.with(0);
    assert!(ended.stderr.contains("made by hand"), "{ended:?}");
    let all = specs(asked(&stage));
    let [start] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((&start.action, start.foreign), (&Action::Instance(InstanceAction::Start), false));
    let terms = start.targets.instances.as_ref().expect("instances");
    assert_eq!(terms.selector, "provider=docker");
    assert_eq!(terms.named, ["web-01/db", "web-02/db"]);
    stage.run("drift --fix d-0000000000000002 --yes").await.with(0);
    let all = specs(asked(&stage));
    let remove = Action::Instance(InstanceAction::Remove { force: true });
    assert_eq!((&all[0].action, all[0].foreign), (&remove, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_coordinator_refuses_is_told_with_its_reason() {
    let pictures =
        Pictures { reports: vec![vec![report(&[setting(1, "vm.a")])]], ..Pictures::default() };
    // Nothing previews: the played coordinator refuses the call.
    let stage = Stage::open(Play { pictures, ..Play::default() }).await;
    let ended = stage.run("drift --fix --dry-run").await.with(0);
    assert!(ended.stdout.contains("Not mended:\n  d-0000000000000001"), "{ended:?}");
    assert!(ended.stdout.contains("no test plays this"), "{ended:?}");
    let refuses = Some(Problem::new(Code::NotFound, "there is no baseline"));
    let stage = Stage::open(Play {
        pictures: Pictures { refuses, ..Pictures::default() },
        ..Play::default()
    });
    stage.await.run("drift --fix --dry-run").await.with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_copy_is_made_anew_with_its_workload() {
    let copy = wire::PlacementView {
        host: "h-0000000000000001".to_owned(),
        ..crate::fleet::placement(0, "web-01")
    };
    let name = "web-0-0000000000000000";
    let limits = json!([{ "path": "limits.memory_bytes", "before": 1, "after": 2 }]);
    let findings = [
        finding(1, "instance", "changed", name, &limits),
        finding(2, "instance", "changed", name, &limits),
    ];
    let mut play = Play {
        pictures: Pictures { reports: vec![vec![report(&findings)]], ..Pictures::default() },
        preview: Some(preview()),
        ..Play::default()
    };
    play.fleet.view.placements = vec![copy];
    play.fleet.view.document = json!({ "name": "web" }).to_string();
    let stage = Stage::open(play).await;
    let shown = stage.run("drift --fix --dry-run").await.with(0).stdout;
    assert!(shown.contains("make the copies of web anew"), "{shown}");
    assert!(shown.contains("the same as for a finding above"), "{shown}");
    assert!(stage.fleet.changes.lock().expect("a lock").is_empty());
    stage.run("drift --fix --yes").await.with(0);
    let changes = std::mem::take(&mut *stage.fleet.changes.lock().expect("a lock"));
    assert_eq!(changes.len(), 1, "once, for both");
    assert_eq!(changes[0].name, "web");
    let plans = stage.fleet.plans.lock().expect("a lock").len();
    assert_eq!(plans, 2, "planned each time that it was shown");
}
