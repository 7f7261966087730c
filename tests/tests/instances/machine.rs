//! One virtual machine.

use serde_json::json;
use tamer_peers::guest::BOOTED;
use tamer_tests::until;

use crate::scene::{BOOT, SOON, Scene, becomes, done, goes, inside};

/// From its making to its end.
pub fn lives(scene: &Scene) {
    let ctl = &scene.ctl;
    let machine = scene.machine();
    let machine: Vec<&str> = machine.iter().map(String::as_str).collect();
    let place = ["create", "--provider=libvirt", "--host=host3", "--name=vm", "--label=app=db"];
    done(ctl, &[&place[..], &machine].concat());
    let made = becomes(ctl, "host3/vm", "running", SOON);
    assert_eq!((&made["kind"], &made["managed"]), (&json!("machine"), &json!(true)), "{made:#}");
    assert!(scene.libvirt.virsh(&["list", "--name"]).expect("virsh").contains("vm"));

    until("the machine boots, as its log tells", BOOT, || {
        let log = ctl.run(&["instance", "logs", "vm"]);
        if log.text().contains(BOOTED) { Ok(()) } else { Err(format!("{log:?}")) }
    });
    until("its guest agent answers", BOOT, || {
        let ended = ctl.run(&["instance", "exec", "vm", "--", "true"]);
        if ended.code() == 0 { Ok(()) } else { Err(format!("{ended:?}")) }
    });
    enter(scene);
    stats(scene);
    checkpoint(scene);

    done(ctl, &["pause", "vm"]);
    becomes(ctl, "host3/vm", "paused", SOON);
    done(ctl, &["resume", "vm"]);
    becomes(ctl, "host3/vm", "running", SOON);
    done(ctl, &["stop", "--grace=30s", "vm"]);
    becomes(ctl, "host3/vm", "stopped", SOON);
    done(ctl, &["start", "vm"]);
    becomes(ctl, "host3/vm", "running", SOON);
    done(ctl, &["rm", "--force", "vm"]);
    goes(ctl, "host3/vm");
    assert_eq!(scene.libvirt.virsh(&["list", "--all", "--name"]).expect("virsh").trim(), "");
    assert!(scene.disk.exists(), "the disk it was made of is not its own");
}

fn enter(scene: &Scene) {
    let ctl = &scene.ctl;
    assert!(inside(ctl, "vm", "cat /proc/version").starts_with("Linux version "));
    let script = "echo out; echo err >&2; exit 3";
    let ended = ctl.run(&["instance", "exec", "vm", "--", "sh", "-c", script]);
    assert_eq!((ended.code(), ended.text().as_str(), ended.stderr.as_str()), (3, "out\n", "err\n"));
    inside(ctl, "vm", "count 40");
    until("its console's lines are in its log", SOON, || {
        let log = ctl.run(&["instance", "logs", "vm"]);
        let text = log.text();
        // The shell of the console writes its prompt wherever it is.
        let lines = text.lines().filter_map(|line| line.trim_end().rsplit_once("line "));
        let numbers: Vec<usize> = lines.filter_map(|(_, number)| number.parse().ok()).collect();
        if numbers == (1..=40).collect::<Vec<_>>() { Ok(()) } else { Err(format!("{log:?}")) }
    });
}

fn stats(scene: &Scene) {
    let samples = crate::streams::stats(scene, &["vm"]);
    let sample = &samples["host3/vm"];
    for counted in ["cpu_ns", "memory_bytes", "memory_limit_bytes", "block_read_bytes"] {
        assert!(sample[counted].as_u64().is_some_and(|count| count > 0), "{counted}: {sample:#}");
    }
    // The technology does not count them from outside.
    assert!(sample["pids"].is_null(), "{sample:#}");
}

/// Disk and memory come back.
fn checkpoint(scene: &Scene) {
    let ctl = &scene.ctl;
    let point = |verb: &str| done(ctl, &["checkpoint", verb, "vm", "first"]);
    inside(ctl, "vm", "echo before >/data/kept; echo before >/run/kept; sync");
    point("create");
    let listed = ctl.json(&["instance", "checkpoint", "ls", "vm"]);
    assert_eq!((&listed[0]["name"], &listed[0]["kind"]), (&json!("first"), &json!("full")));
    inside(ctl, "vm", "echo after >/data/kept; echo after >/run/kept; sync");
    point("restore");
    becomes(ctl, "host3/vm", "running", SOON);
    let kept = until("the guest agent of the restored machine answers", BOOT, || {
        let cat = ["instance", "exec", "vm", "--", "cat", "/data/kept", "/run/kept"];
        let ended = ctl.run(&cat);
        if ended.code() == 0 { Ok(ended.text()) } else { Err(format!("{ended:?}")) }
    });
    assert_eq!(kept, "before\nbefore\n");
    point("rm");
    let listed = ctl.json(&["instance", "checkpoint", "ls", "vm"]);
    assert_eq!(listed, json!([]), "{listed:#}");
}
