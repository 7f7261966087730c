use super::super::list::tests::text;
use super::*;

#[test]
fn damage_fits_the_terminal_and_is_counted() {
    let good = Verified {
        snapshots: 3,
        nodes: 1_200,
        bytes: 3 << 20,
        damage: Vec::new(),
        left_out: 0,
        asked: 0,
    };
    assert_eq!(
        text(&lines(&good, false, Some(80)), 80),
        "3 snapshots, 1200 nodes, 3.0 MiB read: everything is what it was"
    );
    let damage = |snapshot: Option<&str>, host: Option<&str>| Damage {
        snapshot: snapshot.map(str::to_owned),
        host: host.map(str::to_owned),
        digest: "ab".repeat(32),
        problem: "it does not hash to its name\u{1b}[2J".to_owned(),
    };
    let damage = vec![damage(None, Some("web-01")), damage(Some("s-0000000000000001"), None)];
    let bad = Verified { damage, left_out: 5, asked: 2, ..good };
    insta::assert_snapshot!(text(&lines(&bad, false, Some(80)), 80), @r#"
    3 snapshots, 1200 nodes, 3.0 MiB read: 7 damaged, and agents were asked for 2 of
    them

    SNAPSHOT            HOST    PROBLEM
    (current)           web-01  it does not hash to its name\x1b[2J
    s-0000000000000001  (all)   it does not hash to its name\x1b[2J
    and 5 more
    "#);
}
