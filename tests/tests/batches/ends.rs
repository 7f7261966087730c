//! How tasks end: each of the seven ends, retries, and deadlines.

use serde_json::Value;
use tamer_tests::Agent;

use crate::scene::{SOON, Scene, tell};
use crate::told::{ends, millis, task, text};

#[test]
fn ends_of_tasks() {
    tell(
        Scene::start(4),
        &[
            ("seven", seven),
            ("interrupted", interrupted),
            ("retries", retries),
            ("deadline", deadline),
            ("refused by its owner", refused_by_its_owner),
        ],
    );
}

/// A task's end and the reason that is told.
fn end<'a>(batch: &'a Value, host: &str) -> (&'a str, &'a str) {
    let task = task(batch, host);
    (text(task, "state"), text(task, "reason"))
}

/// All but the interrupted one, which needs a kill.
fn seven(scene: &mut Scene) {
    scene.ctl.json(&["host", "cordon", "host4", "--reason", "a new disk"]);
    let script = "case $(me) in host1) exit 0;; host2) exit 7;; host3) kill -9 $$;; esac";
    let batch = scene.run(1, &["--shell", "--", script]);
    scene.ctl.json(&["host", "uncordon", "host4"]);
    let of = |host| task(&batch, host);
    assert_eq!((end(&batch, "host1").0, &of("host1")["exit_code"]), ("succeeded", &0.into()));
    assert_eq!((end(&batch, "host2").0, &of("host2")["exit_code"]), ("failed", &7.into()));
    assert_eq!((end(&batch, "host3").0, &of("host3")["signal"]), ("failed", &9.into()));
    assert_eq!(of("host3")["exit_code"], Value::Null, "{batch:#}");
    assert_eq!(end(&batch, "host4"), ("refused", "its host is cordoned"), "{batch:#}");

    let slow = ["--timeout", "300ms", "--host", "host1", "--", "sleep", "60"];
    let batch = scene.run(1, &slow);
    assert_eq!(end(&batch, "host1").0, "timed_out", "{batch:#}");
    assert!(task(&batch, "host1")["duration_ms"].as_u64().is_some_and(|took| took >= 300));

    let id = scene.detach(&["--max-in-flight", "1", "--", "sleep", "60"]);
    scene.becomes(&id, "one runs", |told| told["counts"]["running"] == 1);
    scene.ctl.run(&["batch", "cancel", &id]);
    let batch = scene.show(&id);
    assert_eq!(text(&batch, "state"), "cancelled", "{batch:#}");
    assert_eq!(end(&batch, "host1"), ("cancelled", "it was cancelled while it ran"), "{batch:#}");
    let never = task(&batch, "host2");
    assert_eq!((end(&batch, "host2").0, text(never, "unsent")), ("never_started", "cancelled"));
}

/// The agent is killed while it runs something: nobody knows what came of that.
fn interrupted(scene: &mut Scene) {
    let begun = scene.path("begun");
    let hangs = format!("echo $(me) >>{begun}; [ $(wc -l <{begun}) -gt 1 ] || sleep 60");
    let cut_off = |scene: &mut Scene, id: &str, lines: usize| {
        scene.becomes(id, "it runs", |told| {
            told["counts"]["running"] == 1 && scene.read("begun").lines().count() == lines
        });
        scene.kill("host2");
        scene.back("host2");
    };
    // Retries alone are not enough.
    let id = scene.detach(&["--host", "host2", "--retries", "3", "--shell", "--", &hangs]);
    cut_off(scene, &id, 1);
    let batch = scene.end(&id);
    assert_eq!(end(&batch, "host2").0, "interrupted", "{batch:#}");
    assert_eq!(task(&batch, "host2")["attempts"], 1, "it may have done its work: {batch:#}");
    assert_eq!(scene.read("begun").lines().count(), 1, "it was not started again");
    let told = scene.ctl.run(&["batch", "retry", &id]);
    assert_eq!(told.code(), 2, "nothing else is left to try again: {told:?}");
    assert!(told.stderr.contains("--ends interrupted"), "{told:?}");

    // Said out loud it is tried again.
    std::fs::remove_file(scene.path("begun")).expect("the notes");
    let id = scene.detach(&["--host", "host2", "--retry", "interrupted", "--shell", "--", &hangs]);
    cut_off(scene, &id, 1);
    let batch = scene.end(&id);
    let task = task(&batch, "host2");
    assert_eq!((text(task, "state"), &task["attempts"]), ("succeeded", &2.into()), "{batch:#}");
    assert_eq!(text(&task["before"][0], "state"), "interrupted", "{batch:#}");
}

