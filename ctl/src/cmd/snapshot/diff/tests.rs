use serde_json::json;

use super::super::list::tests::text;
use super::*;

fn host(name: &str, what: &str, changes: &serde_json::Value) -> HostChanges {
    HostChanges {
        host: format!("h-{name}"),
        name: name.to_owned(),
        what: what.to_owned(),
        changes: serde_json::from_value(changes.clone()).expect("changes"),
        left_out: 0,
    }
}

#[test]
fn what_is_different_fits_the_terminal() {
    let resource = |version: &str| json!({ "key": "package/host/openssl", "name": "openssl", "properties": { "version": version } });
    let (old, new) =
        (resource("3.0.1"), resource("evil\u{1b}[2J that goes on for longer than a line"));
    let changed = json!([{ "key": "package/host/openssl", "before": old, "after": new }]);
    let mut shown = lines(&host("web-01", "changed", &changed), false, Some(80));
    let rest = HostChanges { left_out: 300, ..host("web-01", "changed", &changed) };
    shown.extend(lines(&rest, true, Some(80)));
    shown.extend(lines(&host("web-02\u{7}", "created", &json!([])), false, Some(80)));
    shown.extend(lines(&host("web-03", "deleted", &json!([])), false, Some(80)));
    insta::assert_snapshot!(text(&shown, 80), @r#"
    web-01
      package/host/openssl changed: version 3.0.1 → evil [2J that goes on for longer
      than a line
      package/host/openssl changed: version 3.0.1 → evil [2J that goes on for longer
      than a line
      300 more are not told: --host web-01, or a higher --limit
    web-02\x07  only in the later
    web-03  only in the earlier
    "#);
}

#[test]
fn the_pieces_of_a_host_are_one() {
    let one = json!([{ "key": "package/host/openssl" }]);
    let mut all = Vec::new();
    join(&mut all, host("a", "changed", &one));
    join(&mut all, HostChanges { left_out: 2, ..host("a", "changed", &one) });
    join(&mut all, host("b", "changed", &one));
    let told: Vec<_> =
        all.iter().map(|one| (&*one.name, one.changes.len(), one.left_out)).collect();
    assert_eq!(told, [("a", 2, 2), ("b", 1, 0)]);
}
