//! What bad input gets: one clear error before anything is done, or a task's end with its reason.

use std::fs;

use serde_json::Value;
use tamer_tests::until;

use crate::bad_files;
use crate::scene::{SOON, Scene, tell};
use crate::told::{ends, says, task, text};

#[test]
fn bad_input() {
    tell(
        Scene::start(4),
        &[
            ("contradictions", contradictions),
            ("nobody", nobody),
            ("no interpreter", no_interpreter),
            ("changed here", bad_files::changed_here),
            ("changed there", bad_files::changed_there),
            ("disk full", bad_files::disk_full),
            ("two resumes", two_resumes),
            ("cancelled late", cancelled_late),
            ("newer specs", newer_specs),
            ("host removed", host_removed),
        ],
    );
}

/// Refused before it is a batch.
fn contradictions(scene: &mut Scene) {
    let before = scene.newest();
    for (flags, field) in [
        (&["--canary", "9"][..], "rollout.canary"),
        (&["--waves", "60%,50%"], "rollout.waves"),
        (&["--waves", "0"], "rollout.waves"),
        (&["--max-in-flight", "0"], "rollout.max_in_flight"),
        (&["--rate", "0"], "rollout.rate"),
        (&["--on-trip", "undo"], "undo"),
        (&["--retries", "1000"], "rollout.retry.attempts"),
        (&["--sample", "0"], "sample"),
        (&["--lease", "db:1", "--lease", "db:2"], "lease"),
        (&["-l", "role=="], "selector"),
    ] {
        let told = scene.ctl.refused(2, &[&["run"], flags, &["--", "true"]].concat());
        assert_eq!(text(&told, "field"), field, "{told:#}");
        assert!(!text(&told, "remedy").is_empty(), "{flags:?} helps: {told:#}");
    }
    for flags in [&["--min-success", "101%"][..], &["--pause-between", "never"], &["--host"]] {
        let told = scene.ctl.refused(2, &[&["run"], flags, &["--", "true"]].concat());
        assert_eq!(text(&told, "code"), "invalid-field", "{told:#}");
    }
    says(&scene.ctl.refused(2, &["run"]), "invalid-field", "command");
    assert_eq!(scene.newest(), before, "nothing was made");
}

fn nobody(scene: &mut Scene) {
    let told = scene.ctl.refused(2, &["run", "-l", "rolle=web", "--", "true"]);
    says(&told, "selection-empty", "selector");
    assert!(text(&told, "message").contains("no host has rolle"), "{told:#}");
    let batch = scene.run(0, &["-l", "rolle=web", "--allow-empty", "--", "true"]);
    assert_eq!((text(&batch, "state"), batch["targets"].as_u64()), ("succeeded", Some(0)));
    let told = scene.ctl.refused(1, &["run", "--host", "host77", "--", "true"]);
    assert_eq!(text(&told, "code"), "not-found", "{told:#}");
}

fn no_interpreter(scene: &mut Scene) {
    let plain = scene.file("plain.txt", "echo hello\n");
    let batch = scene.run(1, &["--host", "host1", "--script", &plain]);
    says(&task(&batch, "host1")["problem"], "invalid-field", "script.interpreter");
    let strange = ["--host", "host1", "--script", &plain, "--interpreter", "no-such-thing -x"];
    let batch = scene.run(1, &strange);
    says(&task(&batch, "host1")["problem"], "not-found", "script.interpreter");
}

/// Two people let it go on at once: one wave begins.
fn two_resumes(scene: &mut Scene) {
    let go = scene.path("go");
    let waits = format!("[ $(me) = host1 ] || while [ ! -e {go} ]; do sleep 0.05; done");
    let flags = ["--waves", "1", "--pause-between", "resume", "--shell", "--", &waits];
    let id = scene.detach(&flags);
    scene.becomes(&id, "it waits", |told| told["stand"]["stand"] == "between");
    let people = [(); 4].map(|()| scene.beside(&["-o", "json", "batch", "resume", &id]));
    let codes = people.map(|person| {
        let ended = person.finish(SOON);
        assert!(ended.code() == 0 || ended.stderr.contains("wrong-state"), "{ended:?}");
        ended.code()
    });
    assert!(codes.contains(&0), "one of them did it: {codes:?}");
    let told = scene.becomes(&id, "the second wave runs", |told| told["counts"]["running"] == 1);
    assert_eq!(told["marks"].as_array().map(Vec::len), Some(1), "{told:#}");
    assert_eq!(told["counts"]["pending"], 2, "no wave more than was let go: {told:#}");
    says_wrong_state(scene, &["batch", "resume", &id]);
    fs::write(&go, "").expect("it may end");
    for _ in 0..2 {
        scene.becomes(&id, "it waits again", |told| told["stand"]["stand"] == "between");
        scene.ctl.json(&["batch", "resume", &id]);
    }
    assert_eq!(text(&scene.end(&id), "state"), "succeeded");
}

