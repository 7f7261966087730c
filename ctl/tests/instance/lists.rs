//! What the fleet knows, once and as it changes.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tamer_model::{Code, Problem};
use tamer_proto::wire;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::play::{Play, instance};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_follows_its_pages() {
    let mut instances: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| instance("web", name)).into();
    (instances[4].stale, instances[4].host_state) = (true, "lost".to_owned());
    let stage = Stage::open(Play { instances, ..Play::default() }).await;
    let shown = stage.run("instance ls --state running -l os=linux").await.with(0);
    insta::assert_snapshot!(shown.stdout, @r"
    NAME  HOST  PROVIDER  STATE     IMAGE    AGE  ID
    a     web   docker    running   busybox  -    i-web-a
    b     web   docker    running   busybox  -    i-web-b
    c     web   docker    running   busybox  -    i-web-c
    d     web   docker    running   busybox  -    i-web-d
    e     web   docker    running?  busybox  -    i-web-e
    ");
    let json = stage.run("instance ls -o json").await.with(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json.as_array().map(Vec::len), Some(5));
    assert_eq!((&json[4]["state"], &json[4]["stale"]), (&"running".into(), &true.into()));
    let lists = stage.asked.lists.lock().expect("a lock");
    let selection = lists[0].selection.clone().expect("a selection");
    assert_eq!((&*selection.hosts, &*selection.instances), ("os=linux", "state=running"));
    assert_eq!(lists.len(), 6, "three pages, twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_in_a_pipe_tells_changes() {
    let watch = |_| {
        use wire::instance_event::Event;
        let events = [
            Event::Put(instance("web", "a")),
            Event::Snapshotted(wire::Snapshotted {}),
            Event::Gone("i-web-a".to_owned()),
        ];
        let events = events.map(|event| Ok(wire::InstanceEvent { event: Some(event) }));
        stream::iter(events).chain(stream::pending()).boxed()
    };
    let stage = Stage::open(Play { watch: Box::new(watch), ..Play::default() }).await;
    for (format, lines) in [
        ("table", ["web/a  docker  running  i-web-a", "web/a  docker  gone  i-web-a"]),
        ("json", [r#"{"event":"put","instance":{"id":"i-web-a""#, r#"{"event":"gone""#]),
    ] {
        let mut command = stage.command(["instance", "ls", "--watch", "-o", format]);
        let mut child = command.spawn().expect("starts");
        let stdout = child.stdout.take().expect("piped");
        let mut told = BufReader::new(stdout).lines();
        for line in lines {
            let next = tokio::time::timeout(Duration::from_secs(60), told.next_line()).await;
            let next = next.expect("in time").expect("reads").expect("a line");
            assert!(next.starts_with(line), "{next}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_shown_with_the_technologys_own_words() {
    let describe = wire::DescribeInstanceResponse {
        instance: Some(instance("web", "a")),
        detail: Some(wire::InstanceDetail {
            instance: None,
            json: r#"{"Z": 1, "A": {"b": [true]}}"#.to_owned(),
            checkpoints: vec![wire::Checkpoint {
                name: "before".to_owned(),
                kind: "full".to_owned(),
                created_at: None,
                size_bytes: Some(2048),
            }],
        }),
        problem: None,
    };
    let stage = Stage::open(Play { describe: Some(describe), ..Play::default() }).await;
    let raw = stage.run("instance show a --raw").await.with(0).stdout;
    assert_eq!(raw, "{\"Z\": 1, \"A\": {\"b\": [true]}}\n", "as it came");
    let json = stage.run("instance show a -o json").await.with(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json["raw"]["A"]["b"][0], true);
    assert_eq!(json["native"], "native-a");
    let table = stage.run("instance show a").await.with(0).stdout;
    assert!(table.contains("before") && table.contains("2.0 KiB"), "{table}");
    let listed = stage.run("instance checkpoint ls a").await.with(0).stdout;
    assert!(listed.contains("before"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_cannot_be_asked_is_still_shown() {
    let describe = wire::DescribeInstanceResponse {
        instance: Some(instance("web", "a")),
        detail: None,
        problem: Some(Problem::new(Code::Unreachable, "its host is lost").into()),
    };
    let stage = Stage::open(Play { describe: Some(describe), ..Play::default() }).await;
    let table = stage.run("instance show a").await.with(0).stdout;
    assert!(table.contains("its host is lost"), "{table}");
    for line in ["instance show a --raw", "instance checkpoint ls a"] {
        stage.run(line).await.with(3);
    }
}
