//! Hosts that are emptied.

use tamer_tests::until;

use crate::scene::{SOON, Scene, by_host};

/// All copies move, one at a time, and the host is told to be empty.
pub fn moves_all(scene: &mut Scene) {
    let more = "update = { max_in_flight = 1, healthy_for = \"1s\", deadline = \"20s\", order = \"start_first\" }";
    let file = scene.file("move", 6, more);
    scene.take(&file);
    scene.runs("move", 6);
    let drain = ["host", "drain", "host2", "--deadline", "60s", "--reason", "disk", "--wait"];
    let ended = scene.ctl.run(&drain);
    assert_eq!(ended.code(), 0, "it waits until the host is empty: {ended:#?}");
    let copies = scene.runs("move", 6);
    assert!(!by_host(&copies).contains_key(&2), "{copies:#?}");
    // It takes nothing new until a person says so.
    scene.ctl.json(&["workload", "scale", "move", "8"]);
    let copies = scene.runs("move", 8);
    assert!(!by_host(&copies).contains_key(&2), "{copies:#?}");
    scene.ctl.json(&["host", "uncordon", "host2"]);
    scene.ctl.json(&["workload", "scale", "move", "10"]);
    let copies = scene.runs("move", 10);
    assert!(by_host(&copies).contains_key(&2), "the least used host comes first: {copies:#?}");
    scene.remove("move");
}

/// What has not moved stays.
pub fn is_cancelled(scene: &mut Scene) {
    // One that fits nowhere else stays where it is.
    let file = scene.file("stuck", 1, "constraints = [\"name=host2\"]");
    scene.take(&file);
    let before = scene.runs("stuck", 1);
    scene.ctl.json(&["host", "drain", "host2", "--detach"]);
    until("it is told to be drained", SOON, || {
        let told = scene.ctl.json(&["host", "show", "host2"]);
        if told["drain"].is_object() { Ok(()) } else { Err(format!("{told:#}")) }
    });
    scene.ctl.json(&["host", "drain", "host2", "--cancel"]);
    scene.ctl.json(&["host", "uncordon", "host2"]);
    assert_eq!(scene.runs("stuck", 1), before, "it was never stopped");
    scene.remove("stuck");
}
