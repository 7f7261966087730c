//! Rules about what nobody wants to hear of: tried, written, proposed and adopted.

use serde_json::{Value, json};

use crate::pictures::{Pictures, taken};
use crate::play::Play;
use crate::stage::Stage;

const RULE: &str = r#"{"name":"clocks","kind":["system"],"path":"properties.clock","reason":"they tick","by":"admin"}"#;

fn pictures() -> Pictures {
    let replay = json!({
        "rule": "clocks", "comparisons": 5, "changes": 312, "fields": 0,
        "severities": { "high": 2, "low": 310 }, "findings": 1, "examples": ["a clock moved"],
        "words": "This would have hidden 312 changes, 2 of severity high, in 5 comparisons.",
    });
    let rule: Value = serde_json::from_str(RULE).expect("json");
    let proposals = json!([{
        "rule": rule, "hosts": 12, "resources": 3, "changes": 312, "flips": 150, "per_day": 40,
        "severity": "low", "example": "host", "first": 1_000, "last": 2_000, "confidence": 95,
        "words": "It flips.",
    }]);
    Pictures {
        rules: vec![RULE.to_owned()],
        replay: replay.to_string(),
        proposals: proposals.to_string(),
        ..Pictures::default()
    }
}

async fn open(pictures: Pictures) -> Stage {
    Stage::open(Play { pictures, ..Play::default() }).await
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("json")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_tried_then_written_and_removed() {
    let stage = open(pictures()).await;
    let flags = "clocks --reason tick --kind system --kind job --change changed --source host \
                 --resource ntp* --path properties.clock -l role=web --origin unknown";
    let line = format!("drift rule try {flags} --since 2023-11-14T22:13:20Z");
    let told = stage.run(&line).await.with(0).stdout;
    assert!(told.contains("2 of severity high"), "{told}");
    assert!(told.ends_with("- a clock moved\n"), "{told}");
    let replays = taken(&stage.drift.replays);
    assert_eq!(replays[0].since, 1_700_000_000_000);
    let document = json!({
        "name": "clocks", "reason": "tick", "kind": ["system", "job"], "change": ["changed"],
        "source": "host", "resource": "ntp*", "path": "properties.clock", "hosts": "role=web",
        "origin": "unknown",
    });
    assert_eq!(json_of(&replays[0].document), document);
    assert!(taken(&stage.drift.puts).is_empty(), "trying changes nothing");

    let written = stage.run("drift rule add clocks --reason tick --kind system --for 7d -o json");
    let written = json_of(&written.await.with(0).stdout);
    assert_eq!(
        (&written["name"], &written["path"]),
        (&"clocks".into(), &"properties.clock".into())
    );
    let put = json_of(&taken(&stage.drift.puts)[0]);
    assert!(put["until"].as_u64().expect("a time") > 1_700_000_000_000, "{put}");
    assert_eq!(put.get("by"), None, "the coordinator says whose it is");
    let listed = stage.run("drift rule ls").await.with(0).stdout;
    assert!(listed.contains("kind=system path=properties.clock"), "{listed}");
    let removed = stage.run("drift rule rm clocks").await.with(0).stdout;
    assert_eq!(removed, "clocks hides nothing any more\n");
    for bad in ["add clocks", "add clocks --reason x --kind y", "add a/b --reason x --kind port"] {
        stage.run(&format!("drift rule {bad}")).await.with(2);
    }
    assert!(taken(&stage.drift.puts).is_empty(), "nothing was asked");
    let none = open(Pictures::default()).await.run("drift rule ls").await.with(0);
    assert!(none.stderr.contains("no rules hide anything"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_adopted_as_it_is_after_its_replay() {
    let stage = open(pictures()).await;
    let told = stage.run("drift noise --since 7d").await.with(0).stdout;
    assert!(told.contains("clocks: It flips.\n"), "{told}");
    let unknown = stage.run("drift noise --adopt other -y").await.with(1);
    assert!(unknown.stderr.contains("no proposal is named other"), "{unknown:?}");
    let asks = stage.run("drift noise --adopt clocks").await.with(2);
    assert!(asks.stderr.contains("nobody can be asked"), "{asks:?}");
    assert!(taken(&stage.drift.puts).is_empty(), "nothing was adopted");
    let adopted = stage.run("drift noise --adopt clocks -y").await.with(0);
    assert!(adopted.stderr.contains("2 of severity high"), "told first: {adopted:?}");
    assert_eq!(adopted.stdout, "clocks hides kind=system path=properties.clock from now on\n");
    let puts = taken(&stage.drift.puts);
    assert_eq!(json_of(&puts[0]), json_of(RULE));
    let replays = taken(&stage.drift.replays);
    assert_eq!(replays.last().map(|one| &one.document), puts.first(), "what was tried");
}
