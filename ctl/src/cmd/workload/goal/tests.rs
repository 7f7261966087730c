use tamer_proto::wire;

use super::super::show::tests::view;
use super::*;

fn goal(until: Until) -> Goal {
    Goal { workload: "web".to_owned(), version: 4, until }
}

/// How a goal is judged of a workload in this state with so many copies well of three.
fn judged(until: Until, state: &str, well: u32, version: u32) -> Option<Outcome> {
    let mut view = view();
    let row = view.row.as_mut().expect("a row");
    (row.state, row.version) = (state.to_owned(), version);
    row.copies = Some(wire::CopyCounts { wanted: 3, running: well, well, ..Default::default() });
    view.update = None;
    judge(&goal(until), &view.try_into().expect("a view"))
}

#[test]
fn a_workload_is_well_when_all_of_it_is() {
    let well = |state: &str, well| judged(Until::Well, state, well, 4).map(|one| one.outcome);
    assert_eq!(well("running", 3), Some("well"));
    assert_eq!(well("running", 2), None, "what is told may lag behind");
    assert_eq!(well("done", 0), Some("well"));
    assert_eq!(well("stopped", 0), Some("stopped"));
    assert_eq!(well("failed", 3), Some("failed"));
    assert_eq!(well("removing", 3), Some("superseded"));
    for state in ["pending", "updating", "degraded", "a word of tomorrow"] {
        assert_eq!(well(state, 3), None, "{state}");
    }
}

#[test]
fn a_copy_too_many_is_waited_for() {
    for (running, stopping, wanted) in [(4, 0, None), (3, 1, None), (3, 0, Some("well"))] {
        let mut view = view();
        let row = view.row.as_mut().expect("a row");
        row.state = "running".to_owned();
        let copies =
            wire::CopyCounts { wanted: 3, well: 3, running, stopping, ..Default::default() };
        row.copies = Some(copies);
        view.update = None;
        let outcome = judge(&goal(Until::Well), &view.try_into().expect("a view"));
        assert_eq!(outcome.map(|one| one.outcome), wanted, "{running} run, {stopping} stop");
    }
}

#[test]
fn a_later_version_is_somebody_elses() {
    let outcome = judged(Until::Well, "running", 3, 5).expect("it is over");
    assert_eq!(outcome.outcome, "superseded");
    assert_eq!(judged(Until::Well, "running", 3, 3).map(|one| one.outcome), Some("well"));
}

#[test]
fn a_failed_update_is_told_with_its_reason() {
    let mut failed = view();
    let update = failed.update.as_mut().expect("an update");
    (update.stage, update.reason) = ("failed".to_owned(), "web/0 on a: exited with 1".to_owned());
    let failed = failed.try_into().expect("a view");
    let outcome = judge(&goal(Until::Well), &failed).expect("it is over");
    assert_eq!(
        (outcome.outcome, outcome.reason.as_deref()),
        ("failed", Some("web/0 on a: exited with 1"))
    );
    assert_eq!(judge(&goal(Until::Stopped), &failed), None);
    let outcomes = [outcome, Outcome::new(&goal(Until::Well), "well", None)];
    let texts: Vec<_> = lines(&outcomes).iter().map(Line::text).collect();
    assert_eq!(texts, ["web failed: web/0 on a: exited with 1", "web is as it should be"]);
    assert!(ended(&outcomes).is_err() && ended(&outcomes[1..]).is_ok());
}

#[test]
fn a_stop_is_over_when_nothing_runs() {
    let stopped = |state: &str, well| judged(Until::Stopped, state, well, 4).map(|one| one.outcome);
    assert_eq!(stopped("stopped", 0), Some("stopped"));
    assert_eq!(stopped("stopped", 1), None);
    assert_eq!(stopped("running", 0), None);
    assert_eq!(judged(Until::Gone, "removing", 0, 4), None, "it is still there");
}

#[test]
fn the_line_tells_how_far_it_is() {
    let shown = stand(&view().try_into().expect("a view"));
    insta::assert_snapshot!(shown, @r#"
    web: rolling, 1 of 3 replaced; 1 of 3 well, 1 starting, 1 without a host (1 of 3 copies is replaced)
    "#);
}
