//! What moved: one finding of two changes, on one host or between two.

use tamer_drift::finding::Touched;

use crate::stage::{HOUR, Stage, came, named, resource, text, went};

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
