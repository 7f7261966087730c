//! Changes of what runs.

use std::time::Duration;

use tamer_tests::until;

use crate::scene::{Copy, SOON, Scene, by_host};

const QUICK: &str = "update = { max_in_flight = 1, healthy_for = \"1s\", deadline = \"20s\" }";

/// A command that ends as soon as it is asked to, and is another one for another word.
fn idler(word: &str) -> String {
    format!("trap 'exit 0' TERM; : {word}; sleep 1000000 & wait")
}

/// Copy after copy is made anew, and never more than one is away.
pub fn rolls(scene: &mut Scene) {
    let first = scene.file_of("roll", 3, &idler("one"), QUICK);
    assert_eq!(scene.apply(&first, &["--wait"]).code(), 0);
    let before = scene.runs("roll", 3);
    let second = scene.file_of("roll", 3, &idler("two"), QUICK);
    scene.take(&second);
    let mut fewest = 3;
    until("all three are of the second version", SOON, || {
        let now = scene.copies("roll");
        fewest = fewest.min(now.iter().filter(|one| one.running).count());
        match now.len() == 3 && now.iter().all(|one| one.running && one.template == "2") {
            true => Ok(()),
            false => Err(format!("{now:#?}")),
        }
    });
    assert!(fewest >= 2, "only {fewest} ran at some moment");
    let after = scene.runs("roll", 3);
    assert!(after.iter().all(|new| before.iter().all(|old| old.container != new.container)));
    scene.state_is("roll", "running");
    // A change of the count alone makes none anew.
    scene.ctl.json(&["workload", "scale", "roll", "4"]);
    let four = scene.runs("roll", 4);
    let kept = |one: &&Copy| after.iter().any(|old| old.container == one.container);
    assert_eq!(four.iter().filter(kept).count(), 3, "{four:#?}");
    scene.remove("roll");
}

/// An update whose copies die goes back by itself, and says so.
pub fn goes_back(scene: &mut Scene) {
    let more = format!("{QUICK}\nrestart = {{ attempts = 1, backoff = \"200ms\" }}");
    let good = scene.file_of("back", 3, &idler("good"), &more);
    assert_eq!(scene.apply(&good, &["--wait"]).code(), 0);
    let before = scene.runs("back", 3);
    let bad = scene.file_of("back", 3, "echo no such thing >&2; exit 7", &more);
    let ended = scene.apply(&bad, &["--wait"]);
    assert_eq!(ended.code(), 1, "it failed: {ended:#?}");
    scene.copies_are("back", "all are good again", |now| {
        now.len() == 3 && now.iter().all(|one| one.running && one.template == "1")
    });
    let kept = scene.copies("back");
    let same = before.iter().filter(|old| kept.iter().any(|now| now.container == old.container));
    assert_eq!(
        same.count(),
        2,
        "one was tried, the others were left alone: {before:#?}\n{kept:#?}"
    );
    let history = scene.ctl.run(&["workload", "history", "back"]);
    assert_eq!(history.code(), 0, "{history:#?}");
    assert!(
        history.text().contains("exited with 7"),
        "it says what was wrong:\n{}",
        history.text()
    );
    scene.state_is("back", "running");
    scene.remove("back");
}

/// The coordinator is killed while copies are being replaced: the update goes on from where it was.
pub fn outlives_the_coordinator(scene: &mut Scene) {
    let first = scene.file_of("live", 6, &idler("one"), QUICK);
    assert_eq!(scene.apply(&first, &["--wait"]).code(), 0);
    scene.runs("live", 6);
    let second = scene.file_of("live", 6, &idler("two"), QUICK);
    scene.take(&second);
    scene.copies_are("live", "some are new and some are old", |now| {
        now.iter().any(|one| one.running && one.template == "2")
            && now.iter().filter(|one| one.template == "1").count() >= 2
    });
    scene.coordinator.process.kill();
    scene.coordinator.process.wait(Duration::from_secs(10));
    let alone = scene.copies("live");
    assert!(alone.iter().filter(|one| one.running).count() >= 4, "they run on: {alone:#?}");
    scene.coordinator.restart();
    scene.ctl.all_ready(3, SOON);
    scene.copies_are("live", "all are new", |now| {
        now.len() == 6 && now.iter().all(|one| one.running && one.template == "2")
    });
    let copies = scene.runs("live", 6);
    let mut indices: Vec<_> = copies.iter().map(|one| one.index.clone()).collect();
    indices.sort();
    assert_eq!(indices, ["0", "1", "2", "3", "4", "5"], "each copy once");
    assert!(by_host(&copies).values().all(|count| *count == 2), "evenly: {copies:#?}");
    scene.remove("live");
}
