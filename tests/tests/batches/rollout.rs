//! How it proceeds, told by the tasks themselves: each writes when it begins and when it ends.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tamer_tests::until;

use crate::scene::{SOON, Scene, ends, millis, set, task, tell, text, those};

#[test]
fn rollout() {
    tell(
        Scene::start(5),
        &[
            ("waves", waves),
            ("in flight", in_flight),
            ("pauses", pauses),
            ("budget", budget),
            ("threshold", threshold),
            ("trips and waits", trips_and_waits),
            ("undone", undone),
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

fn budget(scene: &mut Scene) {
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

fn threshold(scene: &mut Scene) {
    let half = ["--canary", "2", "--shell", "--", "[ $(me) != host1 ]"];
    let batch = scene.run(1, &[&["--min-success", "50%"], &half[..]].concat());
    assert_eq!(those(&batch, "succeeded").len(), 4, "half was enough: {batch:#}");
    let batch = scene.run(1, &[&["--min-success", "51%"], &half[..]].concat());
    assert_eq!(those(&batch, "succeeded"), set(&["host2"]), "{batch:#}");
    assert_eq!(those(&batch, "never_started").len(), 3, "{batch:#}");
}

fn trips_and_waits(scene: &mut Scene) {
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
fn undone(scene: &mut Scene) {
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
