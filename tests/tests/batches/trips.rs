//! When it stops by itself: budgets and thresholds, and what happens then.

use std::collections::BTreeSet;

use tamer_tests::until;

use crate::scene::{SOON, Scene};
use crate::told::{set, task, text, those};

pub fn budget(scene: &mut Scene) {
    let failing =
        ["--max-in-flight", "1", "--shell", "--", "[ $(me) != host1 ] && [ $(me) != host2 ]"];
    let batch = scene.run(1, &[&["--max-failed", "1"], &failing[..]].concat());
    assert_eq!(those(&batch, "failed"), set(&["host1", "host2"]), "{batch:#}");
    assert_eq!(those(&batch, "never_started"), set(&["host3", "host4", "host5"]), "{batch:#}");
    let unsent = task(&batch, "host3");
    assert_eq!(
        (text(unsent, "unsent"), text(unsent, "reason")),
        ("tripped", text(&batch, "reason"))
    );
    assert_eq!(text(&batch, "reason"), "2 failed, and 1 are allowed");
    let batch = scene.run(1, &[&["--max-failed", "40%"], &failing[..]].concat());
    assert_eq!(those(&batch, "succeeded").len(), 3, "two of five were allowed: {batch:#}");
    // In a pipe a person is told who failed, and why it stopped.
    let told = scene.ctl.run(&[&["run", "--max-failed", "0"], &failing[..]].concat());
    assert_eq!(told.code(), 1);
    for line in
        ["1 failed with exit code 1: host1\n", "it went no further: 1 failed, and 0 are allowed\n"]
    {
        assert!(told.stderr.contains(line), "{line:?} in {}", told.stderr);
    }
}

pub fn threshold(scene: &mut Scene) {
    let half = ["--canary", "2", "--shell", "--", "[ $(me) != host1 ]"];
    let batch = scene.run(1, &[&["--min-success", "50%"], &half[..]].concat());
    assert_eq!(those(&batch, "succeeded").len(), 4, "half was enough: {batch:#}");
    let batch = scene.run(1, &[&["--min-success", "51%"], &half[..]].concat());
    assert_eq!(those(&batch, "succeeded"), set(&["host2"]), "{batch:#}");
    assert_eq!(those(&batch, "never_started").len(), 3, "{batch:#}");
}

pub fn trips_and_waits(scene: &mut Scene) {
    let id = scene.detach(&[
        "--canary",
        "2",
        "--max-failed",
        "0",
        "--on-trip",
        "pause",
        "--shell",
        "--",
        "[ $(me) != host1 ]",
    ]);
    let tripped = scene.becomes(&id, "it tripped", |told| told["stand"]["stand"] == "tripped");
    assert_eq!(text(&tripped["stand"], "reason"), "1 failed, and 0 are allowed", "{tripped:#}");
    assert_eq!(tripped["counts"]["pending"], 3, "nothing more is sent: {tripped:#}");
    scene.ctl.json(&["batch", "resume", &id]);
    let ended = scene.end(&id);
    assert_eq!(those(&ended, "succeeded").len(), 4, "a person let it go on: {ended:#}");
    assert_eq!(text(&ended, "state"), "failed");
}

/// What had succeeded is undone there, and nowhere else.
pub fn undone(scene: &mut Scene) {
    let log = scene.path("undo.log");
    let undo = format!("echo $(me) >>{log}");
    let batch = scene.run(
        1,
        &[
            "--max-in-flight",
            "1",
            "--max-failed",
            "0",
            "--undo",
            &undo,
            "--shell",
            "--",
            "[ $(me) != host3 ]",
        ],
    );
    assert_eq!(those(&batch, "succeeded"), set(&["host1", "host2"]), "{batch:#}");
    let by = until("the undo is made", SOON, || {
        let told = scene.show(text(&batch, "batch"));
        told["undone_by"].as_str().map(str::to_owned).ok_or(format!("{told:#}"))
    });
    let undoing = scene.end(&by);
    assert_eq!(those(&undoing, "succeeded"), set(&["host1", "host2"]), "{undoing:#}");
    assert_eq!(undoing["origin"]["undo_of"], batch["batch"], "{undoing:#}");
    let done: BTreeSet<_> = scene.read("undo.log").lines().map(str::to_owned).collect();
    assert_eq!(done, set(&["host1", "host2"]));
}
