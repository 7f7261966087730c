use super::*;
use crate::output::width;

/// A snapshot of twelve hosts.
pub(in crate::cmd::snapshot) fn snapshot(number: u32, name: &str) -> Snapshot {
    Snapshot {
        snapshot: format!("s-{number:016}"),
        name: (!name.is_empty()).then(|| name.to_owned()),
        tags: std::collections::BTreeMap::new(),
        at: Time::of(1_000_000),
        by: "admin".to_owned(),
        selector: None,
        checksum: "ab".repeat(32),
        hosts: 12,
        resources: 34_567,
        missing: 0,
        incomplete: 0,
        took_ms: 2_500,
        oldest_at: Some(Time::of(990_000)),
        imported: false,
        baselines: Vec::new(),
    }
}

/// The lines as a terminal of so many columns shows them.
pub(in crate::cmd::snapshot) fn text(lines: &[Line], columns: usize) -> String {
    let texts: Vec<_> = lines.iter().map(Line::text).collect();
    assert_eq!(texts.iter().find(|text| width::of(text) > columns), None, "it fits");
    texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n")
}

#[test]
fn snapshots_fit_the_terminal() {
    let tags = [("commit", "1f2e3d4c5b6a"), ("env", "prod\u{1b}[2J")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let snapshots = [
        Snapshot { tags, missing: 3, ..snapshot(2, "release-2026-11-21-of-the-shop") },
        snapshot(1, ""),
    ];
    let lines = table(&snapshots, Time::of(1_090_000), false, Some(80));
    insta::assert_snapshot!(text(&lines, 80), @r#"
    SNAPSHOT            NAME                    AGE  HOSTS     TAGS
    s-0000000000000002  release-2026-11-21-of…  1m   12 of 15  commit=1f2e3d4c5b6a,…
    s-0000000000000001  -                       1m   12        -
    "#);
}
