//! What is done: commands, scripts, files both ways, and several of these.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use serde_json::Value;
use tamer_tests::until;

use crate::scene::{SOON, Scene, tell};
use crate::told::{events, says, task, text};

#[test]
fn actions() {
    tell(
        Scene::start(3),
        &[
            ("command", command),
            ("script", script),
            ("push", push),
            ("push goes on", push_goes_on),
            ("fetch", fetch),
            ("sequence", sequence),
        ],
    );
}

/// With the user, the environment, the folder and the arguments that were asked for.
fn command(scene: &mut Scene) {
    let how = ["--cwd", "/tmp", "-e", "COLOUR=dark green", "--user", "nobody", "--shell"];
    let batch = scene.run(0, &[&how[..], &["--", "me; pwd; id -un; echo $COLOUR"]].concat());
    for host in ["host1", "host2", "host3"] {
        let printed = format!("{host}\n/tmp\nnobody\ndark green\n");
        assert_eq!(text(task(&batch, host), "stdout"), printed, "{batch:#}");
    }
    let words = scene.run(0, &["--host", "host1", "--", "printf", "%s|", "a b", "$HOME", "*"]);
    assert_eq!(text(task(&words, "host1"), "stdout"), "a b|$HOME|*|", "no shell reads words");
}

/// sha256sum shares no code with ours.
fn digest(path: &str) -> String {
    let told = Command::new("sha256sum").arg(path).output().expect("`sha256sum` runs").stdout;
    String::from_utf8(told).expect("text").split(' ').next().unwrap_or_default().to_owned()
}

fn script(scene: &mut Scene) {
    let path = scene.file("greet.sh", "#!/bin/sh\necho \"$(me) $(basename $0) $# $2\"\n");
    let batch = scene.run(0, &["--script", &path, "--", "one", "two words"]);
    for host in ["host1", "host2", "host3"] {
        let printed = format!("{host} greet.sh 2 two words\n");
        assert_eq!(text(task(&batch, host), "stdout"), printed, "{batch:#}");
    }
    let audit = scene.ctl.json(&["audit", "ls", "--limit", "5"]).to_string();
    assert!(audit.contains(&digest(&path)), "who looks later knows which script: {audit}");
    // It is not there any more.
    let left = fs::read_dir(scene.path("host1/scripts")).map(Iterator::count).unwrap_or(0);
    assert_eq!(left, 0, "the host keeps no script that has ended");

    let plain = scene.file("plain.py", "import sys; print(sys.argv[1:], sys.flags.optimize)\n");
    let read = ["--host", "host1", "--script", &plain, "--interpreter", "python3 -O", "--", "x"];
    let batch = scene.run(0, &read);
    assert_eq!(text(task(&batch, "host1"), "stdout"), "['x'] 1\n", "{batch:#}");
}

/// Bytes that no other file has.
fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    fastrand::Rng::with_seed(size as u64).fill(&mut bytes);
    bytes
}

fn push(scene: &mut Scene) {
    let local = scene.file("app.conf", noise(300_000));
    let target = scene.path("etc/app/app.conf");
    let remote = format!("{local}:{}/", scene.path("etc/app"));
    let refused = scene.run(1, &["--host", "host1", "--push", &remote]);
    says(&task(&refused, "host1")["problem"], "not-found", "push.path");
    let push = ["--host", "host1", "--push", &remote, "--mode", "0640", "--folders"];
    let batch = scene.run(0, &push);
    assert!(text(task(&batch, "host1"), "stdout").contains("written"), "{batch:#}");
    assert_eq!(digest(&target), digest(&local));
    let before = fs::metadata(&target).expect("it is there");
    assert_eq!(before.permissions().mode() & 0o7777, 0o640);

    let again = scene.run(0, &push);
    assert!(text(task(&again, "host1"), "stdout").contains("already there"), "{again:#}");
    let after = fs::metadata(&target).expect("it is there");
    assert_eq!((before.ino(), before.mtime()), (after.ino(), after.mtime()), "nothing was written");

    // One that is replaced keeps its mode, and is never seen half-written.
    fs::write(&local, noise(400_000)).expect("a file");
    scene.run(0, &["--host", "host1", "--push", &remote]);
    let after = fs::metadata(&target).expect("it is there");
    assert_eq!(digest(&target), digest(&local));
    assert_ne!(before.ino(), after.ino(), "another file took its place");
    assert_eq!(after.permissions().mode() & 0o7777, 0o640);
}

