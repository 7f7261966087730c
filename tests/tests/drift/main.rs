//! Drift, end to end: hosts with files and networks of their own, a real Docker Engine, real tools
//! that change things, and tamerctl alone.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "figures for whoever reads the log of a run")]

mod batches;
mod by_hand;
mod deeds;
mod restarts;
mod scene;

use std::time::Instant;

use tamer_tests::technology::installed;

use scene::Scene;

/// One story: each part begins where the one before has ended.
#[test]
fn what_changes_on_four_hosts_is_found_and_told_apart() {
    if !installed(&["docker"]) {
        return;
    }
    let mut scene = Scene::start();
    let snapshot = scene.whole_snapshot();
    scene.ctl.json(&["baseline", "set", &snapshot, "--note", "as it was made"]);
    scene.has_no_drift();
    told("by hand", || by_hand::is_found(&mut scene));
    told("restarts", || restarts::change_no_baseline(&mut scene));
    told("accepted", || by_hand::is_accepted(&scene));
    told("after a batch", || batches::have_ended(&mut scene));
    told("batches", || batches::are_told_apart(&mut scene));
}

/// Says what is done, and how long it took.
fn told(what: &str, part: impl FnOnce()) {
    let begun = Instant::now();
    println!("{what} …");
    part();
    println!("{what}: {:?}", begun.elapsed());
}
