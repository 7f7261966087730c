//! Where changes come from: the surer end of a move, and co-owners that a host shows.

use tamer_drift::finding::{OriginWord, Touched};

use crate::stage::{HOUR, Stage, came, named, package, resource, text, went};

/// A move has two ends: the surer of what was done at either explains it.
#[test]
fn a_move_is_explained_by_the_surer_of_its_ends() {
    let container = |id: &str| {
        let made = resource(&format!("instance/docker/{id}"), &[("image", text("redis:7"))]);
        named("cache", made)
    };
    let told = |here: Touched, there: Touched| {
        let mut stage = Stage::new(2);
        stage.put(&[1], HOUR, went(container("before")));
        stage.put(&[2], HOUR, came(container("after")));
        stage.did(1, HOUR, "there", there).did(2, HOUR, "here", here);
        let report = stage.report();
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
        let origin = &report.findings[0].origin;
        (origin.confidence, origin.evidence.contains("there from"))
    };
    let itself = || {
        let json = r#"{"only":[{"kind":"instance","source":"docker","like":"cache"}]}"#;
        serde_json::from_str::<Touched>(json).expect("what it touched")
    };
    assert_eq!(told(itself(), Touched::Anything), (95, false));
    assert_eq!(told(Touched::Anything, itself()), (95, true));
    assert_eq!(told(itself(), itself()), (95, false), "of two that are as sure the nearer");
}

/// What a host shows of a co-owner counts by its id and by its name.
#[test]
fn a_co_owner_is_known_by_what_the_host_has() {
    let upgraded_beside = |held: Option<tamer_drift::Resource>| {
        let mut stage = Stage::new(1);
        stage.put(&[1], HOUR, package("openssl", "3.0.11", "3.0.14"));
        stage.host(1).held.extend(held);
        stage.report().findings[0].origin.origin.word()
    };
    let timer = || resource("job/host/apt-daily-upgrade.timer", &[]);
    assert_eq!(upgraded_beside(None), OriginWord::Unknown);
    assert_eq!(upgraded_beside(Some(timer())), OriginWord::CoOwner);
    assert_eq!(upgraded_beside(Some(named("upgrades", timer()))), OriginWord::CoOwner);
    let by_name = named("apt-daily-upgrade.timer", resource("job/host/timer:17", &[]));
    assert_eq!(upgraded_beside(Some(by_name)), OriginWord::CoOwner);
    let other = resource("job/host/logrotate.timer", &[]);
    assert_eq!(upgraded_beside(Some(other)), OriginWord::Unknown);
    let service = resource("service/host/apt-daily-upgrade", &[]);
    assert_eq!(upgraded_beside(Some(service)), OriginWord::Unknown, "another kind");
}
