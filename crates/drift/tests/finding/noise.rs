//! The noise loop: a field that flips, its proposal, its replay, its adoption; what is set aside;
//! and the alarm, which rings when the set of findings is another.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use tamer_drift::diff::Change;
use tamer_drift::finding::{
    Acknowledgement, Alarm, Comparison, Rules, Severity, Window, propose, replay,
};
use tamer_model::UserName;

use crate::stage::{
    BASE, DAY, HOUR, MINUTE, Stage, at, came, json, named, package, resource, rule, text, turned,
};

fn ada() -> UserName {
    "ada".parse().expect("a name")
}

/// Twelve steps of two hours: the lease of one host flips, and once a package changes with it.
fn history() -> Vec<Comparison> {
    let step = |number: u64| {
        let mut stage = Stage::new(2);
        let (from, to) = (at(BASE + number * 2 * HOUR), at(BASE + (number + 1) * 2 * HOUR));
        stage.comparison.baseline.at = from;
        stage.comparison.now = to;
        for host in &mut stage.comparison.hosts {
            host.window = Window { from, to };
        }
        let (before, now) = if number.is_multiple_of(2) { ("a", "b") } else { ("b", "a") };
        let lease = resource("interface/host/eth0", &[("up", true.into())]);
        stage.host(1).changes.push(turned(lease, "lease", text(before), text(now)));
        if number == 5 {
            stage.host(1).changes.push(package("bash", "5.2", "5.1"));
        }
        stage.comparison
    };
    (0..12).map(step).collect()
}

#[test]
fn a_flapping_field_is_proposed_replayed_and_adopted() {
    let history = history();
    let proposals = propose(&history, &Rules::shipped(), &ada());
    assert_snapshot!(json(&proposals));
    let adopted = proposals[0].rule.clone();
    let mut stage = Stage::new(2);
    let replayed = replay(&history, &[], &stage.settings, &adopted);
    assert_snapshot!(json(&replayed));
    stage.comparison = history[5].clone();
    assert_eq!(stage.report().findings.len(), 2);
    stage.settings.ignores.push(adopted);
    assert_snapshot!(stage.told());
}

#[test]
fn steps_that_overlap_count_once() {
    let mut history = history();
    let once = propose(&history, &Rules::shipped(), &ada());
    history.extend(history.clone());
    assert_eq!(propose(&history, &Rules::shipped(), &ada()), once);
}

#[test]
fn what_goes_one_way_is_not_proposed() {
    let steps = ["1", "2", "3", "4", "5"].windows(2).enumerate().map(|(number, versions)| {
        let mut stage = Stage::new(1);
        let from = BASE + number as u64 * DAY;
        stage.host(1).window = Window { from: at(from), to: at(from + DAY) };
        stage.host(1).changes.push(package("bash", versions[0], versions[1]));
        stage.comparison
    });
    assert_eq!(propose(&steps.collect::<Vec<_>>(), &Rules::shipped(), &ada()), []);
}

#[test]
fn a_severe_field_is_proposed_with_a_warning() {
    let mut history = history();
    for (number, step) in history.iter_mut().enumerate() {
        let (before, now) = if number % 2 == 0 { ("0", "2") } else { ("2", "0") };
        let guard = resource("sysctl/host/kernel.randomize_va_space", &[]);
        step.hosts[1].changes.push(turned(guard, "value", text(before), text(now)));
    }
    let proposals = propose(&history, &Rules::shipped(), &ada());
    let severe = proposals.iter().find(|one| one.severity == Severity::High).expect("one");
    assert!(
        severe.words.ends_with("of severity high: look before you adopt it."),
        "{}",
        severe.words
    );
    assert!(proposals.iter().all(|one| one.severity < Severity::High || one.confidence < 50));
}