fn says_wrong_state(scene: &Scene, arguments: &[&str]) {
    let told = scene.ctl.refused(1, arguments);
    assert_eq!(text(&told, "code"), "wrong-state", "{told:#}");
    assert!(!text(&told, "remedy").is_empty(), "it helps: {told:#}");
}

/// What has ended stays as it ended.
fn cancelled_late(scene: &mut Scene) {
    let batch = scene.run(0, &["--", "true"]);
    let id = text(&batch, "batch");
    let told = scene.ctl.run(&["batch", "cancel", id]);
    assert_eq!(told.code(), 0, "there is nothing to cancel: {told:?}");
    assert!(told.text().contains("4 hosts: 4 succeeded"), "it says how it ended: {told:?}");
    let after = scene.show(id);
    assert_eq!((text(&after, "state"), &after["cancelled_by"]), ("succeeded", &Value::Null));
    says_wrong_state(scene, &["batch", "resume", id]);
    says_wrong_state(scene, &["batch", "pause", id]);
}

fn newer_specs(scene: &mut Scene) {
    let before = scene.newest();
    let refused = |name: &str, text: &str| {
        let file = scene.file(name, text);
        scene.ctl.refused(2, &["run", "-f", &file])
    };
    let newer = "version = 2\n[action]\nteleport = \"home\"\n";
    says(&refused("newer.toml", newer), "invalid-field", "version");
    says(&refused("newer.yaml", "version: 9\naction: {}\n"), "invalid-field", "version");
    says(&refused("none.toml", "[action]\ncommand = [\"true\"]\n"), "invalid-field", "version");
    let slip = "version = 1\n[action]\ncommand = [\"true\"]\n[rollout]\ncanarry = 1\n";
    let told = refused("slip.toml", slip);
    says(&told, "invalid-field", "canarry");
    assert!(text(&told, "message").contains("line 5"), "{told:#}");
    assert_eq!(scene.newest(), before, "nothing was made");
}

/// Its task's end is not known, and nobody waits for it.
fn host_removed(scene: &mut Scene) {
    let go = scene.path("rest");
    let waits = format!("while [ ! -e {go} ]; do sleep 0.05; done");
    let id = scene.detach(&["--waves", "2", "--order", "reverse", "--shell", "--", &waits]);
    scene.becomes(&id, "two run", |told| told["counts"]["running"] == 2);
    let agent = scene.agent("host4");
    agent.process.announce("host-revoked");
    agent.process.announce("removed");
    scene.ctl.json(&["host", "rm", "--yes", "host4"]);
    scene.ctl.json(&["host", "rm", "--yes", "host1"]);
    for host in ["host1", "host4"] {
        let process = &mut scene.agent(host).process;
        process.announce("removed");
        until("its agent ends", SOON, || match process.poll() {
            Some(_) => Ok(()),
            None => Err("it runs".to_owned()),
        });
    }
    fs::write(&go, "").expect("the others may end");
    let batch = scene.end(&id);
    let told = task(&batch, "host4");
    assert_eq!(text(told, "state"), "interrupted", "{batch:#}");
    assert!(text(told, "reason").contains("removed"), "{batch:#}");
    let told = task(&batch, "host1");
    assert_eq!(text(told, "state"), "never_started", "it had not begun: {batch:#}");
    assert_eq!(text(told, "reason"), "it is no part of the fleet any more", "{batch:#}");
    assert_eq!(ends(&batch)["host2"], "succeeded", "{batch:#}");
}
