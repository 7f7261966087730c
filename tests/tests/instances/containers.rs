//! Containers of two engines on two hosts.

use std::fs;

use serde_json::{Value, json};
use tamer_peers::image::BUSYBOX;

use crate::scene::{SOON, Scene, becomes, done, full_name, goes, inside, list, names};

/// Waits for a sign, then writes numbered lines, each in two pieces, and stays until it is asked to
/// end.
pub const TALKER: &str = "trap 'exit 0' TERM\n\
    while [ ! -e /go ]; do sleep 0.1; done\n\
    i=0\n\
    while [ $i -lt 200 ]; do\n\
        i=$((i+1)); printf '%s' \"$WHO $i \"; sleep 0.01; echo \"and the rest of $i by $WHO\"\n\
    done\n\
    sleep 1000000 & wait";
/// Does nothing, and ends when it is asked to.
pub const IDLER: &str = "trap 'exit 0' TERM; sleep 1000000 & wait";

/// Makes a talker and an idler on each of the two hosts: from flags, and from a file.
pub fn create(scene: &Scene) {
    let ctl = &scene.ctl;
    let made = done(
        ctl,
        &[
            &["create", "--provider=docker", "--host=host1", "--image", BUSYBOX, "--name=web-1"],
            &["--label=app=web", "--env=WHO=web-1", "--memory=64M", "--cpus=0.5", "--pids=100"][..],
            &["--mount=type=tmpfs,target=/scratch", "--port=18080:80", "--", "sh", "-c", TALKER],
        ]
        .concat(),
    );
    let native = made["tasks"][0]["stdout"].as_str().and_then(|text| text.strip_suffix('\n'));
    let native = native.unwrap_or_else(|| panic!("an id and a line's end: {made:#}"));
    let shape = "{{.Name}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.State.Running}}";
    let seen = scene.docker_says(&["inspect", "-f", shape, native]);
    assert_eq!(seen.trim(), "/web-1 67108864 100 true");

    let file = scene.folder.path().join("web-2.yaml");
    let spec = json!({
        "name": "web-2",
        "image": BUSYBOX,
        "command": ["sh", "-c", TALKER],
        "env": {"WHO": "web-2"},
        "labels": {"app": "web"},
        "limits": {"memory_bytes": 64 << 20},
        "mounts": [{"kind": "tmpfs", "target": "/scratch"}],
        "ports": [{"instance": 80, "host": 18080}],
    });
    // JSON is YAML.
    fs::write(&file, format!("# the second half of the site\n{spec:#}\n")).expect("a file");
    let file = file.to_str().expect("text");
    done(ctl, &["create", "--provider=podman", "--host=host2", "-f", file]);

    for (host, provider) in [("host1", "docker"), ("host2", "podman")] {
        let place = ["create", "--provider", provider, "--host", host, "--image", BUSYBOX];
        done(ctl, &[&place[..], &["--name=box", "--", "sh", "-c", IDLER]].concat());
    }
    for name in ["host1/web-1", "host1/box", "host2/web-2", "host2/box"] {
        becomes(ctl, name, "running", SOON);
    }
    assert_eq!(inside(ctl, "web-1", "mount | grep -c scratch; echo $WHO"), "1\nweb-1\n");
    assert_eq!(inside(ctl, "web-2", "mount | grep -c scratch; echo $WHO"), "1\nweb-2\n");
}

/// What the fleet tells of them, and how they are chosen.
pub fn choose(scene: &Scene) {
    let ctl = &scene.ctl;
    let all = list(ctl, &["-l", "name in (host1,host2)"]);
    let mut seen: Vec<[String; 5]> = all
        .iter()
        .map(|one| {
            let word = |key: &str| one[key].as_str().unwrap_or("?").to_owned();
            [full_name(one), word("provider"), word("kind"), word("state"), word("image")]
        })
        .collect();
    seen.sort();
    let local = format!("localhost/{BUSYBOX}");
    let row = |name: &str, provider: &str, image: &str| {
        [name, provider, "container", "running", image].map(str::to_owned)
    };
    let expected = [
        row("host1/box", "docker", BUSYBOX),
        row("host1/web-1", "docker", BUSYBOX),
        row("host2/box", "podman", &local),
        row("host2/web-2", "podman", &local),
    ];
    assert_eq!(seen, expected);
    assert!(all.iter().all(|one| one["managed"] == true && one["stale"] == false), "{all:#?}");
    let web = all.iter().find(|one| one["name"] == "web-1").expect("it was just there");
    assert_eq!(web["labels"]["app"], "web", "{web:#}");
    assert_eq!(
        (&web["ports"][0]["host"], &web["ports"][0]["instance"]),
        (&json!(18080), &json!(80))
    );

    let chosen = |arguments: &[&str], expected: &[&str]| {
        assert_eq!(names(ctl, arguments), expected, "{arguments:?}");
    };
    chosen(&["-l", "name=host1"], &["host1/box", "host1/web-1"]);
    chosen(&["--provider", "podman"], &["host2/box", "host2/web-2"]);
    chosen(&["--name", "web-*"], &["host1/web-1", "host2/web-2"]);
    chosen(&["-l", "name=host2", "-i", "app=web"], &["host2/web-2"]);
    chosen(&["-i", "app=web,name!=web-2"], &["host1/web-1"]);
    chosen(&["-l", "name=host1", "--provider", "podman"], &[]);
    chosen(&["--state", "paused"], &[]);
    chosen(&["host2/box"], &["host2/box"]);

    // A name that two have names nobody; with its host it does.
    for arguments in [&["show", "box"][..], &["stop", "box"], &["exec", "box", "--", "true"]] {
        let error = ctl.refused(1, &[&["instance"], arguments].concat());
        assert_eq!(error["code"], "ambiguous", "{arguments:?}: {error:#}");
        assert!(error["remedy"].is_string(), "{arguments:?}: {error:#}");
    }
    assert_eq!(ctl.json(&["instance", "show", "host2/box"])["host_name"], "host2");
    let by_id = web["id"].as_str().expect("an id");
    assert_eq!(ctl.json(&["instance", "show", by_id])["name"], "web-1");
    let raw = ctl.json(&["instance", "show", "web-1"]);
    assert_eq!(raw["raw"]["Name"], "/web-1", "what docker says, in its own words: {raw:#}");
}

