//! The batch is the coordinator's: it goes on without whoever started it, and anybody steers it.

use std::fs;

use serde_json::Value;
use tamer_tests::{Terminal, until};

use crate::scene::{SOON, Scene, tell};
use crate::told::{ends, events, set, task, text, those};

#[test]
fn owned() {
    tell(
        Scene::start(4),
        &[
            ("without its terminal", without_its_terminal),
            ("after kill -9", after_kill),
            ("watched", watched),
            ("paused", paused),
            ("cancelled", cancelled),
            ("retried", retried),
            ("keys", keys),
        ],
    );
}

/// A command that waits for a file of the scene.
fn waits_for(scene: &Scene, file: &str) -> String {
    format!("while [ ! -e {} ]; do sleep 0.05; done; me", scene.path(file))
}

/// Whoever started it is killed, and it goes on.
fn without_its_terminal(scene: &mut Scene) {
    let command = waits_for(scene, "go1");
    let mut person =
        scene.beside(&["-o", "jsonl", "run", "--max-in-flight", "1", "--shell", "--", &command]);
    let id = until("it has begun", SOON, || {
        let told = events(&person.stdout());
        let running =
            told.iter().any(|event| event["state"] == "running" && event["event"] == "task");
        let id = told.first().map(|event| text(event, "batch").to_owned());
        id.filter(|_| running).ok_or(format!("{told:?}"))
    });
    person.kill();
    scene.file("go1", "");
    let ended = scene.end(&id);
    assert_eq!(those(&ended, "succeeded").len(), 4, "{ended:#}");
}

/// Coordinator and agent are killed in the middle of a wave.
fn after_kill(scene: &mut Scene) {
    let log = scene.path("kill.log");
    let command = format!("echo $(me) >>{log}; {}", waits_for(scene, "go2"));
    let id = scene.detach(&["--waves", "2", "--shell", "--", &command]);
    scene.becomes(&id, "the first wave runs", |told| told["counts"]["running"] == 2);
    scene.coordinator.process.kill();
    scene.coordinator.restart();
    for agent in &mut scene.agents {
        agent.process.announce("session");
    }
    scene.ctl.all_ready(4, SOON);
    let same = scene.show(&id);
    assert_eq!((text(&same, "state"), same["counts"]["pending"].as_u64()), ("running", Some(2)));
    scene.file("go2", "");
    let ended = scene.end(&id);
    assert_eq!(those(&ended, "succeeded").len(), 4, "{ended:#}");
    let mut begun: Vec<_> =
        fs::read_to_string(&log).expect("notes").lines().map(str::to_owned).collect();
    begun.sort_unstable();
    assert_eq!(begun, ["host1", "host2", "host3", "host4"], "each once");
}

/// From two places, one of which comes late; both see all of it.
fn watched(scene: &mut Scene) {
    let command = format!("echo first; {}", waits_for(scene, "go3"));
    let id = scene.detach(&["--shell", "--", &command]);
    let early = scene.beside(&["-o", "jsonl", "batch", "watch", &id]);
    until("somebody sees it live", SOON, || {
        let told = events(&early.stdout());
        let lines = told.iter().filter(|event| event["event"] == "output").count();
        if lines == 4 { Ok(()) } else { Err(format!("{told:#?}")) }
    });
    let late = scene.beside(&["batch", "watch", &id]);
    until("somebody else sees what was before", SOON, || {
        let told = late.stdout();
        if told.matches("| first\n").count() == 4 { Ok(()) } else { Err(told) }
    });
    scene.file("go3", "");
    let (early, late) = (early.finish(SOON), late.finish(SOON));
    assert_eq!((early.code(), late.code()), (0, 0), "{early:?} {late:?}");
    let lines: Vec<Value> =
        events(&early.text()).into_iter().filter(|event| event["event"] == "output").collect();
    assert_eq!(lines.len(), 8, "nothing twice, nothing missing: {lines:#?}");
    for host in ["host1", "host2", "host3", "host4"] {
        assert!(late.text().contains(&format!("{host} | {host}\n")), "{late:?}");
    }
    assert!(late.stderr.contains("4 hosts: 4 succeeded"), "{late:?}");
}