fn retries(scene: &mut Scene) {
    let tries = scene.path("tries");
    let third = format!("echo x >>{tries}.$(me); [ $(wc -l <{tries}.$(me)) -ge 3 ] || exit 5");
    let batch = scene.run(
        0,
        &["-l", "role=web", "--retries", "2", "--retry-backoff", "200ms", "--shell", "--", &third],
    );
    for host in ["host1", "host2"] {
        let task = task(&batch, host);
        assert_eq!(task["attempts"], 3, "{batch:#}");
        let before = task["before"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(before.iter().all(|one| one["exit_code"] == 5), "{batch:#}");
        let [first, second] = before else { panic!("two before: {batch:#}") };
        let (one, other) = (millis(&second["sent_at"]), millis(&task["started_at"]));
        let (wait, longer) =
            (one - millis(&first["ended_at"]), other - millis(&second["ended_at"]));
        // The two clocks of the second are of one machine, and tell whole milliseconds.
        assert!(wait >= 200 && longer >= 399, "200 ms, then 400: {wait}, {longer}: {batch:#}");
    }
    let batch = scene.run(1, &["--host", "host1", "--retry-on", "timed-out", "--", "false"]);
    assert_eq!(task(&batch, "host1")["attempts"], 1, "it did not time out: {batch:#}");
    let slow = ["--host", "host1", "--retry-on", "timed-out", "--retry-backoff", "10ms"];
    let batch = scene.run(1, &[&slow[..], &["--timeout", "200ms", "--", "sleep", "60"]].concat());
    assert_eq!(task(&batch, "host1")["attempts"], 2, "{batch:#}");
}

/// After it nothing is begun, and what runs is ended.
fn deadline(scene: &mut Scene) {
    let begins = ["--deadline", "1s", "--max-in-flight", "1", "--shell", "--"];
    let batch = scene.run(1, &[&begins[..], &["[ $(me) = host1 ] || sleep 60"]].concat());
    assert_eq!(end(&batch, "host1").0, "succeeded", "{batch:#}");
    assert_eq!(end(&batch, "host2").0, "cancelled", "{batch:#}");
    for host in ["host3", "host4"] {
        assert_eq!(text(task(&batch, host), "unsent"), "deadline", "{batch:#}");
    }
    assert!(!text(&batch, "reason").is_empty(), "it says why: {batch:#}");
}

/// An agent's owner says what it takes, whatever the fleet asks for.
fn refused_by_its_owner(scene: &mut Scene) {
    let agent = scene.agent("host3");
    agent.process.stop();
    agent.settings = agent.settings.clone().set("tasks.accept", "scripts,files");
    agent.settings.token = None;
    *agent = Agent::start(agent.settings.clone());
    agent.process.logged("session is up", SOON);
    scene.host_is("host3", "ready");
    let batch = scene.run(1, &["--", "true"]);
    let (state, reason) = end(&batch, "host3");
    assert_eq!(state, "refused", "{batch:#}");
    assert!(reason.contains("tasks.accept"), "it names the setting: {reason}");
    assert_eq!(ends(&batch).values().filter(|end| *end == "succeeded").count(), 3, "{batch:#}");
}