/// Batches over both hosts.
pub fn act(scene: &Scene) {
    let ctl = &scene.ctl;
    let webs = ["--name", "web-*"];
    let act = |verb: &[&str], state: &str| {
        let batch = done(ctl, &[verb, &webs].concat());
        let tasks = batch["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut targets: Vec<_> = tasks
            .iter()
            .map(|task| [&task["name"], &task["instance_name"]].map(|v| v.as_str().unwrap_or("?")))
            .collect();
        targets.sort_unstable();
        assert_eq!(targets, [["host1", "web-1"], ["host2", "web-2"]], "{batch:#}");
        for name in ["host1/web-1", "host2/web-2"] {
            becomes(ctl, name, state, SOON);
        }
        batch["batch"].as_str().expect("an id").to_owned()
    };
    let mut batches = vec![
        (act(&["pause"], "paused"), "instance pause"),
        (act(&["resume"], "running"), "instance resume"),
        (act(&["stop", "--grace=5s"], "stopped"), "instance stop"),
        (act(&["start"], "running"), "instance start"),
        (act(&["restart", "--grace=5s"], "running"), "instance restart"),
    ];
    // The newest comes first.
    batches.reverse();
    let listed = ctl.json(&["batch", "ls", "--limit", "200"]);
    let listed: Vec<&Value> = listed.as_array().expect("a list").iter().collect();
    let known = |one: &&&Value| batches.iter().any(|(id, _)| one["batch"] == id.as_str());
    let seen: Vec<_> = listed
        .iter()
        .filter(known)
        .map(|one| {
            (one["batch"].as_str().expect("id").to_owned(), one["summary"].as_str().expect("text"))
        })
        .collect();
    assert_eq!(seen, batches, "{listed:#?}");
}

/// The file system of a container is brought back.
pub fn checkpoint(scene: &Scene, name: &str) {
    let ctl = &scene.ctl;
    let point = |verb: &str| done(ctl, &["checkpoint", verb, name, "first"]);
    let known = || {
        let listed = ctl.json(&["instance", "checkpoint", "ls", name]);
        let names = listed.as_array().expect("a list").iter().map(|one| one["name"].clone());
        names.collect::<Vec<_>>()
    };
    inside(ctl, name, "echo before >/kept");
    point("create");
    assert_eq!(known(), ["first"]);
    inside(ctl, name, "echo after >/kept");
    let restored = point("restore");
    assert!(restored["tasks"][0]["stdout"].as_str().is_some_and(|id| id.ends_with('\n')));
    becomes(ctl, name, "running", SOON);
    assert_eq!(inside(ctl, name, "cat /kept"), "before\n");
    assert_eq!(known(), ["first"], "they outlive a restore");
    point("rm");
    assert!(known().is_empty(), "{:?}", known());
    // It is still one, and still ours.
    let again = becomes(ctl, name, "running", SOON);
    assert_eq!(again["managed"], true, "{again:#}");
}

/// What Tamer did not make is not removed by accident; what it made is removed with one word.
pub fn remove(scene: &Scene) {
    let ctl = &scene.ctl;
    scene.docker_says(&["run", "-d", "--name", "theirs", BUSYBOX, "sh", "-c", IDLER]);
    let theirs = becomes(ctl, "host1/theirs", "running", SOON);
    assert_eq!(theirs["managed"], false, "{theirs:#}");
    let error = ctl.refused(2, &["instance", "rm", "--force", "theirs"]);
    assert_eq!((&error["code"], &error["field"]), (&json!("invalid-field"), &json!("yes")));
    let running = scene.docker_says(&["inspect", "-f", "{{.State.Running}}", "theirs"]);
    assert_eq!(running.trim(), "true", "it was refused");
    done(ctl, &["rm", "--force", "--yes", "theirs"]);
    goes(ctl, "host1/theirs");

    let running = crate::scene::fails(ctl, &["rm", "host1/web-1"]);
    assert_eq!(running["code"], "wrong-state", "{running:#}");
    done(ctl, &["rm", "--force", "-l", "name in (host1,host2)"]);
    for name in ["host1/web-1", "host1/box", "host2/web-2", "host2/box"] {
        goes(ctl, name);
    }
    let left = scene.docker_says(&["ps", "-aq"]);
    assert_eq!(left.trim(), "", "docker has nothing left");
}
