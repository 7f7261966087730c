//! The same things, done by a batch of ours on two hosts and by hand on the others.

use std::time::{Duration, Instant};

use serde_json::Value;
use tamer_peers::image::BUSYBOX;
use tamer_tests::until;

use crate::deeds::{self, Deed, IDLER, container};
use crate::scene::{FOUND, Scene};

const OURS: [usize; 2] = [1, 2];
const THEIRS: [usize; 2] = [3, 4];
/// A second for a hint that comes late, two for clocks, and one more.
const CLOCKS: Duration = Duration::from_secs(4);

/// Each is two findings: one says which batch it was, the other that nobody knows.
pub fn are_told_apart(scene: &mut Scene) {
    for deed in deeds::all(scene, "wanted", 43) {
        let (batch, begun) = run(scene, &deed);
        let finding = deed.is_found(scene, &OURS, "ours", begun);
        is_of(&finding, &batch);
        let begun = deed.by_hand(scene, &THEIRS);
        let other = deed.is_found(scene, &THEIRS, "unknown", begun);
        assert_eq!(finding["fields"], other["fields"], "it is the same change");
        assert_ne!(finding["id"], other["id"]);
    }
    let create = ["instance", "create", "--provider=docker", "--host=host1", "--image", BUSYBOX];
    let more = ["--name=meant", "--", "sh", "-c", IDLER];
    let (made, code) = scene.ctl.json_code(&[&create[..], &more].concat());
    assert_eq!(code, 0, "{made:#}");
    let finding = container("meant").is_found(scene, &[1], "ours", Instant::now());
    is_of(&finding, made["batch"].as_str().expect("the batch's id"));
}

/// What a person does on a host a moment after a batch of ours has ended there is not the batch's.
pub fn have_ended(scene: &mut Scene) {
    label(scene);
    let (batch, code) = scene.ctl.json_code(&["run", "-l", "by=batch", "--", "true"]);
    assert_eq!(code, 0, "{batch:#}");
    let ended = Instant::now();
    until("the batch's end is as far away as clocks are trusted", FOUND, || {
        if ended.elapsed() > CLOCKS { Ok(()) } else { Err(format!("{:?}", ended.elapsed())) }
    });
    let deed = deeds::later();
    let begun = deed.by_hand(scene, &OURS);
    deed.is_found(scene, &OURS, "unknown", begun);
}

fn label(scene: &Scene) {
    for host in OURS {
        scene.ctl.json(&["host", "label", &format!("host{host}"), "by=batch"]);
    }
}

/// Runs it as a batch. Gives the batch's id, and when it had ended.
fn run(scene: &Scene, deed: &Deed) -> (String, Instant) {
    let command = ["-l", "by=batch", "--", "sh", "-ec", &deed.script];
    if deed.stays {
        let told = scene.ctl.json(&[&["run", "--detach"], &command[..]].concat());
        return (told["batch"].as_str().expect("an id").to_owned(), Instant::now());
    }
    let (batch, code) = scene.ctl.json_code(&[&["run"], &command[..]].concat());
    assert_eq!(code, 0, "{batch:#}");
    let id = batch["batch"].as_str().unwrap_or_else(|| panic!("an id: {batch:#}"));
    (id.to_owned(), Instant::now())
}

fn is_of(finding: &Value, batch: &str) {
    let origin = &finding["origin"];
    assert_eq!((&origin["what"], &origin["id"]), (&"batch".into(), &batch.into()), "{origin:#}");
}
