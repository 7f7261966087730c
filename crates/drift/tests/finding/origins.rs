//! Where changes come from: ours, a co-owner's, or nobody's.

use std::fmt::Write as _;

use insta::assert_snapshot;
use tamer_drift::Resource;
use tamer_drift::diff::Change;
use tamer_drift::finding::{Deed, Doing, OriginWord, Touched};
use tamer_model::{InstanceId, InstanceRef, PlacementId, PushFile, Work};

use crate::stage::{
    BASE, DAY, HOUR, MINUTE, Stage, at, came, host_id, named, package, resource, text, turned,
};

fn origin(stage: &Stage) -> (OriginWord, u8) {
    let report = stage.report();
    let origin = &report.findings[0].origin;
    (origin.origin.word(), origin.confidence)
}

fn push(path: &str) -> Touched {
    let digest = format!("sha256:{}", "a".repeat(64));
    let json = format!(r#"{{"content":{{"digest":"{digest}","size":1}},"path":"{path}"}}"#);
    let push: PushFile = serde_json::from_str(&json).expect("a push");
    Touched::of(&Work::Push(push))
}

fn file() -> Resource {
    resource("file/host//etc/motd", &[("type", text("file"))])
}

#[test]
fn ours_only_where_it_ran_and_when_it_ran_and_what_it_could_touch() {
    let changed = || turned(file(), "digest", text("aa"), text("bb"));
    let with = |number: u8, since: u64, touched: Touched| {
        let mut stage = Stage::new(2);
        stage.put(&[1], HOUR, changed()).did(number, since, "put a file", touched);
        origin(&stage)
    };
    assert_eq!(with(1, HOUR, push("/etc/motd")), (OriginWord::Ours, 95));
    assert_eq!(with(2, HOUR, push("/etc/motd")), (OriginWord::Unknown, 0), "on another host");
    assert_eq!(with(1, 2 * HOUR, push("/etc/motd")), (OriginWord::Unknown, 0), "later");
    assert_eq!(with(1, 0, push("/etc/motd")), (OriginWord::Unknown, 0), "earlier");
    assert_eq!(with(1, HOUR, push("/etc/issue")), (OriginWord::Unknown, 0), "another file");
    assert_eq!(with(1, HOUR, Touched::Anything), (OriginWord::Ours, 70), "a program may anything");
    let touches = |touched: Touched| touched.may_touch(&file().key, "/etc/motd");
    assert!(
        touches(push("/etc/motd")) && touches(Touched::Anything) && !touches(push("/etc/issue"))
    );
}

#[test]
fn the_longer_nobody_looked_the_less_a_program_explains() {
    let sure = |minutes: u64| {
        let mut stage = Stage::new(1);
        stage.put(&[1], 0, turned(file(), "digest", text("aa"), text("bb")));
        let window =
            tamer_drift::finding::Window { from: at(BASE), to: at(BASE + minutes * MINUTE) };
        stage.host(1).windows.values_mut().for_each(|one| *one = window);
        stage.did(1, 0, "ran `x`", Touched::Anything);
        origin(&stage)
    };
    assert_eq!(sure(10), (OriginWord::Ours, 70));
    assert_eq!(sure(60), (OriginWord::Ours, 45));
    assert_eq!(sure(2 * 24 * 60), (OriginWord::Unknown, 0), "it is only told as possible");
}

#[test]
fn a_things_own_time_says_more() {
    let sure = |updated: u64| {
        let mut stage = Stage::new(1);
        let mut change = turned(file(), "digest", text("aa"), text("bb"));
        change.after.as_mut().expect("a side").updated = Some(at(BASE + updated));
        stage.put(&[1], 0, change);
        stage.host(1).windows.clear();
        stage.did(1, HOUR, "ran `x`", Touched::Anything);
        origin(&stage)
    };
    assert_eq!(sure(HOUR + 30_000), (OriginWord::Ours, 85));
    assert_eq!(sure(5 * HOUR), (OriginWord::Unknown, 0));
}

#[test]
fn instances_bring_ports_with_them() {
    let mut stage = Stage::new(1);
    let placed = Touched::of_copy(&"docker".parse().expect("a provider"), "shop-1");
    stage.deeds.push(Deed {
        doing: Doing::Workload {
            name: "shop".parse().expect("a name"),
            placement: PlacementId::at(BASE, [1; 4]),
        },
        host: host_id(1),
        from: at(BASE + HOUR),
        to: None,
        by: None,
        words: "made a copy".to_owned(),
        touched: placed,
    });
    let port = resource("port/host/tcp 0.0.0.0:80", &[("address", text("0.0.0.0"))]);
    stage.put(&[1], HOUR, came(port));
    stage.put(&[1], HOUR, came(named("shop-1", resource("instance/docker/c1", &[]))));
    stage.put(&[1], HOUR, came(named("db-1", resource("instance/docker/c2", &[]))));
    stage.put(&[1], HOUR, package("bash", "5.1", "5.2"));
    assert_snapshot!(stage.told());
}

#[test]
fn of_an_operation_only_the_begin_is_known() {
    let instance = |native: &str| InstanceRef {
        provider: "docker".parse().expect("a provider"),
        native: native.parse().expect("an id"),
    };
    let with = |native: &str, change: Change| {
        let mut stage = Stage::new(1);
        stage.put(&[1], HOUR, change).deeds.push(Deed {
            doing: Doing::Operation(InstanceId::from_bytes([1; 10])),
            host: host_id(1),
            from: at(BASE + HOUR),
            to: Some(at(BASE + 2 * HOUR)),
            by: None,
            words: "ran a command in shop, asked for".to_owned(),
            touched: Touched::of_instance(&instance(native)),
        });
        stage
    };
    let shop = || turned(resource("instance/docker/c1", &[]), "state", text("a"), text("b"));
    let stage = with("c1", shop());
    assert_eq!(origin(&stage), (OriginWord::Ours, 70));
    let evidence = stage.report().findings[0].origin.evidence.clone();
    assert!(evidence.contains("at 2026-11-20 01:00:00Z, and its end is not known"), "{evidence}");
    assert_eq!(origin(&with("c2", shop())), (OriginWord::Unknown, 0), "in another one");
    assert_eq!(origin(&with("c*", shop())), (OriginWord::Unknown, 0), "an id is no pattern");
    let port = came(resource("port/host/tcp 0.0.0.0:80", &[]));
    assert_eq!(origin(&with("c1", port)), (OriginWord::Unknown, 0), "it is only possible");
}

#[test]
fn when_it_was_made_says_nothing_of_a_later_change() {
    let sure = |made: u64| {
        let mut stage = Stage::new(1);
        let shop = resource("instance/docker/c1", &[]);
        let mut change = turned(shop, "state", text("running"), text("stopped"));
        for side in [&mut change.before, &mut change.after] {
            side.as_mut().expect("a side").created = Some(at(made));
        }
        stage.put(&[1], HOUR, change).did(1, HOUR, "ran `docker stop`", Touched::Anything);
        origin(&stage)
    };
    assert_eq!(sure(BASE - DAY), (OriginWord::Ours, 70));
}

#[test]
fn co_owners_are_known_by_what_they_leave() {
    let mut stage = Stage::new(2);
    let mut composed = named("shop-db-1", resource("instance/docker/c1", &[]));
    composed.tags.insert("com.docker.compose.project".to_owned(), "shop".to_owned());
    stage.put(&[1], HOUR, came(composed));
    stage.put(&[1, 2], HOUR, package("bash", "5.1", "5.2"));
    let timer = resource("job/host/timer apt-daily-upgrade.timer", &[]);
    stage.host(1).held.push(named("apt-daily-upgrade.timer", timer));
    stage.put(&[1], HOUR, came(resource("interface/host/veth12ab", &[])));
    let mut text = String::new();
    for finding in &stage.report().findings {
        let origin = &finding.origin;
        let word = origin.origin.word();
        let _ = writeln!(
            text,
            "{}\n    {word}, {} %: {}",
            finding.title, origin.confidence, origin.evidence
        );
    }
    assert_snapshot!(text);
}

#[test]
fn our_own_deed_beats_a_co_owner_where_it_is_as_sure() {
    let mut stage = Stage::new(1);
    stage.put(&[1], HOUR, package("bash", "5.1", "5.2"));
    let timer = resource("job/host/timer apt-daily-upgrade.timer", &[]);
    stage.host(1).held.push(named("apt-daily-upgrade.timer", timer));
    assert_eq!(origin(&stage), (OriginWord::CoOwner, 60));
    stage.did(1, HOUR, "ran `apt-get upgrade`", Touched::Anything);
    assert_eq!(origin(&stage), (OriginWord::Ours, 70));
    stage.host(1).windows.clear();
    assert_eq!(stage.comparison.now, at(BASE + DAY));
    assert_eq!(origin(&stage), (OriginWord::CoOwner, 60), "within a day a program says less");
}
