use tamer_proto::wire;

use super::*;
use crate::output::width;

fn workload(name: &str, state: &str, reason: &str, copies: Copies) -> Workload {
    Workload {
        workload: name.to_owned(),
        state: state.to_owned(),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        copies,
        version: 3,
        provider: "docker".to_owned(),
        owner: "admin".to_owned(),
        changed_at: Time::of(1_000_000),
    }
}

pub(in crate::cmd::workload) fn text(lines: &[Line], columns: usize) -> String {
    let texts: Vec<_> = lines.iter().map(Line::text).collect();
    assert_eq!(texts.iter().find(|text| width::of(text) > columns), None, "it fits");
    texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n")
}

/// A placement that runs well on `web-01`.
pub(in crate::cmd::workload) fn placement(index: u32) -> wire::PlacementView {
    wire::PlacementView {
        id: format!("p-{index:016}"),
        workload: "web".to_owned(),
        index,
        template: 3,
        host: "h-0123456789abcdef".to_owned(),
        host_name: "web-01".to_owned(),
        host_state: "ready".to_owned(),
        made_at: 1_000_000,
        cause: "a copy was missing".to_owned(),
        score: Some(wire::Score { points: 612, fitting: 3, hosts: 5 }),
        status: Some(wire::PlacementStatus {
            phase: "running".to_owned(),
            healthy: Some(true),
            since: 1_000_000,
            instance: "3f4a".to_owned(),
            ..wire::PlacementStatus::default()
        }),
        ..wire::PlacementView::default()
    }
}

#[test]
fn workloads_fit_the_terminal() {
    let copies = |wanted, well| Copies { wanted, running: well, well, ..Copies::default() };
    let workloads = [
        workload("web", "running", "", copies(3, 3)),
        workload(
            "db",
            "degraded",
            "2 copies have no host: 3 of 5 hosts were removed by zone in (a,b)",
            Copies { unplaced: 1, failed: 1, ..copies(3, 1) },
        ),
        workload(
            "shop",
            "updating",
            "1 of 3 are replaced and well",
            Copies { former: 2, ..copies(3, 1) },
        ),
        workload("thumbnails", "done", "", Copies { completed: 10, ..Copies::default() }),
        workload("old\u{7}", "removing", "", Copies { stopping: 2, ..Copies::default() }),
    ];
    let lines = table(&workloads, Time::of(1_090_000), false, Some(80));
    insta::assert_snapshot!(text(&lines, 80), @r#"
    NAME        STATE     COPIES                    CHANGED  WHY
    web         running   3 of 3 well               1m       -
    db          degraded  1 of 3 well, 1 failed, …  1m       2 copies have no host:…
    shop        updating  1 of 3 well, 2 to be re…  1m       1 of 3 are replaced an…
    thumbnails  done      10 completed, 0 running   1m       -
    old\x07     removing  0 of 0 well, 2 stopping   1m       -
    "#);
}

#[test]
fn placements_fit_the_terminal() {
    let status = |phase: &str, healthy, reason: &str| {
        Some(wire::PlacementStatus {
            phase: phase.to_owned(),
            healthy,
            reason: reason.to_owned(),
            ..wire::PlacementStatus::default()
        })
    };
    let lost = wire::PlacementView {
        host_name: "web-02".to_owned(),
        host_state: "lost".to_owned(),
        ..placement(1)
    };
    let stopping = wire::PlacementView {
        stopping: "an update replaces it".to_owned(),
        status: status("stopping", None, "asked to stop"),
        ..placement(2)
    };
    let waiting = wire::PlacementView {
        status: status("waiting", None, "exited with 1; started again in 8s"),
        ..placement(3)
    };
    let unwell = wire::PlacementView {
        status: status("running", Some(false), "GET / answered 500"),
        ..placement(4)
    };
    let new = wire::PlacementView { status: None, ..placement(5) };
    let all = [placement(0), lost, stopping, waiting, unwell, new].map(Placement::from);
    let lines = placements(&all, false, Time::of(1_090_000), false, Some(80));
    insta::assert_snapshot!(text(&lines, 80), @r#"
    COPY  HOST           STATE             VERSION  AGE  WHY
    0     web-01         well              3        1m   a copy was missing
    1     web-02 (lost)  well?             3        1m   a copy was missing
    2     web-01         stopping          3        1m   to stop: an update replace…
    3     web-01         waiting           3        1m   exited with 1; started aga…
    4     web-01         unwell            3        1m   GET / answered 500
    5     web-01         told to its host  3        1m   a copy was missing
    "#);
    let wide = placements(&all[..1], true, Time::of(1_090_000), true, None);
    insta::assert_snapshot!(text(&wide, 400), @r#"
    WORKLOAD  HOST    STATE  VERSION  AGE  WHY                 PLACEMENT           RESTARTS  INSTANCE  SCORE  HOST ID
    web/0     web-01  well   3        1m   a copy was missing  p-0000000000000000  0         3f4a      612    h-0123456789abcdef
    "#);
}
