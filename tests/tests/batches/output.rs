//! What tasks print and how they end, as it is kept, read, and told.

use std::fs;

use serde_json::{Value, json};
use tamer_tests::until;

use crate::scene::{SOON, Scene, tell};
use crate::told::{printed, task, text};

#[test]
fn output() {
    tell(
        Scene::start(2),
        &[
            ("cut", cut),
            ("by offset", by_offset),
            ("whole", whole),
            ("results", results),
            ("data", data),
            ("exit codes", exit_codes),
            ("removed", removed),
        ],
    );
}

/// Head and tail are kept, and what was cut is said.
fn cut(scene: &mut Scene) {
    let line = ["--host", "host1", "--output-limit", "1K", "--", "seq", "1", "5000"];
    let batch = scene.run(0, &line);
    let (kept, told) =
        (text(task(&batch, "host1"), "stdout"), &task(&batch, "host1")["stdout_cut"]);
    let all: String = (1..=5000).map(|number| format!("{number}\n")).collect();
    assert_eq!(told.as_u64(), Some((all.len() - kept.len()) as u64), "{batch:#}");
    assert!(
        kept.len() <= 1024 && kept.starts_with("1\n2\n3\n") && kept.ends_with("\n4999\n5000\n")
    );
    let shown = scene.ctl.run(&["batch", "logs", text(&batch, "batch"), "host1"]);
    printed(&shown, 0, &format!("[… {told} bytes not shown …]\n"));
}

fn by_offset(scene: &mut Scene) {
    let go = scene.path("go");
    let script =
        format!("printf 'hello world\\n'; while [ ! -e {go} ]; do sleep 0.05; done; echo again");
    let id = scene.detach(&["--host", "host1", "--shell", "--", &script]);
    let read = |more: &[&str]| {
        let ended = scene.ctl.run(&[&["batch", "logs", &id, "host1"], more].concat());
        assert_eq!(ended.code(), 0, "{ended:?}");
        ended.text()
    };
    until("what it printed so far", SOON, || match read(&["--from", "6"]) {
        told if told == "world\n" => Ok(()),
        told => Err(told),
    });
    assert_eq!(text(&scene.show(&id), "state"), "running", "it was read while it runs");
    fs::write(&go, "").expect("it may go on");
    scene.end(&id);
    assert_eq!(read(&["--from", "12"]), "again\n");
}

/// Whoever follows has all of it, whatever is kept.
fn whole(scene: &mut Scene) {
    const LINES: usize = 200_000;
    let go = scene.path("begin");
    let script = format!("while [ ! -e {go} ]; do sleep 0.05; done; seq 1 {LINES}");
    let id = scene.detach(&["--host", "host1", "--output-limit", "1K", "--shell", "--", &script]);
    let followers =
        ["host1", "host1"].map(|host| scene.beside(&["batch", "logs", "-f", &id, host]));
    scene.becomes(&id, "it runs", |told| told["counts"]["running"] == 1);
    fs::write(&go, "").expect("it may begin");
    let all: String = (1..=LINES).map(|number| format!("{number}\n")).collect();
    for follower in followers {
        let ended = follower.finish(SOON);
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        let told = ended.text();
        assert!(told == all, "{} of {} bytes came", told.len(), all.len());
    }
    let kept = scene.end(&id);
    assert!(text(task(&kept, "host1"), "stdout").len() <= 1024, "and no more is kept");
}

/// Times, processor and memory are those of the command.
fn results(scene: &mut Scene) {
    let script = "import sys,time; x=bytearray(64<<20); t=time.process_time()\n\
                  while time.process_time()-t<0.2: pass\nprint('out'); print('err', file=sys.stderr); sys.exit(3)";
    let batch = scene.run(1, &["--host", "host1", "--", "python3", "-c", script]);
    let told = task(&batch, "host1");
    assert_eq!((text(told, "stdout"), text(told, "stderr")), ("out\n", "err\n"), "{batch:#}");
    assert_eq!((&told["exit_code"], &told["signal"]), (&json!(3), &Value::Null), "{batch:#}");
    let number = |key: &str| told[key].as_u64().unwrap_or_default();
    assert!((200..20_000).contains(&number("cpu_ms")), "{batch:#}");
    assert!(number("duration_ms") >= 200, "{batch:#}");
    assert!((64 << 20..512 << 20).contains(&number("max_memory_bytes")), "{batch:#}");
    assert!(told["started_at"].is_string(), "{batch:#}");
    let killed = scene.run(1, &["--host", "host1", "--shell", "--", "kill -TERM $$"]);
    assert_eq!(task(&killed, "host1")["signal"], 15, "{killed:#}");
}

