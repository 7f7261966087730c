//! Logs, stats and commands, while somebody looks on.

use std::collections::BTreeMap;

use serde_json::Value;
use tamer_tests::{Process, Signal, until};

use crate::scene::{SOON, Scene, full_name, inside};

/// As many as a talker writes.
const LINES: usize = 200;

/// Two logs of two hosts are one stream of whole lines, each with its name.
pub fn follow(scene: &Scene) {
    let ctl = &scene.ctl;
    let mut command = ctl.command(&["instance", "logs", "-f", "--name", "web-*"]);
    let mut follower = Process::tool("logs -f", &mut command);
    for name in ["web-1", "web-2"] {
        inside(ctl, name, "touch /go");
    }
    until("all lines of both", SOON, || {
        let shown = follower.stdout();
        match shown.matches("and the rest of 200 by web-").count() {
            2 => Ok(()),
            _ => Err(format!("{:?}", shown.lines().rev().take(3).collect::<Vec<_>>())),
        }
    });
    follower.signal(Signal::SIGINT);
    let ended = follower.finish(SOON);
    assert_eq!(ended.code(), 0, "leaving a log is no failure: {ended:?}");
    let mut next: BTreeMap<&str, usize> = BTreeMap::new();
    let text = ended.text();
    for line in text.lines() {
        let (name, said) = line.split_once(" | ").unwrap_or_else(|| panic!("a prefix: {line:?}"));
        let number = next.entry(name).or_default();
        *number += 1;
        assert_eq!(said, format!("{name} {number} and the rest of {number} by {name}"));
    }
    assert_eq!(next, BTreeMap::from([("web-1", LINES), ("web-2", LINES)]));

    // One alone has no prefix, and its end is cut where it is asked for. (Podman 4.3 cuts lines that
    // were written in pieces wrongly, its own client too.)
    let tail = ctl.run(&["instance", "logs", "--tail", "2", "web-1"]);
    let expected = [199, 200].map(|n| format!("web-1 {n} and the rest of {n} by web-1\n")).concat();
    assert_eq!((tail.code(), tail.text()), (0, expected), "{tail:?}");
}

/// What the named instances use, by `host/name`: one sample each.
#[track_caller]
pub fn stats(scene: &Scene, named: &[&str]) -> BTreeMap<String, Value> {
    let arguments = [&["-o", "json", "instance", "stats", "--no-stream"], named].concat();
    let ended = scene.ctl.run(&arguments);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let samples = serde_json::Deserializer::from_slice(&ended.stdout).into_iter::<Value>();
    let samples: Vec<Value> = samples.map(|one| one.expect("json")).collect();
    // A list, or an object a line.
    let samples = samples.iter().flat_map(|one| match one {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    });
    let samples: Vec<_> = samples.map(|one| (full_name(&one), one)).collect();
    let count = samples.len();
    let by_name: BTreeMap<_, _> = samples.into_iter().collect();
    assert_eq!((count, by_name.len()), (named.len(), named.len()), "one each: {by_name:#?}");
    by_name
}

/// Counters of containers of both engines.
pub fn count(scene: &Scene) {
    let samples = stats(scene, &["web-1", "web-2"]);
    for (name, sample) in &samples {
        for counted in ["cpu_ns", "memory_bytes", "memory_limit_bytes", "pids"] {
            assert!(
                sample[counted].as_u64().is_some_and(|count| count > 0),
                "{counted} of {name}: {sample:#}"
            );
        }
        assert_eq!(sample["memory_limit_bytes"], 64 << 20, "{name}: {sample:#}");
        // Each is told; what is not counted is null and not 0 or left out.
        let told = sample.as_object().expect("an object");
        for key in ["network_received_bytes", "network_sent_bytes", "block_read_bytes"] {
            assert!(told.get(key).is_some_and(|v| v.is_null() || v.is_u64()), "{key}: {sample:#}");
        }
    }
}

/// Commands with plain streams.
pub fn exec(scene: &Scene, name: &str) {
    let ctl = &scene.ctl;
    let script = "echo out; echo err >&2; pwd; echo $WORD; exit 5";
    let place = ["instance", "exec", "-w", "/tmp", "-e", "WORD=given", name, "--"];
    let ended = ctl.run(&[&place[..], &["sh", "-c", script]].concat());
    let seen = (ended.code(), ended.text(), ended.stderr.as_str());
    assert_eq!(seen, (5, "out\n/tmp\ngiven\n".to_owned(), "err\n"), "{name}");

    let mut bytes = vec![0; 1 << 20];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    let mut cat =
        Process::tool("cat", &mut ctl.command(&["instance", "exec", "-i", name, "--", "cat"]));
    cat.feed(&bytes);
    let ended = cat.finish(SOON);
    assert_eq!(ended.code(), 0, "{name}: {}", ended.stderr);
    assert!(ended.stdout == bytes, "{name}: {} bytes came back, not the same", ended.stdout.len());

    // Without -i nothing is sent: the command sees the end at once.
    let ended = ctl.run(&["instance", "exec", name, "--", "cat"]);
    assert_eq!((ended.code(), ended.stdout.as_slice()), (0, &b""[..]), "{name}: {ended:?}");
}