/// What runs goes on; nothing more is sent until somebody lets it go on.
fn paused(scene: &mut Scene) {
    let command = waits_for(scene, "go4");
    let id = scene.detach(&["--max-in-flight", "2", "--shell", "--", &command]);
    scene.becomes(&id, "two run", |told| told["counts"]["running"] == 2);
    scene.ctl.json(&["batch", "pause", &id]);
    scene.file("go4", "");
    let paused = scene.becomes(&id, "the two are done", |told| told["counts"]["succeeded"] == 2);
    assert_eq!(text(&paused["stand"], "stand"), "paused", "{paused:#}");
    assert_eq!(paused["counts"]["pending"], 2, "{paused:#}");
    let twice = scene.ctl.json(&["batch", "pause", &id]);
    assert_eq!(twice["marks"].as_array().map(Vec::len), Some(1), "it is paused already: {twice:#}");
    scene.ctl.json(&["batch", "resume", &id]);
    let ended = scene.end(&id);
    assert_eq!(those(&ended, "succeeded").len(), 4, "{ended:#}");
    let marks = ended["marks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let told: Vec<_> = marks.iter().map(|mark| (text(mark, "by"), &mark["resumed"])).collect();
    assert_eq!(told, [("admin", &Value::Bool(false)), ("admin", &Value::Bool(true))], "{ended:#}");
}

/// TERM first; KILL for what does not listen.
fn cancelled(scene: &mut Scene) {
    let ends_file = scene.path("terms");
    let listens = format!("trap 'echo $(me) >>{ends_file}; exit 0' TERM; echo up; sleep 60 & wait");
    let deaf = "trap '' TERM; echo up; sleep 60 & wait; sleep 60";
    let script = format!("case $(me) in host1) {deaf};; *) {listens};; esac");
    let id = scene.detach(&["--max-in-flight", "3", "--grace", "1s", "--shell", "--", &script]);
    scene.becomes(&id, "three are up", |told| {
        let up = |task: &&Value| text(task, "state") == "running";
        told["tasks"].as_array().is_some_and(|tasks| tasks.iter().filter(up).count() == 3)
    });
    // Each has its trap once it says so.
    let mut person = scene.beside(&["batch", "watch", &id]);
    until("their traps are set", SOON, || {
        let told = person.stdout();
        if told.matches("| up\n").count() == 3 { Ok(()) } else { Err(told) }
    });
    let other = scene.ctl.run(&["batch", "cancel", &id]);
    assert_eq!(other.code(), 0, "{other:?}");
    assert_eq!(person.wait(SOON).code(), Some(1), "who watches hears of it");
    let batch = scene.show(&id);
    assert_eq!(text(&batch, "state"), "cancelled", "{batch:#}");
    assert_eq!(those(&batch, "cancelled"), set(&["host1", "host2", "host3"]), "{batch:#}");
    assert!(text(task(&batch, "host1"), "reason").contains("killed"), "{batch:#}");
    assert!(!text(task(&batch, "host2"), "reason").contains("killed"), "{batch:#}");
    let listened = scene.read("terms").lines().map(str::to_owned).collect();
    assert_eq!(set(&["host2", "host3"]), listened, "TERM came first");
    assert_eq!(text(task(&batch, "host4"), "unsent"), "cancelled", "{batch:#}");
    assert_eq!(text(&batch, "cancelled_by"), "admin", "{batch:#}");
}

fn retried(scene: &mut Scene) {
    let good = scene.path("good");
    let script = format!(
        "case $(me) in host1) exit 0;; host2) [ -e {good} ];; host3) [ -e {good} ] || sleep 60;; esac"
    );
    let line = [
        "--timeout",
        "500ms",
        "--max-in-flight",
        "3",
        "--max-failed",
        "1",
        "--shell",
        "--",
        &script,
    ];
    let earlier = scene.run(1, &line);
    let id = text(&earlier, "batch");
    assert_eq!(ends(&earlier)["host3"], "timed_out", "{earlier:#}");
    scene.file("good", "");
    let again = scene.ctl.json(&["batch", "retry", id, "--ends", "failed"]);
    assert_eq!(those(&again, "succeeded"), set(&["host2"]), "only what failed: {again:#}");
    assert_eq!(again["origin"]["retry_of"], id, "{again:#}");
    let again = scene.ctl.json(&["batch", "retry", id]);
    let mut all = those(&earlier, "failed");
    all.extend(those(&earlier, "timed_out"));
    all.extend(those(&earlier, "never_started"));
    assert_eq!(those(&again, "succeeded"), all, "all that did not succeed: {again:#}");
    let nothing = scene.ctl.refused(2, &["batch", "retry", id, "--ends", "interrupted"]);
    assert_eq!(text(&nothing, "code"), "selection-empty", "{nothing:#}");
}

/// A person at a terminal: sees the waves, pauses, leaves; the batch goes on.
fn keys(scene: &mut Scene) {
    let command = waits_for(scene, "go5");
    let line = ["run", "--waves", "2", "--shell", "--", &command];
    let mut person = Terminal::start(&scene.ctl.command(&line), 80, 24);
    person.shows("wave 1 of 2", SOON);
    person.press("p");
    let id = until("the newest batch", SOON, || {
        let newest = scene.show("last");
        let paused = text(&newest["stand"], "stand") == "paused";
        if paused { Ok(text(&newest, "batch").to_owned()) } else { Err(format!("{newest:#}")) }
    });
    person.shows("paused", SOON);
    scene.ctl.json(&["batch", "resume", &id]);
    person.shows("wave 1 of 2", SOON);
    person.press("q");
    person.shows(&format!("{id} goes on"), SOON);
    assert_eq!(person.ended(SOON), 1, "it has not succeeded yet");
    scene.file("go5", "");
    assert_eq!(those(&scene.end(&id), "succeeded").len(), 4);
}
