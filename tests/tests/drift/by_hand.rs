//! What people do beside us.

use std::collections::BTreeSet;

use crate::deeds::{self, EVERYWHERE, container, start_container};
use crate::scene::{Scene, findings, titles};

/// Each is found in time, as what it is, as one finding of all hosts, and nothing else is.
pub fn is_found(scene: &mut Scene) {
    let mut told = BTreeSet::from(["group", "instance"]);
    for deed in deeds::all(scene, "alien", 41) {
        let begun = deed.by_hand(scene, &EVERYWHERE);
        deed.is_found(scene, &EVERYWHERE, "unknown", begun);
        told.insert(deed.kind);
    }
    let begun = start_container(scene, "stray");
    container("stray").is_found(scene, &[1], "unknown", begun);
    let (report, code) = scene.drift();
    assert_eq!(code, 1, "there is drift");
    let kinds: Vec<_> = findings(&report).iter().map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds.len(), told.len(), "one finding of each, and no others: {}", titles(&report));
    assert_eq!(kinds.into_iter().flatten().collect::<BTreeSet<_>>(), told, "{}", titles(&report));
    assert_eq!(report["unobserved"], serde_json::json!([]), "everything was seen");
}

/// A person says that all of it is right: a new version, and the one before stays.
pub fn is_accepted(scene: &Scene) {
    let accept = ["baseline", "accept", "--all", "--yes", "--note", "they are right"];
    let accepted = scene.ctl.json(&accept);
    assert_eq!((&accepted["version"], &accepted["before"]), (&2.into(), &1.into()), "{accepted:#}");
    scene.has_no_drift();
    let versions = scene.ctl.json(&["baseline", "show", "default"]);
    assert_eq!(versions.as_array().map(Vec::len), Some(2), "{versions:#}");
}
