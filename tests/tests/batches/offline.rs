//! Hosts that are away: skipped, waited for, required; and told apart from those that fail.

use std::time::Instant;

use crate::scene::{Scene, tell};
use crate::told::{ends, printed, set, task, text, those};

#[test]
fn offline() {
    let mut scene = Scene::start(3);
    scene.kill("host3");
    scene.host_is("host3", "lost");
    tell(
        scene,
        &[
            ("previewed", previewed),
            ("skipped", skipped),
            ("budget", budget),
            ("required", required),
            ("waited in vain", waited_in_vain),
            ("comes back", comes_back),
        ],
    );
}

fn previewed(scene: &mut Scene) {
    let told = scene.ctl.run(&["run", "--preview", "--", "true"]);
    printed(&told, 0, "3 hosts: 2 ready, 1 lost\n");
}

/// 3 where the only ones that did not succeed could not be reached.
fn skipped(scene: &mut Scene) {
    let batch = scene.run(3, &["--", "true"]);
    let away = task(&batch, "host3");
    assert_eq!((text(away, "state"), text(away, "unsent")), ("never_started", "unreachable"));
    assert_eq!(batch["counts"]["unreachable"], 1, "{batch:#}");
    let id = text(&batch, "batch");
    let told = scene.ctl.run(&["run", "--unreachable-of", id, "--preview", "--", "true"]);
    printed(&told, 0, "1 host: 1 lost\nhost3\n");
    let mixed = scene.run(1, &["--shell", "--", "[ $(me) = host1 ]"]);
    assert_eq!(those(&mixed, "failed"), set(&["host2"]), "1: something failed, too: {mixed:#}");
}

/// Of its own: it counts no failures, and those count none of these.
fn budget(scene: &mut Scene) {
    let away_first = ["--order", "reverse", "--max-in-flight", "1"];
    let batch =
        scene.run(1, &[&away_first[..], &["--max-unreachable", "0", "--", "true"]].concat());
    assert_eq!(text(task(&batch, "host1"), "unsent"), "tripped", "{batch:#}");
    assert!(text(&batch, "reason").contains("unreachable"), "{batch:#}");
    let batch = scene.run(3, &[&away_first[..], &["--max-failed", "0", "--", "true"]].concat());
    assert_eq!(those(&batch, "succeeded"), set(&["host1", "host2"]), "{batch:#}");
    scene.run(3, &[&away_first[..], &["--max-unreachable", "1", "--", "true"]].concat());
}

fn required(scene: &mut Scene) {
    let mark = scene.path("mark");
    let batch = scene.run(1, &["--offline", "require", "--", "touch", &mark]);
    assert_eq!(those(&batch, "never_started").len(), 3, "all or nothing: {batch:#}");
    assert!(std::fs::metadata(&mark).is_err(), "nothing was begun");
    scene.run(0, &["--offline", "require", "-l", "role=web", "--", "true"]);
}

fn waited_in_vain(scene: &mut Scene) {
    let begun = Instant::now();
    let batch = scene.run(3, &["--offline", "wait:800ms", "--", "true"]);
    assert!(begun.elapsed().as_millis() >= 800, "it was waited for");
    assert_eq!(text(task(&batch, "host3"), "unsent"), "unreachable", "{batch:#}");
}

fn comes_back(scene: &mut Scene) {
    let id = scene.detach(&["--offline", "wait:1m", "--shell", "--", "me"]);
    let waits = scene.becomes(&id, "the others are done", |told| told["counts"]["succeeded"] == 2);
    assert_eq!((ends(&waits)["host3"].as_str(), text(&waits, "state")), ("pending", "running"));
    scene.back("host3");
    let ended = scene.end(&id);
    assert_eq!(text(&ended, "state"), "succeeded", "{ended:#}");
    assert_eq!(text(task(&ended, "host3"), "stdout"), "host3\n");
}
