//! What nobody looked at: told every time, and never "no drift".

use insta::assert_snapshot;
use tamer_drift::Kind;
use tamer_drift::finding::{Alarm, Gap, Incomplete, Verdict};

use crate::stage::{HOUR, Stage, after, package, resource, text, went};

fn dead_packages() -> Incomplete {
    Incomplete {
        source: "packages".to_owned(),
        kinds: [Kind::Package].into(),
        problem: "it took longer than 30 s".to_owned(),
    }
}

#[test]
fn no_drift_is_said_only_when_everything_was_seen() {
    let mut stage = Stage::new(3);
    assert_eq!(stage.report().verdict, Verdict::None);
    stage.host(2).incomplete.push(dead_packages());
    assert_eq!(stage.report().verdict, Verdict::NotObserved);
    stage.host(2).incomplete.clear();
    let why = "the agent did not run".to_owned();
    stage.host(2).gaps.push(Gap { window: after(HOUR), why, changed: Some(3) });
    assert_eq!(stage.report().verdict, Verdict::NotObserved);
    stage.put(&[1], HOUR, package("bash", "5.1", "5.2"));
    let report = stage.report();
    assert_eq!((report.verdict, report.summary.hosts_unobserved), (Verdict::Drift, 1));
}

#[test]
fn what_a_partial_scan_did_not_see_is_not_deleted() {
    let mut stage = Stage::new(2);
    let gone = || went(resource("package/host/bash", &[("version", text("5.1"))]));
    stage.put(&[1, 2], HOUR, gone());
    stage.put(&[1], HOUR, went(resource("service/host/cron.service", &[])));
    stage.host(1).incomplete.push(dead_packages());
    let why = "the agent did not run".to_owned();
    stage.host(2).gaps.push(Gap { window: after(HOUR), why, changed: Some(3) });
    assert_snapshot!(stage.told());
}

#[test]
fn a_provider_that_is_not_seen_whole_hides_what_is_its_own() {
    let mut stage = Stage::new(1);
    stage.put(&[1], HOUR, went(resource("volume/docker/data", &[])));
    stage.put(&[1], HOUR, went(resource("volume/podman/data", &[])));
    stage.host(1).incomplete.push(Incomplete {
        source: "docker".to_owned(),
        kinds: Default::default(),
        problem: "it does not answer".to_owned(),
    });
    let report = stage.report();
    let sources: Vec<_> = report.findings.iter().map(|one| one.source.as_str()).collect();
    assert_eq!((sources, report.summary.withheld), (vec!["podman"], 1));
}

#[test]
fn hosts_that_were_not_seen_are_no_exceptions() {
    let mut stage = Stage::new(5);
    stage.put(&[1, 2, 3], HOUR, package("bash", "5.1", "5.2"));
    stage.host(4).incomplete.push(dead_packages());
    let report = stage.report();
    let names: Vec<_> =
        report.findings[0].exceptions.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["web-5"]);
}

#[test]
fn what_is_gone_is_certain_only_when_all_was_seen() {
    let mut stage = Stage::new(1);
    stage.put(&[1], HOUR, package("bash", "5.1", "5.2"));
    let before = stage.report().findings.iter().map(|one| one.id).collect();
    stage.host(1).changes.clear();
    let alarm = Alarm::of(&stage.report(), &before);
    assert_eq!((alarm.gone.len(), alarm.certain, alarm.rings), (1, true, true));
    stage.host(1).incomplete.push(dead_packages());
    assert!(!Alarm::of(&stage.report(), &before).certain);
}
