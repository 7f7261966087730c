//! Batches on instances: chosen, run in, timed, and led through several steps.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tamer_tests::{Ctl, states};

use crate::scene::{SOON, Scene, becomes};

/// Everything that a batch does with instances, and with hosts that have them.
pub fn all(scene: &Scene) {
    hosts_that_have(&scene.ctl);
    exec(&scene.ctl);
    ends(&scene.ctl);
    steps(scene);
}

/// Runs a batch that ends with this exit code.
#[track_caller]
fn run(ctl: &Ctl, code: i32, arguments: &[&str]) -> Value {
    let (batch, seen) = ctl.json_code(&[&["run"], arguments].concat());
    assert!(seen == code, "run {arguments:?}: {seen}, not {code}: {batch:#}");
    batch
}

/// What a batch's tasks printed, by instance.
fn printed(batch: &Value) -> BTreeMap<String, String> {
    let text = |task: &Value, key: &str| task[key].as_str().unwrap_or("?").to_owned();
    let tasks = batch["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |task: &Value| {
        let name = format!("{}/{}", text(task, "name"), text(task, "instance_name"));
        (name, text(task, "stdout"))
    };
    tasks.iter().map(one).collect()
}

/// The only task of a batch.
#[track_caller]
fn only(batch: &Value) -> &Value {
    let tasks = batch["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [task] = tasks else { panic!("one task: {batch:#}") };
    task
}

fn hosts_that_have(ctl: &Ctl) {
    let hosts = |having: &str| {
        let batch = run(ctl, 0, &["--having", having, "--", "true"]);
        states(&batch["tasks"]).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(hosts("provider=podman"), ["host2"]);
    assert_eq!(hosts("app=web,state=running"), ["host1", "host2"]);
    let none = ctl.refused(2, &["run", "--having", "app=nothing", "--", "true"]);
    assert_eq!(none["code"], "selection-empty", "{none:#}");
}

fn exec(ctl: &Ctl) {
    let of = |pairs: [(&str, &str); 2]| {
        BTreeMap::from(pairs.map(|(name, text)| (name.to_owned(), text.to_owned())))
    };
    let web = run(ctl, 0, &["-i", "app=web", "--shell", "--", "echo $WHO"]);
    assert_eq!(printed(&web), of([("host1/web-1", "web-1\n"), ("host2/web-2", "web-2\n")]));
    let how = ["--cwd", "/tmp", "-e", "COLOUR=green", "--canary", "1", "--max-failed", "0"];
    let boxes = ["--in", "host1/box", "--in", "host2/box", "--shell", "--", "echo $COLOUR in $PWD"];
    let batch = run(ctl, 0, &[&how[..], &boxes].concat());
    let said = "green in /tmp\n";
    assert_eq!(printed(&batch), of([("host1/box", said), ("host2/box", said)]), "{batch:#}");
}

/// How a command in an instance ends is told as that of one on a host.
fn ends(ctl: &Ctl) {
    let seven = run(ctl, 1, &["--in", "host1/box", "--", "sh", "-c", "exit 7"]);
    let task = only(&seven);
    assert_eq!((&task["state"], &task["exit_code"]), (&"failed".into(), &7.into()), "{seven:#}");
    let slow = ["--in", "host2/box", "--timeout", "500ms", "--", "sleep", "60"];
    let slow = run(ctl, 1, &slow);
    assert_eq!(only(&slow)["state"], "timed_out", "{slow:#}");
    let again =
        run(ctl, 0, &["--failed-of", "last", "-i", "provider=podman", "--shell", "--", ":"]);
    assert_eq!(only(&again)["instance_name"], "box", "only where it timed out: {again:#}");
    let file = ["run", "--in", "host1/box", "--push", "/etc/hostname:/etc/motd"];
    assert_eq!(ctl.refused(2, &file)["field"], "push", "files go to hosts");
}

/// Stopped and started again, one after the other, each looked into before the next.
fn steps(scene: &Scene) {
    const SPEC: &str = "version: 1\n\
        targets: { in: [host1/box, host2/box] }\n\
        steps:\n\
        - { instance: stop, grace: 10s }\n\
        - { instance: start }\n\
        - { shell: echo up again }\n\
        rollout: { max_in_flight: 1, max_failed: 0 }\n";
    let ctl = &scene.ctl;
    let file = scene.folder.path().join("rolling.yaml");
    fs::write(&file, SPEC).expect("a file");
    let batch = run(ctl, 0, &["-f", file.to_str().expect("text")]);
    let printed = printed(&batch);
    assert_eq!(printed.len(), 2, "{batch:#}");
    for (name, text) in printed {
        assert!(text.ends_with("up again\n"), "{name}: {batch:#}");
        becomes(ctl, &name, "running", SOON);
    }
}
