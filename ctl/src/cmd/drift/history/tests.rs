use serde_json::json;

use super::*;
use crate::cmd::drift::table::tests::{HOSTILE, text};
use crate::contract::Time;

fn changes(changes: &serde_json::Value) -> Vec<DeltaChange> {
    serde_json::from_value(changes.clone()).expect("changes")
}

fn entry() -> HistoryEntry {
    HistoryEntry {
        at: Time::of(1_000),
        host: "h-0000000000000001".to_owned(),
        checksum: None,
        changed: 0,
        changes: Vec::new(),
        gap: None,
        began: false,
        origin: None,
    }
}

#[test]
fn a_history_fits_the_terminal() {
    let resource = |version: &str| json!({ "key": "package/host/openssl", "name": "openssl", "properties": { "version": version } });
    let (old, key) = (resource("3.0.1"), "package/host/openssl");
    let fields = json!([{ "path": "version", "before": "3.0.1", "after": HOSTILE }]);
    let steps = [
        HistoryEntry {
            changed: 3,
            changes: changes(&json!([
                { "key": key, "what": { "changed": fields } },
                { "key": key, "what": { "created": old } },
                { "key": key, "what": { "deleted": old } },
            ])),
            origin: Some("batch b-0123456789abcdef".to_owned()),
            ..entry()
        },
        HistoryEntry {
            changed: 212,
            changes: changes(&json!(vec![json!({ "key": key, "what": { "created": old } }); 12])),
            gap: Some(Unwatched {
                from: Time::of(0),
                to: Time::of(900),
                why: "the agent did not run".to_owned(),
                changed: 1,
            }),
            ..entry()
        },
        HistoryEntry { began: true, changed: 1_466, ..entry() },
    ];
    let lines: Vec<_> = steps.iter().flat_map(|one| step(one, false, Some(80))).collect();
    insta::assert_snapshot!(text(&lines, 80), @r#"
    1970-01-01T00:00:01.000Z  3 changes, while ours ran: batch b-0123456789abcdef
      package/host/openssl changed: version 3.0.1 → evil [2J\u{202e} # owned |
      <script>
      package/host/openssl created
      package/host/openssl deleted
    1970-01-01T00:00:01.000Z  212 changes
      package/host/openssl created
      package/host/openssl created
      package/host/openssl created
      package/host/openssl created
      package/host/openssl created
      package/host/openssl created
      package/host/openssl created
      package/host/openssl created
      package/host/openssl created
      package/host/openssl created
      and 202 more
      not observed from 1970-01-01T00:00:00.000Z to 1970-01-01T00:00:00.900Z: the
      agent did not run; 1 resource changed inside
    1970-01-01T00:00:01.000Z  begins with 1466 resources; before it nothing is known
    "#);
    let of_one: Vec<_> = step(&steps[1], true, Some(80)).iter().map(Line::text).collect();
    assert_eq!(of_one[0], "1970-01-01T00:00:01.000Z  one of 212 changes");
    assert!(of_one.iter().all(|line| !line.contains("more")), "{of_one:?}");
}
