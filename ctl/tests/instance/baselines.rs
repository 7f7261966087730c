//! Snapshots and baselines: taken, listed, shown, set, accepted, cleared.

use std::time::Duration;

use serde_json::{Value, json};
use tamer_model::{Code, Problem};
use tamer_proto::wire;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::pictures::{Pictures, taken};
use crate::play::Play;
use crate::stage::Stage;

async fn open(pictures: Pictures) -> Stage {
    Stage::open(Play { pictures, ..Play::default() }).await
}

fn snapshot(number: u8) -> wire::SnapshotView {
    wire::SnapshotView {
        id: format!("s-{number:016}"),
        name: "release".to_owned(),
        at: 1_000,
        by: "admin".to_owned(),
        root: vec![0xab; 32],
        hosts: 2,
        resources: 50,
        took_ms: 1_500,
        oldest_at: 900,
        ..wire::SnapshotView::default()
    }
}

fn baseline(version: u32) -> wire::BaselineView {
    wire::BaselineView {
        name: "default".to_owned(),
        version,
        snapshot: "s-0000000000000001".to_owned(),
        at: 1_000,
        by: "admin".to_owned(),
        hosts: 2,
        ..wire::BaselineView::default()
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("json")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_taken_of_what_was_asked_for() {
    let incomplete = wire::SnapshotView { missing: 3, incomplete: 1, ..snapshot(1) };
    let stage = open(Pictures { snapshots: vec![incomplete], ..Pictures::default() }).await;
    let line = "snapshot take --name release --tag commit=1f2e --tag env=prod -l role=web \
                --at 2023-11-14T22:13:20Z";
    let ended = stage.run(line).await.with(0);
    let told = "Hosts:       2, and nothing is known of 3 more, 1 of them not seen whole\n";
    assert!(ended.stdout.contains(told), "{ended:?}");
    let one = json_of(&stage.run("snapshot take -o json").await.with(0).stdout);
    assert_eq!((&one["checksum"], &one["missing"]), (&"ab".repeat(32).into(), &3.into()));
    let takes = taken(&stage.drift.takes);
    let [first, second] = takes.as_slice() else { panic!("{takes:?}") };
    assert_eq!(
        (&*first.name, &*first.selector, first.at),
        ("release", "role=web", 1_700_000_000_000)
    );
    assert_eq!((&*first.tags["commit"], &*first.tags["env"]), ("1f2e", "prod"));
    assert_eq!((&*second.name, second.at), ("", 0));
    assert_ne!(first.request_id, second.request_id);
    assert!(!first.request_id.is_empty());
    for bad in ["--name a/b", "--tag x", "-l =", "--at soon"] {
        stage.run(&format!("snapshot take {bad}")).await.with(2);
    }
    assert!(taken(&stage.drift.takes).is_empty(), "nothing was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_listed_from_all_pages() {
    let snapshots = (1..=5).rev().map(snapshot).collect();
    let stage = open(Pictures { snapshots, ..Pictures::default() }).await;
    let listed = json_of(&stage.run("snapshot ls rel* --tag a=b -o json").await.with(0).stdout);
    let ids: Vec<_> =
        listed.as_array().expect("a list").iter().map(|one| &one["snapshot"]).collect();
    assert_eq!(ids.len(), 5);
    assert_eq!(ids[4], "s-0000000000000001");
    let lists = taken(&stage.drift.lists);
    let tokens: Vec<_> = lists.iter().map(|one| one.page_token.as_str()).collect();
    assert_eq!(tokens, ["", "2", "4"]);
    assert!(lists.iter().all(|one| one.name == "rel*" && one.tags["a"] == "b"));
    let none = open(Pictures::default()).await.run("snapshot ls").await.with(0);
    assert!(none.stderr.contains("`tamerctl snapshot take` takes one"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_shown_with_its_hosts_or_what_one_held() {
    let host = |name: &str| wire::SnapshotHost {
        id: "h-0000000000000001".to_owned(),
        name: name.to_owned(),
        root: vec![1; 32],
        at: 900,
        resources: 25,
        incomplete: Vec::new(),
    };
    let resource =
        |name: &str| json!({ "key": format!("package/host/{name}"), "name": name }).to_string();
    let page = |name: &str, next: &str| wire::ShowSnapshotResponse {
        snapshot: Some(snapshot(7)),
        hosts: vec![host(name)],
        resources: vec![resource(name)],
        next_page_token: next.to_owned(),
        ..wire::ShowSnapshotResponse::default()
    };
    let shown = vec![page("web-01", "1"), page("web-02", "")];
    let stage = open(Pictures { shown, ..Pictures::default() }).await;
    let told = json_of(&stage.run("snapshot show release -o json").await.with(0).stdout);
    assert_eq!(told["members"][1]["name"], "web-02");
    assert_eq!((&told["hosts"], &told["snapshot"]), (&2.into(), &"s-0000000000000007".into()));
    let held =
        json_of(&stage.run("snapshot show release --host web-01 -o json").await.with(0).stdout);
    assert_eq!(held["resources"][1]["key"], "package/host/web-02");
    let shows = taken(&stage.drift.shows);
    let asked: Vec<_> = shows.iter().map(|one| (&*one.snapshot, &*one.host)).collect();
    let id = "s-0000000000000007";
    assert_eq!(asked, [("release", ""), (id, ""), ("release", "web-01"), (id, "web-01")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_is_set_listed_and_cleared() {
    let stage = open(Pictures { baselines: vec![baseline(4)], ..Pictures::default() }).await;
    let line = "baseline set release --name golden -l role=web --note why --expected 3";
    let ended = stage.run(line).await.with(0);
    assert_eq!(ended.stdout, "default is at version 4: 2 hosts, as s-0000000000000001 has them\n");
    stage.run("baseline set").await.with(0);
    let sets = taken(&stage.drift.sets);
    let [first, second] = sets.as_slice() else { panic!("{sets:?}") };
    assert_eq!(
        (&*first.name, &*first.snapshot, &*first.selector, &*first.note, first.expected),
        ("golden", "release", "role=web", "why", 3)
    );
    assert_eq!(second, &wire::SetBaselineRequest::default());
    for line in ["baseline ls -o json", "baseline show -o json", "baseline show golden -o json"] {
        let listed = json_of(&stage.run(line).await.with(0).stdout);
        assert_eq!(
            (&listed[0]["version"], &listed[0]["note"]),
            (&4.into(), &Value::Null),
            "{line}"
        );
    }
    let asks = stage.run("baseline clear default").await.with(2);
    assert!(asks.stderr.contains("nobody can be asked"), "{asks:?}");
    assert!(stage.drift.clears.lock().expect("a lock").is_empty());
    let cleared = stage.run("baseline clear golden -y").await.with(0);
    assert_eq!(cleared.stdout, "golden is no baseline any more; it was at version 4\n");
    assert_eq!(stage.drift.clears.lock().expect("a lock")[0].name, "golden");
    let none = open(Pictures::default()).await.run("baseline ls").await.with(0);
    assert!(none.stderr.contains("no baselines yet"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_is_explicit_and_has_a_reason() {
    let stage = open(Pictures { baselines: vec![baseline(5)], ..Pictures::default() }).await;
    for (arguments, words) in [
        ("d-0000000000000001", "--note"),
        ("--note why", "<FINDINGS>"),
        ("--all d-0000000000000001 --note why", "--all"),
        ("d-1 --note why", "d-1"),
        ("--all --note why", "nobody can be asked"),
    ] {
        let ended = stage.run(&format!("baseline accept {arguments}")).await.with(2);
        assert!(ended.stderr.contains(words), "{arguments}: {ended:?}");
    }
    let mut silent = stage.command(["baseline", "accept", "--all", "-y", "--note", " "]);
    assert_eq!(silent.output().await.expect("ended").status.code(), Some(2));
    assert!(stage.drift.accepts.lock().expect("a lock").is_empty(), "nothing was accepted");

    let line = "baseline accept d-0000000000000001 d-0000000000000002 --note why --expected 4";
    stage.run(line).await.with(0);
    stage.run("baseline accept --all -y --note why --baseline golden").await.with(0);
    let accepts = taken(&stage.drift.accepts);
    let [some, all] = accepts.as_slice() else { panic!("{accepts:?}") };
    assert_eq!(some.findings, ["d-0000000000000001", "d-0000000000000002"]);
    assert_eq!(
        (&*some.baseline, some.all, &*some.note, some.expected),
        ("default", false, "why", 4)
    );
    assert_eq!((&*all.baseline, all.all, all.findings.len(), all.expected), ("golden", true, 0, 0));

    let refuses = Problem::new(Code::Conflict, "default is at version 6");
    let stage = open(Pictures { refuses: Some(refuses), ..Pictures::default() }).await;
    let ended = stage.run("baseline accept --all -y --note why").await.with(1);
    assert!(ended.stderr.contains("default is at version 6"), "{ended:?}");
    assert_eq!(stage.drift.accepts.lock().expect("a lock").len(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_a_failure_that_says_where() {
    let good = wire::VerifySnapshotsResponse {
        snapshots: 2,
        nodes: 40,
        bytes: 1 << 20,
        ..wire::VerifySnapshotsResponse::default()
    };
    let stage = open(Pictures { verified: good.clone(), ..Pictures::default() }).await;
    let ended = stage.run("snapshot verify release").await.with(0);
    assert_eq!(ended.stdout, "2 snapshots, 40 nodes, 1.0 MiB read: everything is what it was\n");
    assert_eq!(stage.drift.verifies.lock().expect("a lock")[0].snapshot, "release");
    let damage = wire::Damage {
        host: "web-01".to_owned(),
        digest: vec![1; 32],
        problem: "it is missing".to_owned(),
        ..wire::Damage::default()
    };
    let bad = wire::VerifySnapshotsResponse { damage: vec![damage], asked: 1, ..good };
    let stage = open(Pictures { verified: bad, ..Pictures::default() }).await;
    let told = json_of(&stage.run("snapshot verify -o json").await.with(1).stdout);
    assert_eq!(
        (&told["damage"][0]["host"], &told["damage"][0]["snapshot"]),
        (&"web-01".into(), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_compared_and_removed() {
    let change = json!({
        "key": "package/host/openssl",
        "after": { "key": "package/host/openssl", "name": "openssl" },
    });
    let piece = |name: &str| wire::HostChanges {
        host: format!("h-{name}"),
        name: name.to_owned(),
        what: "changed".to_owned(),
        changes: vec![change.to_string()],
        left_out: 0,
    };
    let changes = vec![piece("web-01"), piece("web-01"), piece("web-02")];
    let stage = open(Pictures { changes, ..Pictures::default() }).await;
    let told = stage.run("snapshot diff old new --host web-01 --limit 9 -o json").await.with(0);
    let told = json_of(&told.stdout);
    assert_eq!(told.as_array().expect("a list").len(), 2);
    assert_eq!(told[0]["changes"].as_array().expect("a list").len(), 2);
    let table = stage.run("snapshot diff old").await.with(0).stdout;
    let created = "  package/host/openssl created\n";
    assert_eq!(table, format!("web-01\n{created}{created}web-02\n{created}"));
    let diffs = taken(&stage.drift.diffs);
    let (first, second) = (&diffs[0], &diffs[1]);
    assert_eq!(
        (&*first.before, &*first.after, &*first.host, first.limit),
        ("old", "new", "web-01", 9)
    );
    assert_eq!((&*second.after, &*second.host, second.limit), ("", "", 10_000));
    let same = open(Pictures::default()).await.run("snapshot diff old new").await.with(0);
    assert!(same.stderr.contains("nothing is different"), "{same:?}");

    let asks = stage.run("snapshot rm old").await.with(2);
    assert!(asks.stderr.contains("nobody can be asked"), "{asks:?}");
    assert!(stage.drift.removals.lock().expect("a lock").is_empty());
    assert_eq!(stage.run("snapshot rm old -y").await.with(0).stdout, "old is removed\n");
    assert_eq!(stage.drift.removals.lock().expect("a lock").as_slice(), ["old"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn watched_baselines_are_told_and_a_refusal_ends_it() {
    for line in ["baseline ls --watch -o jsonl", "baseline show default --watch -o jsonl"] {
        let stage = open(Pictures { baselines: vec![baseline(3)], ..Pictures::default() }).await;
        let mut child = stage.command(line.split_whitespace()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let told = timeout(Duration::from_secs(60), lines.next_line()).await.expect("in time");
        let told = json_of(&told.expect("read").expect("a line"));
        assert_eq!(told["version"], 3, "{line}");
        child.kill().await.expect("killed");
    }
    let refuses = Problem::new(Code::NotFound, "there is no baseline \"x\"");
    let stage = open(Pictures { refuses: Some(refuses), ..Pictures::default() }).await;
    let ended = stage.run("baseline show x --watch").await.with(1);
    assert!(ended.stderr.contains("there is no baseline"), "{ended:?}");
}