fn data(scene: &mut Scene) {
    let columns = |batch: &Value, columns: &str| {
        let told = scene.ctl.run(&["batch", "show", text(batch, "batch"), "--columns", columns]);
        assert_eq!(told.code(), 0, "{told:?}");
        let text = told.text();
        let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        rows.collect::<Vec<_>>()
    };
    let script = "echo '{\"name\": \"'$(me)'\", \"disks\": [{\"free\": 7}]}'";
    let json = scene.run(0, &["--parse", "json", "--shell", "--", script]);
    assert_eq!(task(&json, "host2")["data"], json!({"name": "host2", "disks": [{"free": 7}]}));
    let table = columns(&json, "target,exit,data.name,data.disks.0.free");
    assert_eq!(table[1..], ["host1 0 host1 7", "host2 0 host2 7"], "{table:?}");

    let script = "[ $(me) = host1 ] && echo VERSION=12 && echo 'Kernel: 6.1' || echo no pairs";
    let kv = scene.run(0, &["--parse", "kv", "--shell", "--", script]);
    assert_eq!(task(&kv, "host1")["data"], json!({"VERSION": "12", "Kernel": "6.1"}));
    assert_eq!(task(&kv, "host2")["data"], Value::Null, "nothing is guessed");
    assert!(text(task(&kv, "host2"), "data_problem").contains("line 1"), "{kv:#}");

    let lines = scene.run(0, &["--parse", "lines", "--", "seq", "3"]);
    assert_eq!(task(&lines, "host1")["data"], json!(["1", "2", "3"]));
    // What was not said when it ran can be said later.
    let later = scene.run(0, &["--", "echo", "a=1"]);
    let told = scene.ctl.json(&["batch", "show", text(&later, "batch"), "--parse", "kv"]);
    assert_eq!(task(&told, "host2")["data"]["a"], "1", "{told:#}");
}

/// 0, 1, 2 and 3; that of hosts that are away is with those.
fn exit_codes(scene: &mut Scene) {
    scene.run(0, &["--", "true"]);
    scene.run(1, &["--shell", "--", "[ $(me) = host1 ]"]);
    let usage = scene.ctl.refused(2, &["run", "--canary", "many", "--", "true"]);
    assert_eq!(text(&usage, "code"), "invalid-field");
    scene.coordinator.process.stop();
    let away = scene.ctl.refused(3, &["run", "--", "true"]);
    assert_eq!(text(&away, "code"), "unreachable", "{away:#}");
    scene.coordinator.restart();
    for agent in &mut scene.agents {
        agent.process.announce("session");
    }
    scene.ctl.all_ready(2, SOON);
}

/// A coordinator that may keep little removes the rest when it starts.
fn removed(scene: &mut Scene) {
    // 16 KiB that cannot be made smaller, and so 32 KiB of two hosts.
    let noise = "head -c 16384 /dev/urandom";
    for _ in 0..3 {
        scene.run(0, &["--shell", "--", noise]);
    }
    let kept = scene.ctl.json(&["batch", "ls"]).as_array().map_or(0, Vec::len);
    assert!(kept > 4, "there is something to remove: {kept}");
    let config = scene.file("retention.toml", "[retention]\nbatches = 4\noutput_bytes = 50000\n");
    scene.coordinator.process.stop();
    scene.coordinator.settings.more.extend(["--config".to_owned(), config]);
    scene.coordinator.restart();
    let left = until("the oldest are gone", SOON, || {
        let all = scene.ctl.json(&["batch", "ls"]);
        let list = all.as_array().cloned().unwrap_or_default();
        if list.len() == 4 { Ok(list) } else { Err(format!("{} are left", list.len())) }
    });
    // What is gone is told as cut, and never as nothing printed.
    until("of the output the newest is left", SOON, || {
        let shown: Vec<_> = left.iter().map(|batch| scene.show(text(batch, "batch"))).collect();
        let first = |at: usize| task(&shown[at], "host1");
        let printed = |at: usize| text(first(at), "stdout").len();
        match (printed(0), printed(1), first(1)["stdout_cut"].as_u64()) {
            (1.., 0, Some(1..)) => Ok(()),
            _ => Err(format!("{:#}", first(1))),
        }
    });
}
