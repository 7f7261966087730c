//! Schedules through tamerctl: made with the flags of `run`, run when they are due, steered, removed.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tamer_tests::{Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, until};
use tempfile::TempDir;

const READY: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_secs(30);
const USAGE: i32 = 2;

struct Fleet {
    _agent: Agent,
    _coordinator: Coordinator,
    ctl: Ctl,
    folder: TempDir,
}

fn fleet() -> Fleet {
    let folder = tempfile::tempdir().expect("a folder");
    let coordinator = Coordinator::start(CoordinatorSettings::here(folder.path()));
    let ctl = coordinator.ctl();
    let token = ctl.token(1);
    let settings = AgentSettings::here(folder.path(), "host0", &coordinator, &token);
    let agent = Agent::start(settings);
    ctl.all_ready(1, READY);
    Fleet { _agent: agent, _coordinator: coordinator, ctl, folder }
}

/// Waits until a schedule is as wanted.
fn shown(ctl: &Ctl, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(&format!("the schedule {name}"), SOON, || {
        let schedule = ctl.json(&["schedule", "show", name]);
        if wanted(&schedule) { Ok(schedule) } else { Err(format!("{schedule:#}")) }
    })
}

fn batches(schedule: &Value) -> Vec<&Value> {
    let past = schedule["past"].as_array().map(Vec::as_slice).unwrap_or_default();
    past.iter().filter(|past| past["what"] == "batch").collect()
}

#[test]
fn a_schedule_runs_what_it_was_given_when_it_is_due() {
    let Fleet { ctl, folder, .. } = &fleet();
    let (script, marks) = (folder.path().join("mark.sh"), folder.path().join("marks"));
    fs::write(&script, "#!/bin/sh\necho \"$1\" >> \"$2\"\n").expect("a script");
    let (script, marks_text) = (script.display().to_string(), marks.display().to_string());
    let made = ctl.json(&[
        "schedule",
        "create",
        "ticks",
        "--cron",
        "*/2 * * * * *",
        "--tz",
        "Europe/Berlin",
        "--begin-jitter",
        "1s",
        "--overlap",
        "wait",
        "--script",
        &script,
        "-l",
        "os=linux",
        "--max-failed",
        "0",
        "--",
        "tick",
        &marks_text,
    ]);
    assert_eq!(
        (&made["state"], &made["timing"]["zone"]),
        (&"enabled".into(), &"Europe/Berlin".into())
    );
    assert_eq!(made["next"].as_array().map(Vec::len), Some(5), "{made:#}");
    // What it needs it has: this machine's file is of no use any more.
    fs::remove_file(&script).expect("the script");
    let schedule = shown(ctl, "ticks", |schedule| batches(schedule).len() >= 2);
    for past in batches(&schedule) {
        let id = past["batch"].as_str().expect("an id");
        let batch = until("the batch", SOON, || {
            let batch = ctl.json(&["batch", "show", id]);
            if batch["state"] == "running" { Err(format!("{batch:#}")) } else { Ok(batch) }
        });
        assert_eq!(batch["state"], "succeeded", "{batch:#}");
    }
    let told = ctl.run(&["schedule", "show", "ticks"]).text();
    for words in ["Europe/Berlin", "*/2 * * * * *", "UTC", "os=linux", "wait"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let disabled = ctl.json(&["schedule", "disable", "ticks"]);
    assert_eq!(disabled["state"], "disabled", "{disabled:#}");
    let before = batches(&ctl.json(&["schedule", "show", "ticks"])).len();
    let ran = ctl.json(&["schedule", "run", "ticks"]);
    assert_eq!(ran["past"][0]["by_hand"], true, "{ran:#}");
    let after = shown(ctl, "ticks", |schedule| batches(schedule).len() > before);
    let lines = until("the marks", SOON, || {
        let lines = fs::read_to_string(&marks).unwrap_or_default().lines().count();
        if lines == batches(&after).len() { Ok(lines) } else { Err(lines.to_string()) }
    });
    assert!(lines >= 3, "each ran once: {lines}");
    let listed = ctl.json(&["schedule", "ls"]);
    assert_eq!(listed[0]["schedule"], "ticks", "{listed:#}");
    ctl.json(&["schedule", "rm", "ticks"]);
    assert_eq!(ctl.json(&["schedule", "ls"]).as_array().map(Vec::len), Some(0));
}

#[test]
fn what_is_no_schedule_is_refused_before_it_is_one() {
    let Fleet { ctl, .. } = &fleet();
    let refused = |arguments: &[&str], exit: i32| {
        let all = [&["schedule", "create", "x"], arguments, &["--", "true"]].concat();
        ctl.refused(exit, &all)["field"].clone()
    };
    assert_eq!(refused(&["--cron", "30 25 * * *"], USAGE), "cron");
    assert_eq!(refused(&["--at", "2020-01-01T00:00Z"], USAGE), "at");
    assert_eq!(refused(&["--at", "2027-03-28T02:30", "--tz", "Europe/Berlin"], USAGE), "at");
    assert_eq!(refused(&["--cron", "@daily", "--tz", "Berlin"], USAGE), "tz");
    let never = ["--cron", "0 12 * * *", "--window", "22:00-04:00"];
    assert_eq!(refused(&never, USAGE), "window");
    assert_eq!(refused(&["--cron", "@daily", "-l", "os in ("], USAGE), "selector");
    let listed = ctl.json(&["schedule", "ls"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(0), "a refusal made one: {listed:#}");
}
