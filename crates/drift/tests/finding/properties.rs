//! What must hold of every comparison.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tamer_drift::diff::Change;
use tamer_drift::finding::{Gap, How, IgnoreRule, Incomplete, Report, Touched, Verdict};
use tamer_drift::{Kind, Resource, Value};
use tamer_model::HostId;

use crate::stage::{HOUR, MINUTE, Stage, after, named, resource, rule, text};

/// `cargo xtask soak` multiplies this. Mutation testing, which runs everything hundreds of times, says
/// itself how many.
fn cases() -> ProptestConfig {
    let told = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let factor = told("TAMER_SOAK").unwrap_or(1);
    ProptestConfig::with_cases(told("TAMER_CASES").unwrap_or(128 * factor))
}

const HOSTS: u8 = 6;

/// Few names and values, so that much is equal and much collides.
fn drawn_resource() -> impl Strategy<Value = Resource> {
    let keys = [
        "package/host/nginx",
        "package/host/openssl",
        "service/host/nginx.service",
        "file/host//etc/nginx/a.conf",
        "file/host//etc/nginx/b.conf",
        "user/host/eve",
        "port/host/tcp 0.0.0.0:80",
        "instance/docker/c1",
        "instance/docker/c2",
        "image/docker/i1",
        "image/docker/i2",
        "volume/docker/data",
        "sysctl/host/kernel.panic",
        "route/host/default dev eth0",
        "interface/host/eth0",
        "mount/host//srv",
    ];
    let name = select(vec!["", "web-1", "web-2"]);
    let properties = prop::collection::btree_map(
        select(vec!["version", "digest", "image", "size_bytes", "uid", "noise"]),
        select(vec![
            text("1"),
            text("2"),
            Value::Int(0),
            Value::Bool(true),
            Value::Hidden([1; 16]),
        ]),
        0..4,
    );
    (select(keys.to_vec()), name, properties, any::<bool>()).prop_map(|(key, name, all, needs)| {
        let all: Vec<_> = all.into_iter().collect();
        let mut made = resource(key, &all);
        if made.key.kind() == Kind::Instance {
            if needs {
                made.depends_on.insert(resource("image/docker/i1", &[]).key);
            }
            if !name.is_empty() {
                made = named(name, made);
            }
        }
        made
    })
}

fn drawn_change() -> impl Strategy<Value = Change> {
    (drawn_resource(), drawn_resource(), 0..3u8).prop_filter_map("a change", |(one, other, how)| {
        let key = one.key.clone();
        let (before, after) = match how {
            0 => (None, Some(one)),
            1 => (Some(one), None),
            _ => (Some(one.clone()), Some(Resource { properties: other.properties, ..one })),
        };
        (before != after).then_some(Change { key, before, after })
    })
}

/// What may happen to one host: its changes, when, and whether it was seen whole.
fn drawn_stage() -> impl Strategy<Value = Stage> {
    let host = prop::collection::vec((drawn_change(), 0..4u64), 0..6);
    let faults = prop::collection::vec(0..8u8, usize::from(HOSTS));
    let deeds = prop::collection::vec((1..=HOSTS, 0..4u64), 0..4);
    let hosts = prop::collection::vec(host, usize::from(HOSTS));
    (hosts, faults, deeds).prop_map(|(hosts, faults, deeds)| {
        let mut stage = Stage::new(HOSTS);
        for (number, (changes, fault)) in (1..).zip(hosts.into_iter().zip(faults)) {
            let mut seen = BTreeSet::new();
            for (change, hour) in changes {
                if seen.insert(change.key.clone()) {
                    stage.put(&[number], hour * HOUR, change);
                }
            }
            match fault {
                0 => stage.host(number).incomplete.push(Incomplete {
                    source: "packages".to_owned(),
                    kinds: [Kind::Package, Kind::User].into(),
                    problem: "it hung".to_owned(),
                }),
                1 => stage.host(number).gaps.push(Gap {
                    window: after(0),
                    why: "it did not run".to_owned(),
                    changed: None,
                }),
                _seen => {}
            }
        }
        for (number, hour) in deeds {
            stage.did(number, hour * HOUR + MINUTE, "ran `x`", Touched::Anything);
        }
        stage
    })
}