/// How far a push had come, by its events.
fn progress(events: &[Value]) -> Vec<u64> {
    let told = events.iter().filter(|event| event["event"] == "progress");
    told.filter_map(|event| event["done"].as_u64()).collect()
}

/// The agent is killed in the middle: what had come is not sent again.
fn push_goes_on(scene: &mut Scene) {
    const SIZE: usize = 192 << 20;
    let local = scene.file("big.bin", noise(SIZE));
    let remote = scene.path("big.out");
    let push = format!("{local}:{remote}");
    let line = ["-o", "jsonl", "run", "--host", "host2", "--retry", "interrupted", "--push", &push];
    let watched = scene.beside(&line);
    let at = until("a good part of the file", SOON, || {
        let told = progress(&events(&watched.stdout()));
        told.iter().copied().find(|done| *done > 8 << 20).ok_or(format!("{told:?}"))
    });
    scene.kill("host2");
    assert!(at < SIZE as u64 && fs::metadata(&remote).is_err(), "it was the middle: {at}");
    scene.back("host2");
    let ended = watched.finish(SOON);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let events = events(&ended.text());
    let second = events.iter().position(|event| event["event"] == "task" && event["attempts"] == 2);
    let told = progress(&events[second.expect("a second attempt")..]);
    assert!(told.first().is_some_and(|first| *first >= at), "it began at {at}: {told:?}");
    assert_eq!(told.last(), Some(&(SIZE as u64)));
    assert_eq!(digest(&remote), digest(&local));
    for path in [local, remote] {
        fs::remove_file(path).expect("room for the others");
    }
}

fn fetch(scene: &mut Scene) {
    let log = scene.file("app.log", noise(200_000));
    let to = scene.path("logs");
    let batch = scene.run(0, &["-l", "role=web", "--fetch", &log, "--to", &to]);
    for host in ["host1", "host2"] {
        let fetched = &task(&batch, host)["fetched"];
        assert_eq!(fetched["size"], 200_000, "{batch:#}");
        assert_eq!(
            text(fetched, "digest").trim_start_matches("sha256:"),
            digest(&log),
            "{batch:#}"
        );
        assert_eq!(digest(&format!("{to}/{host}/app.log")), digest(&log));
    }
    // They are had again later, from the coordinator.
    fs::remove_file(&log).expect("the file");
    let later = scene.path("later");
    let ended = scene.ctl.run(&["batch", "get-files", text(&batch, "batch"), "--to", &later]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(fs::read(format!("{later}/host2/app.log")).expect("it"), noise(200_000));

    let large = scene.file("large.log", noise(5000));
    let limited = ["--host", "host1", "--fetch", &large, "--fetch-limit", "4K", "--to", &to];
    let batch = scene.run(1, &limited);
    let problem = &task(&batch, "host1")["problem"];
    assert_eq!(text(problem, "code"), "resource-exhausted", "{batch:#}");
    assert!(text(problem, "message").contains("5000 bytes"), "{batch:#}");
    let gone = scene.run(1, &["--host", "host1", "--fetch", "/no/such", "--to", &to]);
    assert_eq!(text(&task(&gone, "host1")["problem"], "code"), "not-found", "{gone:#}");
}

/// A step that fails ends it: what comes after is not done.
fn sequence(scene: &mut Scene) {
    let script = scene.file("check.sh", "#!/bin/sh\n[ $(me) = host1 ]\n");
    let (local, remote) = (scene.file("part", "x"), scene.path("placed"));
    let push = format!("{local}:{remote}");
    let line = ["--script", &script, "--push", &push, "--shell", "--", "echo last on $(me)"];
    let batch = scene.run(1, &[&["--host", "host2"], &line[..]].concat());
    let told = task(&batch, "host2");
    assert_eq!((text(told, "stdout"), &told["exit_code"]), ("", &1.into()), "{batch:#}");
    assert!(text(told, "reason").starts_with("step 1 of 3"), "{batch:#}");
    assert!(fs::metadata(&remote).is_err(), "the second step was not done");
    let batch = scene.run(0, &[&["--host", "host1"], &line[..]].concat());
    assert!(text(task(&batch, "host1"), "stdout").ends_with("last on host1\n"), "{batch:#}");
    assert_eq!(fs::read_to_string(&remote).expect("the second step"), "x");
}