#[test]
fn a_replay_says_what_would_be_missed() {
    let quiet =
        rule(r#"{"name":"quiet","kind":["package"],"reason":"noise","by":"ada"}"#).expect("a rule");
    let replayed = replay(&history(), &[], &Stage::new(1).settings, &quiet);
    assert_eq!(
        replayed.words,
        "This would have hidden 1 change, 1 of severity high in 12 comparisons."
    );
    assert_eq!(replayed.examples, ["package bash went from 5.2 to 5.1 on web-1"]);
    let other =
        rule(r#"{"name":"other","kind":["user"],"reason":"noise","by":"ada"}"#).expect("a rule");
    let replayed = replay(&history(), &[], &Stage::new(1).settings, &other);
    assert_eq!(replayed.words, "This would have hidden nothing in 12 comparisons.");
}

#[test]
fn a_rule_hides_what_it_names_where_and_while_it_does() {
    let hidden = |json: &str| {
        let mut stage = Stage::new(2);
        stage.put(&[1, 2], HOUR, package("bash", "5.1", "5.2"));
        stage.ignore(json);
        let report = stage.report();
        (report.findings.len(), report.summary.hidden)
    };
    let with = |more: &str| hidden(&format!(r#"{{"name":"q",{more},"reason":"r","by":"ada"}}"#));
    assert_eq!(with(r#""kind":["package"]"#), (0, 2));
    assert_eq!(with(r#""kind":["user"]"#), (1, 0));
    assert_eq!(with(r#""path":"vers*""#), (0, 2));
    assert_eq!(with(r#""path":"name""#), (1, 0));
    assert_eq!(with(r#""resource":"ba?h""#), (0, 2));
    assert_eq!(with(r#""hosts":"name=web-2""#), (1, 1));
    assert_eq!(with(r#""hosts":"role=web,os=linux""#), (0, 2));
    assert_eq!(with(r#""origin":"unknown""#), (0, 2));
    assert_eq!(with(r#""origin":"ours""#), (1, 0));
    assert_eq!(with(&format!(r#""kind":["package"],"until":{}"#, BASE + DAY + 1)), (0, 2));
    assert_eq!(with(&format!(r#""kind":["package"],"until":{}"#, BASE + DAY)), (1, 0));
}

#[test]
fn bad_rules_are_refused_by_name() {
    for (json, what) in [
        (
            r#"{"name":"q","path":"a..b","reason":"r","by":"ada"}"#,
            "ignore rule `q`: path \"a..b\" cannot be one: a step without a name, at byte 2",
        ),
        (
            r#"{"name":"q","path":"env[A","reason":"r","by":"ada"}"#,
            "ignore rule `q`: path \"env[A\" cannot be one: no `]` closes what it opens",
        ),
        (
            r#"{"name":"q","hosts":"a b","reason":"r","by":"ada"}"#,
            "ignore rule `q`: selector \"a b\", at byte 2",
        ),
        (r#"{"name":"q","reason":"r","by":"ada"}"#, "ignore rule `q`: it would hide everything"),
        (
            r#"{"name":"q","kind":["user"],"reason":" ","by":"ada"}"#,
            "ignore rule `q`: the reason is empty",
        ),
        (
            r#"{"name":"q","kind":["usr"],"reason":"r","by":"ada"}"#,
            "\"usr\" is none of: system, package",
        ),
        (
            r#"{"name":"q","kind":["user"],"pth":"a","reason":"r","by":"ada"}"#,
            "unknown field `pth`",
        ),
    ] {
        let error = rule(json).expect_err(json);
        assert!(error.message.contains(what), "{json}: {error}");
    }
}

#[test]
fn what_is_set_aside_rings_no_alarm_until_its_time_is_over() {
    let mut stage = Stage::new(1);
    stage.put(&[1], HOUR, package("bash", "5.1", "5.2"));
    let finding = stage.report().findings[0].id;
    let nothing = BTreeSet::new();
    let alarm = Alarm::of(&stage.report(), &nothing);
    assert_eq!((alarm.new.as_slice(), alarm.rings), ([finding].as_slice(), true));
    assert!(!Alarm::of(&stage.report(), &[finding].into()).rings, "the same drift as before");
    let until = at(BASE + DAY + MINUTE);
    let note = "on Monday".to_owned();
    stage.settings.acknowledged.push(Acknowledgement { finding, until, by: ada(), note });
    let report = stage.report();
    assert_eq!((report.summary.acknowledged, report.open().count()), (1, 0));
    assert!(!Alarm::of(&report, &nothing).rings);
    stage.comparison.now = until;
    assert!(Alarm::of(&stage.report(), &nothing).rings);
}

#[test]
fn the_alarm_is_that_the_set_is_another_and_not_that_it_is_not_empty() {
    let mut stage = Stage::new(2);
    stage.put(&[1], HOUR, package("bash", "5.1", "5.2"));
    let before: BTreeSet<_> = stage.report().findings.iter().map(|one| one.id).collect();
    stage.put(&[2], HOUR, package("bash", "5.1", "5.2"));
    assert!(!Alarm::of(&stage.report(), &before).rings, "the same on another host");
    stage.host(2).changes.clear();
    stage.put(&[2], HOUR, package("bash", "5.1", "5.3"));
    let alarm = Alarm::of(&stage.report(), &before);
    assert_eq!((alarm.new.len(), alarm.gone.len(), alarm.same, alarm.rings), (1, 0, 1, true));
}

/// A field that is noise everywhere is taken away before findings are made: what is left of a change
/// is told, and hosts that differ in the noise alone are one finding.
#[test]
fn a_field_that_is_noise_everywhere_is_told_nowhere() {
    let mut stage = Stage::new(3);
    for host in 1..=3u8 {
        let service = |word: &str| {
            let noise = text(&format!("{word}{host}"));
            resource("service/host/nginx.service", &[("active", text(word)), ("pid", noise)])
        };
        let (before, after) = (service("active"), service("failed"));
        let change = Change { key: before.key.clone(), before: Some(before), after: Some(after) };
        stage.put(&[host], HOUR, change);
    }
    let fields = |stage: &Stage| -> Vec<Vec<String>> {
        let report = stage.report();
        let all = report.findings.iter().map(|one| {
            let fields = one.fields.iter().map(|field| field.path.to_string());
            fields.chain(one.varies.iter().map(|path| format!("{path} varies"))).collect()
        });
        all.collect()
    };
    assert_eq!(fields(&stage).concat().iter().filter(|path| path.starts_with("pid")).count(), 3);
    stage.ignore(r#"{"name":"pids","path":"pid","reason":"they move","by":"ada"}"#);
    assert_eq!(fields(&stage), [["active"]]);
    let hidden = &stage.report().hidden[0];
    assert_eq!((hidden.changes, hidden.fields), (0, 3));
    // On one host alone it stays a field of the change, unless the change is nothing else.
    stage.settings.ignores.clear();
    let here = r#"{"name":"pids","path":"pid","hosts":"name=web-1","reason":"so","by":"ada"}"#;
    stage.ignore(here);
    assert_eq!(fields(&stage).concat().iter().filter(|path| path.starts_with("pid")).count(), 3);
    assert_eq!(stage.report().hidden, []);
}

/// A rule means a resource by its id or by its name, and nothing by an id that is none.
#[test]
fn rules_mean_resources_by_id_or_name() {
    let hidden = |pattern: &str, change: Change| {
        let mut stage = Stage::new(1);
        stage.put(&[1], HOUR, change);
        stage.ignore(&format!(
            r#"{{"name":"quiet","resource":"{pattern}","reason":"so","by":"ada"}}"#
        ));
        stage.report().findings.is_empty()
    };
    let file = || came(named("motd", resource("file/host//etc/motd", &[("size", text("1"))])));
    assert!(hidden("/etc/*", file()) && hidden("motd", file()));
    assert!(!hidden("/usr/*", file()) && !hidden("issue", file()));
    let drawn = || came(named("web", resource("instance/docker/0a1b", &[("image", text("x"))])));
    assert!(hidden("w*", drawn()) && !hidden("0a*", drawn()), "a drawn id says nothing");
    assert!(!hidden("api*", drawn()));
}