fn drawn_rule() -> impl Strategy<Value = IgnoreRule> {
    let part = select(vec![
        r#""kind":["package"]"#,
        r#""kind":["instance","image"]"#,
        r#""path":"version""#,
        r#""path":"noise""#,
        r#""path":"noise","hosts":"name=web-1""#,
        r#""path":"*","kind":["file"]"#,
        r#""path":"digest","origin":"ours""#,
        r#""hosts":"name=web-2""#,
        r#""resource":"web-*""#,
        r#""source":"docker","change":["created"]"#,
        r#""origin":"unknown""#,
    ]);
    (part, 0..100u8).prop_map(|(part, number)| {
        rule(&format!(r#"{{"name":"r{number}",{part},"reason":"x","by":"ada"}}"#)).expect("a rule")
    })
}

/// Which resource of which host a finding speaks of; a move and a replacement speak of two.
fn spoken(report: &Report) -> BTreeMap<(HostId, Kind, String, String), u32> {
    let mut all = BTreeMap::new();
    for finding in report.findings.iter().filter(|one| one.change != How::Due) {
        let mut say = |host: HostId, id: &str| {
            let key = (host, finding.kind, finding.source.to_string(), id.to_owned());
            *all.entry(key).or_insert(0) += 1;
        };
        for member in &finding.hosts {
            say(member.host, &member.id);
            match (&member.before_host, &member.before_id) {
                (Some(host), id) => say(*host, id.as_ref().unwrap_or(&member.id)),
                (None, Some(id)) => say(member.host, id),
                (None, None) => {}
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_order_of_everything_does_not_matter(
        stage in drawn_stage(),
        rules in prop::collection::vec(drawn_rule(), 0..3),
        turns in prop::collection::vec(any::<Index>(), 8),
    ) {
        let mut stage = stage;
        let mut seen = BTreeSet::new();
        stage.settings.ignores =
            rules.into_iter().filter(|rule| seen.insert(rule.name.clone())).collect();
        let report = stage.report();
        stage.comparison.hosts.reverse();
        stage.deeds.reverse();
        stage.settings.ignores.reverse();
        for (host, turn) in stage.comparison.hosts.iter_mut().zip(&turns) {
            let many = host.changes.len();
            if many > 0 {
                host.changes.rotate_left(turn.index(many));
            }
        }
        prop_assert_eq!(stage.report(), report);
    }

    #[test]
    fn every_change_is_told_once_or_hidden_by_name(
        stage in drawn_stage(),
        rules in prop::collection::vec(drawn_rule(), 0..3),
    ) {
        let mut stage = stage;
        let all = spoken(&stage.report());
        prop_assert!(all.values().all(|times| *times == 1), "{all:?}");
        let report = stage.report();
        let told = u64::try_from(all.len()).expect("a number");
        prop_assert_eq!(told + report.summary.withheld, report.summary.changes);
        stage.settings.ignores = rules;
        let less = stage.report();
        let left = spoken(&less);
        prop_assert!(left.keys().all(|key| all.contains_key(key)));
        let findings = |report: &Report| -> u64 {
            report.findings.iter().map(|one| one.hosts.len() as u64).sum()
        };
        prop_assert_eq!(findings(&less) + less.summary.hidden, findings(&report));
        let hidden: u64 = less.hidden.iter().map(|one| one.changes).sum();
        prop_assert_eq!(hidden, less.summary.hidden);
    }

    #[test]
    fn one_more_rule_never_adds_findings(
        stage in drawn_stage(),
        rules in prop::collection::vec(drawn_rule(), 1..4),
    ) {
        let mut stage = stage;
        let mut before = stage.report();
        for rule in rules {
            stage.settings.ignores.push(rule);
            let report = stage.report();
            prop_assert!(report.findings.len() <= before.findings.len());
            let keys = spoken(&before);
            prop_assert!(spoken(&report).keys().all(|key| keys.contains_key(key)));
            before = report;
        }
    }

    #[test]
    fn ids_stay_while_the_drift_stays(stage in drawn_stage(), later in 1..1000u64) {
        let mut stage = stage;
        let ids = |stage: &Stage| -> BTreeSet<_> {
            stage.report().findings.iter().map(|one| one.id).collect()
        };
        let before = ids(&stage);
        prop_assert_eq!(before.len(), stage.report().findings.len(), "each has its own");
        stage.comparison.now = stage.comparison.now.plus(std::time::Duration::from_secs(later));
        prop_assert_eq!(ids(&stage), before);
    }

    #[test]
    fn a_finding_is_in_one_group_at_most(stage in drawn_stage()) {
        let report = stage.report();
        let mut seen = BTreeSet::new();
        for (at, group) in (0u32..).zip(&report.groups) {
            prop_assert!(group.findings.len() >= 2);
            prop_assert!(!group.why.is_empty() && group.confidence <= 100);
            for id in &group.findings {
                prop_assert!(seen.insert(*id), "{} is in two", id);
                prop_assert_eq!(report.finding(*id).expect("a finding").group, Some(at));
            }
        }
        let grouped = report.findings.iter().filter(|one| one.group.is_some()).count();
        prop_assert_eq!(grouped, seen.len());
        for finding in &report.findings {
            prop_assert!(finding.related.iter().all(|id| *id != finding.id));
            prop_assert!(finding.related.iter().all(|id| report.finding(*id).is_some()));
            prop_assert!(finding.confidence <= 100 && !finding.evidence.is_empty());
        }
    }

    #[test]
    fn no_drift_is_never_said_of_what_nobody_saw(
        stage in drawn_stage(),
        rules in prop::collection::vec(drawn_rule(), 0..4),
    ) {
        let mut stage = stage;
        stage.settings.ignores = rules;
        let unseen = stage
            .comparison
            .hosts
            .iter()
            .any(|host| !host.incomplete.is_empty() || !host.gaps.is_empty());
        let report = stage.report();
        prop_assert_eq!(unseen, !report.unobserved.is_empty());
        if report.verdict == Verdict::None {
            prop_assert!(!unseen && report.findings.is_empty() && report.summary.withheld == 0);
        }
        prop_assert_eq!(report.verdict == Verdict::Drift, !report.findings.is_empty());
    }
}
