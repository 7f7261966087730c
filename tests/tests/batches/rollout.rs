//! How it proceeds, told by the tasks themselves: each writes when it begins and when it ends.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::scene::{SOON, Scene, tell};
use crate::told::{ends, millis, task, text};
use crate::trips;

#[test]
fn rollout() {
    tell(
        Scene::start(5),
        &[
            ("waves", waves),
            ("in flight", in_flight),
            ("pauses", pauses),
            ("budget", trips::budget),
            ("threshold", trips::threshold),
            ("trips and waits", trips::trips_and_waits),
            ("undone", trips::undone),
            ("order", order),
            ("pace", pace),
            ("leases", leases),
        ],
    );
}

/// A command that writes its host's name into `log` when it begins, and again when it ends.
fn noted(log: &str, takes: &str) -> String {
    format!("echo begin $(me) >>{log}; sleep {takes}; echo end $(me) >>{log}")
}

/// The lines of a log, as what and who; the log is gone afterwards.
fn notes(log: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(log).unwrap_or_default();
    fs::remove_file(log).unwrap_or_default();
    let note = |line: &str| line.split_once(' ').map(|(what, who)| (what.into(), who.into()));
    text.lines().filter_map(note).collect()
}

/// Who began, in that order.
fn begun(notes: &[(String, String)]) -> Vec<&str> {
    notes.iter().filter(|(what, _)| what == "begin").map(|(_, who)| who.as_str()).collect()
}

/// The most that ran at once.
fn most(notes: &[(String, String)]) -> usize {
    let (mut now, mut most) = (0, 0);
    for (what, _) in notes {
        now = if what == "begin" { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    most
}

/// Each wave begins after the one before has ended.
fn waves(scene: &mut Scene) {
    let log = scene.path("waves.log");
    for (flags, sizes) in [
        (&["--canary", "1", "--waves", "2"][..], &[1, 2, 2][..]),
        (&["--waves", "40%"], &[2, 2, 1]),
        (&["--waves", "1,3"], &[1, 3, 1]),
        (&["--waves", "x2:1"], &[1, 2, 2]),
        (&["--canary", "20%"], &[1, 4]),
    ] {
        let preview = scene.ctl.json(&[&["run", "--preview"], flags, &["--", "true"]].concat());
        assert_eq!(preview["waves"], Value::from(sizes), "{flags:?}");
        scene.run(0, &[flags, &["--shell", "--", &noted(&log, "0.05")]].concat());
        let notes = notes(&log);
        let mut rest = notes.as_slice();
        for size in sizes {
            let (wave, later) = rest.split_at(2 * size);
            let who: BTreeSet<_> = wave.iter().map(|(_, who)| who).collect();
            assert_eq!(who.len(), *size, "{flags:?}: a wave and no other: {wave:?} of {notes:?}");
            rest = later;
        }
        assert_eq!(rest, []);
    }
}

fn in_flight(scene: &mut Scene) {
    let log = scene.path("flight.log");
    for (limit, expected) in [("2", 2), ("40%", 2), ("1", 1)] {
        let flags = ["--max-in-flight", limit, "--shell", "--", &noted(&log, "0.1")];
        scene.run(0, &flags);
        let notes = notes(&log);
        assert_eq!((begun(&notes).len(), most(&notes)), (5, expected), "{limit}: {notes:?}");
    }
}

fn pauses(scene: &mut Scene) {
    let batch = scene.run(0, &["--canary", "1", "--pause-between", "700ms", "--", "true"]);
    let first = millis(&task(&batch, "host1")["started_at"]);
    let next = millis(&task(&batch, "host2")["started_at"]);
    assert!(next - first >= 700, "{} ms between them: {batch:#}", next - first);

    let id =
        scene.detach(&["--canary", "1", "--waves", "2", "--pause-between", "resume", "--", "true"]);
    for (wave, done) in [(2, 1), (3, 3)] {
        let waits = scene.becomes(&id, "it waits for a person", |told| {
            told["stand"]["stand"] == "between" && told["stand"]["wave"] == wave
        });
        assert_eq!(waits["counts"]["succeeded"], done, "{waits:#}");
        assert_eq!(waits["counts"]["pending"], 5 - done, "{waits:#}");
        assert_eq!(waits["stand"]["until"], Value::Null, "{waits:#}");
        // Who watches in a pipe hears what it waits for, and how to let it go on.
        let mut person = scene.beside(&["batch", "watch", &id]);
        let told = format!("waits before wave {wave} of 3; `tamerctl batch resume {id}`");
        person.logged(&told, SOON);
        person.kill();
        scene.ctl.json(&["batch", "resume", &id]);
    }
    let ended = scene.end(&id);
    assert_eq!(
        (text(&ended, "state"), ended["marks"].as_array().map(Vec::len)),
        ("succeeded", Some(2))
    );
}

fn order(scene: &mut Scene) {
    let log = scene.path("order.log");
    let ran = |flags: &[&str]| {
        let line = ["--max-in-flight", "1", "--shell", "--", &noted(&log, "0")];
        scene.run(0, &[flags, &line].concat());
        begun(&notes(&log)).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let by_name = ran(&[]);
    assert_eq!(by_name, ["host1", "host2", "host3", "host4", "host5"]);
    let mut reverse = ran(&["--order", "reverse"]);
    reverse.reverse();
    assert_eq!(reverse, by_name);
    let drawn = |seed| ran(&["--order", "random", "--seed", seed]);
    assert_eq!(drawn("3"), drawn("3"), "the seed decides");
    assert!(["1", "2", "3"].iter().any(|seed| drawn(seed) != by_name), "three draws by name");
}

/// Rate and jitter, by the agents' clocks: all are this machine's.
fn pace(scene: &mut Scene) {
    let starts = |flags: &[&str]| {
        let batch = scene.run(0, &[flags, &["--", "true"]].concat());
        let hosts = ends(&batch).into_keys();
        let mut starts: Vec<_> =
            hosts.map(|host| millis(&task(&batch, &host)["started_at"])).collect();
        starts.sort_unstable();
        starts
    };
    let rated = starts(&["--rate", "2"]);
    // What travels may come late, so that two that were sent a second apart start a bit closer.
    let close = rated.windows(3).find(|three| three[2] - three[0] < 800);
    assert_eq!(close, None, "three within a second: {rated:?}");
    let spread = starts(&["--jitter", "1s", "--seed", "5"]);
    assert!(spread[4] - spread[0] >= 200, "five draws of a second lie apart: {spread:?}");
}

/// Two batches share one place.
fn leases(scene: &mut Scene) {
    let log = scene.path("leases.log");
    let command = noted(&log, "0.05");
    let line = ["--lease", "db-restart:1", "--shell", "--", &command];
    let (one, other) = (scene.detach(&line), scene.detach(&line));
    for id in [one, other] {
        let ended = scene.end(&id);
        assert_eq!(text(&ended, "state"), "succeeded", "{ended:#}");
        assert_eq!(ended["leases"][0], "db-restart:1", "{ended:#}");
    }
    let notes = notes(&log);
    assert_eq!((begun(&notes).len(), most(&notes)), (10, 1), "{notes:?}");
}
