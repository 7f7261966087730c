use serde_json::json;

use super::super::list::tests::{snapshot, text};
use super::*;

#[test]
fn a_snapshot_fits_the_terminal() {
    let host = |name: &str, incomplete: &[&str]| SnapshotHost {
        host: "h-0000000000000001".to_owned(),
        name: name.to_owned(),
        checksum: "cd".repeat(32),
        at: Time::of(1_000_000),
        resources: 4_321,
        incomplete: incomplete.iter().map(ToString::to_string).collect(),
    };
    let detail = SnapshotDetail {
        snapshot: Snapshot {
            missing: 30,
            incomplete: 1,
            baselines: vec!["default".to_owned()],
            imported: true,
            selector: Some("role=web".to_owned()),
            ..snapshot(1, "evil\u{1b}[2J")
        },
        members: vec![host("web-01", &[]), host("web-02", &["packages", "docker"])],
        missing_hosts: (0..25).map(|number| format!("db-{number:02}")).collect(),
    };
    let shown = lines(&detail, Time::of(1_090_000), false, Some(80));
    insta::assert_snapshot!(text(&shown, 80), @r#"
    Snapshot:    s-0000000000000001
    Name:        evil\x1b[2J
    Taken:       1970-01-01T00:16:40.000Z  (1m ago) by admin
    Hosts:       12, and nothing is known of 30 more, 1 of them not seen whole
    Resources:   34567
    Oldest:      1970-01-01T00:16:30.000Z  (1m ago)
    Scanned in:  2.5 s at most
    Checksum:    abababababababababababababababababababababababababababababababab
    Selector:    role=web
    Baselines:   default
    Imported:    yes
    Nothing is known of: db-00, db-01, db-02, db-03, db-04, db-05, db-06, db-07,
                         db-08, db-09, db-10, db-11, db-12, db-13, db-14, db-15,
                         db-16, db-17, db-18, db-19 and 10 more

    HOST    SEEN    RESOURCES  NOT SEEN WHOLE
    web-01  1m ago  4321       -
    web-02  1m ago  4321       packages, docker
    "#);
}

#[test]
fn what_a_host_held_fits_the_terminal() {
    let mut picture = HostPicture {
        snapshot: "s-0000000000000001".to_owned(),
        host: "web-01".to_owned(),
        resources: Vec::new(),
    };
    let resource = |key: &str, name: &str| {
        json!({ "key": key, "name": name, "properties": { "version": "3.0.1", "held": true } })
            .to_string()
    };
    let documents = [
        resource("package/host/openssl:amd64", "openssl"),
        resource(&format!("file/host//etc/{}", "long/".repeat(30)), "evil\u{1b}[2J"),
    ];
    picture.add(&documents).expect("resources");
    insta::assert_snapshot!(text(&resources(&picture, false, Some(80)), 80), @r#"
    KIND     SOURCE  ID                                                  NAME
    package  host    openssl:amd64                                       openssl
    file     host    /etc/long/long/long/long/long/long/long/long/long…  evil\x1b[2J
    "#);
    let wide = text(&resources(&picture, true, None), 400);
    assert!(wide.contains("held=true version=3.0.1"), "{wide}");
    let problem = picture.add(&["{}".to_owned()]).expect_err("no resource");
    assert_eq!(problem.code, tamer_model::Code::VersionUnsupported);
    assert!(problem.message.starts_with("a resource of web-01 cannot be read"), "{problem:?}");
}
