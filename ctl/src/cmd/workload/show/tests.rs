use tamer_proto::wire;

use super::super::list::tests::{placement, text};
use super::*;

pub(in crate::cmd::workload) fn view() -> wire::WorkloadView {
    wire::WorkloadView {
        row: Some(wire::WorkloadRow {
            name: "web".to_owned(),
            owner: "admin".to_owned(),
            provider: "docker".to_owned(),
            version: 4,
            copies: Some(wire::CopyCounts {
                wanted: 3,
                running: 2,
                well: 1,
                starting: 1,
                unplaced: 1,
                ..wire::CopyCounts::default()
            }),
            state: "updating".to_owned(),
            reason: "1 of 3 copies is replaced".to_owned(),
            changed_at: 1_000_000,
        }),
        document: r#"{"name":"web"}"#.to_owned(),
        template: 4,
        stable: Some(3),
        update: Some(wire::UpdateView {
            stage: "rolling".to_owned(),
            begun_at: 1_000_000,
            reason: String::new(),
            replaced: 1,
            total: 3,
        }),
        placements: vec![placement(0), placement(1)],
        unplaced: Some(wire::Unplaced {
            workload: "web".to_owned(),
            copies: 1,
            removed: vec![wire::Removed { constraint: "port 8080/tcp".to_owned(), hosts: 2 }],
            hosts: 2,
            remedies: vec!["free port 8080/tcp, or leave instance.ports[0].host out".to_owned()],
            since: 1_000_000,
        }),
        created_at: 500_000,
    }
}

#[test]
fn a_workload_fits_the_terminal() {
    let view = WorkloadDetail::try_from(view()).expect("a view");
    let lines = lines(&view, Time::of(1_090_000), false, Some(80));
    insta::assert_snapshot!(text(&lines, 80), @r#"
    Workload:  web
    State:     updating
    Why:       1 of 3 copies is replaced
    Copies:    1 of 3 well, 1 starting, 1 without a host
    Version:   4; all copies were well with 3
    Update:    rolling, 1 of 3 replaced, begun 1m ago
    Provider:  docker
    Owner:     admin
    Changed:   1970-01-01T00:16:40.000Z  (1m ago)
    Created:   1970-01-01T00:08:20.000Z  (9m ago)

    1 copy of web without a host, since 1970-01-01T00:16:40.000Z
      of 2 hosts, removed by: port 8080/tcp (2)
      to change: free port 8080/tcp, or leave instance.ports[0].host out

    COPY  HOST    STATE  VERSION  AGE  WHY
    0     web-01  well   3        1m   a copy was missing
    1     web-01  well   3        1m   a copy was missing
    "#);
}

#[test]
fn the_contract_holds() {
    let view = WorkloadDetail::try_from(view()).expect("a view");
    let json = serde_json::to_value(&view).expect("json");
    let keys: Vec<_> = json.as_object().expect("a map").keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "changed_at",
            "copies",
            "created_at",
            "owner",
            "placements",
            "provider",
            "reason",
            "spec",
            "stable",
            "state",
            "template",
            "unplaced",
            "update",
            "version",
            "workload",
        ]
    );
    insta::assert_snapshot!(serde_json::to_string(&json["placements"][0]).expect("json"), @r#"
    {"cause":"a copy was missing","host":"h-0123456789abcdef","host_name":"web-01","host_state":"ready","index":0,"made_at":"1970-01-01T00:16:40.000Z","placement":"p-0000000000000000","replaces":null,"score":{"fitting":3,"hosts":5,"points":612},"status":{"exit_code":null,"healthy":true,"instance":"3f4a","phase":"running","reason":null,"restarts":0,"since":"1970-01-01T00:16:40.000Z"},"stopping":null,"template":3,"workload":"web"}
    "#);
    insta::assert_snapshot!(serde_json::to_string(&json["copies"]).expect("json"), @r#"
    {"completed":0,"failed":0,"former":0,"running":2,"starting":1,"stopping":0,"unknown":0,"unplaced":1,"wanted":3,"well":1}
    "#);
    assert_eq!(
        (&json["spec"]["name"], &json["update"]["stage"]),
        (&"web".into(), &"rolling".into())
    );
}

#[test]
fn a_view_without_its_row_is_a_problem() {
    let bare = wire::WorkloadView { row: None, ..view() };
    let problem = WorkloadDetail::try_from(bare).expect_err("no row");
    assert_eq!(problem.field.as_deref(), Some("workload.row"));
}
