//! Drift as time goes by: what hosts were, alarms, and findings that are set aside.

use std::time::Duration;

use serde_json::{Value, json};
use tamer_proto::wire;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::pictures::{Pictures, taken};
use crate::play::Play;
use crate::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(60);

async fn open(pictures: Pictures) -> Stage {
    Stage::open(Play { pictures, ..Play::default() }).await
}

fn entry(at: u64, changes: Vec<String>) -> wire::HistoryEntry {
    wire::HistoryEntry {
        at,
        host: "h-0000000000000001".to_owned(),
        root: vec![1; 32],
        changed: u32::try_from(changes.len()).expect("few"),
        changes,
        ..wire::HistoryEntry::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_read_from_all_pages_up_to_a_limit() {
    let fields = json!([{ "path": "version", "before": "3.0.1", "after": "3.0.2" }]);
    let change = json!({ "key": "package/host/openssl", "what": { "changed": fields } });
    let history = (1..=5).rev().map(|at| entry(at * 1_000, vec![change.to_string()])).collect();
    let stage = open(Pictures { history, ..Pictures::default() }).await;
    let line =
        "drift history web-01 package/openssl --since 2023-11-14T22:13:20Z --limit 3 -o json";
    let steps: Value = serde_json::from_str(&stage.run(line).await.with(0).stdout).expect("json");
    let times: Vec<_> = steps.as_array().expect("a list").iter().map(|step| &step["at"]).collect();
    assert_eq!(times.len(), 3);
    assert_eq!(times[2], "1970-01-01T00:00:03.000Z");
    assert_eq!(steps[0]["changes"][0], change);
    let told = stage.run("drift history web-01").await.with(0).stdout;
    let line = "package/host/openssl changed: version 3.0.1 → 3.0.2";
    assert_eq!(told.matches(line).count(), 5, "{told}");
    let asked = taken(&stage.drift.histories);
    let first = &asked[0];
    assert_eq!(
        (&*first.host, &*first.resource, first.since, first.page_size),
        ("web-01", "package/openssl", 1_700_000_000_000, 3)
    );
    assert_eq!((&*asked[1].page_token, asked[1].page_size), ("2", 1));

    let bad = vec![entry(1_000, vec!["{}".to_owned()])];
    let stage = open(Pictures { history: bad, ..Pictures::default() }).await;
    let ended = stage.run("drift history web-01").await.with(3);
    assert!(ended.stderr.contains("a change cannot be read"), "{ended:?}");
    let none = open(Pictures::default()).await.run("drift history web-01").await.with(0);
    assert!(none.stderr.contains("nothing of this is known"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_a_change_of_the_set_also_after_a_lost_connection() {
    let alarm = |set: u8, new: &[&str], gone: &[&str], same| wire::DriftAlarm {
        set: vec![set; 32],
        new: new.iter().map(ToString::to_string).collect(),
        gone: gone.iter().map(ToString::to_string).collect(),
        same,
        at: 1_000,
        observed: true,
    };
    let alarms = vec![
        vec![alarm(1, &["d-1", "d-2"], &[], 0)],
        // The first of a connection tells all there is.
        vec![alarm(1, &["d-1", "d-2"], &[], 0), alarm(2, &["d-3"], &["d-1"], 1)],
        vec![alarm(3, &["d-2", "d-4"], &[], 0)],
    ];
    let stage = open(Pictures { alarms, ..Pictures::default() }).await;
    let line = ["drift", "watch", "-o", "json", "--severity", "high"];
    let mut child = stage.command(line).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut told = Vec::new();
    for _ in 0..3 {
        let line = timeout(PATIENCE, lines.next_line()).await.expect("in time");
        let alarm: Value =
            serde_json::from_str(&line.expect("read").expect("a line")).expect("json");
        told.push((alarm["new"].clone(), alarm["gone"].clone(), alarm["same"].clone()));
    }
    child.kill().await.expect("killed");
    assert_eq!(
        told,
        [
            (json!(["d-1", "d-2"]), json!([]), json!(0)),
            (json!(["d-3"]), json!(["d-1"]), json!(1)),
            (json!(["d-4"]), json!(["d-3"]), json!(1)),
        ]
    );
    let watches = taken(&stage.drift.watches);
    assert!(watches.iter().all(|one| one.severity == "high" && !one.acknowledged));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_set_aside_for_a_while_with_a_reason() {
    let stage = open(Pictures::default()).await;
    for bad in [
        "drift ack d-0000000000000001",
        "drift ack d-0000000000000001 --for 7d",
        "drift ack d-0000000000000001 --note why",
        "drift ack d-1 --for 7d --note why",
        "drift ack d-0000000000000001 --for soon --note why",
        "drift ack d-0000000000000001 --end --for 7d",
        "drift ack d-0000000000000001 --for 7d --note why -o html",
    ] {
        stage.run(bad).await.with(2);
    }
    assert!(stage.drift.asides.lock().expect("a lock").is_empty(), "nothing was asked");
    let ended = stage.run("drift ack d-0000000000000001 --for 7d --note why").await.with(0);
    assert!(ended.stdout.starts_with("d-0000000000000001 is set aside until 2"), "{ended:?}");
    let ended = stage.run("drift ack d-0000000000000001 --end").await.with(0);
    assert_eq!(ended.stdout, "d-0000000000000001 is set aside no more\n");
    let asides = taken(&stage.drift.asides);
    let [aside, end] = asides.as_slice() else { panic!("{asides:?}") };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let left = aside.until - now.as_millis() as u64;
    assert!((604_000_000..=604_800_000).contains(&left), "{left}");
    assert_eq!((&*aside.note, end.until), ("why", 0));
}
