//! On what: chosen, drawn, frozen, previewed, and asked for.

use std::collections::BTreeSet;

use serde_json::Value;
use tamer_tests::Terminal;

use crate::scene::{SOON, Scene, tell};
use crate::told::{ends, printed, set, text};

#[test]
fn targets() {
    tell(
        Scene::start(5),
        &[
            ("chosen", chosen),
            ("of an earlier batch", of_an_earlier_batch),
            ("a sample", a_sample),
            ("from files", from_files),
            ("previewed", previewed),
            ("frozen", frozen),
            ("asked for", asked_for),
        ],
    );
}

/// The hosts that a batch with these arguments is for.
#[track_caller]
fn meant(scene: &Scene, arguments: &[&str]) -> BTreeSet<String> {
    let told = scene.ctl.json(&[&["run", "--preview"], arguments, &["--", "true"]].concat());
    let first = told["first"].as_array().map(Vec::as_slice).unwrap_or_default();
    first.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn chosen(scene: &mut Scene) {
    let web = set(&["host1", "host2"]);
    assert_eq!(meant(scene, &["-l", "os=linux,role=web"]), web);
    assert_eq!(meant(scene, &["-l", "role in (web,cache)"]), web);
    assert_eq!(meant(scene, &["-l", "role!=web"]), set(&["host3", "host4", "host5"]));
    assert_eq!(meant(scene, &["--host", "host4", "--host", "host1"]), set(&["host1", "host4"]));
    assert_eq!(meant(scene, &["--host", "host4", "-l", "role=db"]), set(&["host4"]));
    assert_eq!(meant(scene, &[]).len(), 5);
    // What is previewed is what runs.
    let batch = scene.run(0, &["-l", "os=linux,role=web", "--", "true"]);
    assert_eq!(ends(&batch).into_keys().collect::<BTreeSet<_>>(), web);
}

fn of_an_earlier_batch(scene: &mut Scene) {
    let earlier = scene
        .run(1, &["--canary", "2", "--max-failed", "0", "--shell", "--", "[ $(me) != host1 ]"]);
    let id = text(&earlier, "batch");
    assert_eq!(meant(scene, &["--failed-of", "last"]), set(&["host1"]));
    assert_eq!(meant(scene, &["--failed-of", id]), set(&["host1"]));
    assert_eq!(meant(scene, &["--never-started-of", id]), set(&["host3", "host4", "host5"]));
    let ends_of = format!("{id}:succeeded,failed");
    assert_eq!(meant(scene, &["--ends-of", &ends_of]), set(&["host1", "host2"]));
    let both = meant(scene, &["--never-started-of", id, "--host", "host3", "--host", "host1"]);
    assert_eq!(both, set(&["host3"]), "all that is said must fit");
}

fn a_sample(scene: &mut Scene) {
    let drawn = |seed: &str| meant(scene, &["--sample", "40%", "--seed", seed]);
    let seeds: Vec<String> = (0..8).map(|seed| seed.to_string()).collect();
    let samples: BTreeSet<_> = seeds.iter().map(|seed| drawn(seed)).collect();
    assert!(samples.iter().all(|sample| sample.len() == 2), "40% of 5: {samples:?}");
    assert!(samples.len() > 1, "the seed decides: {samples:?}");
    assert_eq!(drawn("7"), drawn("7"), "and nothing else does");
    assert_eq!(meant(scene, &["--sample", "3", "-l", "role=db"]).len(), 3);
}

const TOML: &str = r#"
version = 1
parse = "kv"
lease = ["db-restart:2"]

[targets]
selector = "role=db"

[task]
timeout = "30s"
env = { COLOUR = "green" }

[action]
shell = "echo colour=$COLOUR"

[undo]
command = ["true"]

[rollout]
canary = 1
waves = "x2:1"
max_failed = "10%"
on_trip = "undo"
"#;

const YAML: &str = r#"
version: 1
parse: kv
lease: ["db-restart:2"]
targets: { selector: role=db }
task: { timeout: 30s, env: { COLOUR: green } }
action: { shell: "echo colour=$COLOUR" }
undo: { command: ["true"] }
rollout: { canary: 1, waves: "x2:1", max_failed: 10%, on_trip: undo }
"#;

/// What of a batch does not depend on when it ran.
fn asked(batch: &Value) -> Vec<Value> {
    let keys = ["command", "selector", "targets", "rollout", "leases", "parse"];
    let mut asked: Vec<_> = keys.map(|key| batch[key].clone()).to_vec();
    asked.extend(batch["tasks"].as_array().into_iter().flatten().map(|task| task["data"].clone()));
    asked
}

fn from_files(scene: &mut Scene) {
    let (toml, yaml) = (scene.file("spec.toml", TOML), scene.file("spec.yaml", YAML));
    let flags = [
        "-l",
        "role=db",
        "--timeout",
        "30s",
        "-e",
        "COLOUR=green",
        "--parse",
        "kv",
        "--lease",
        "db-restart:2",
        "--canary",
        "1",
        "--waves",
        "x2:1",
        "--max-failed",
        "10%",
        "--undo",
        "true",
        "--shell",
        "--",
        "echo colour=$COLOUR",
    ];
    let said = scene.run(0, &flags);
    assert_eq!(said["tasks"][0]["data"]["colour"], "green", "{said:#}");
    for file in [toml.as_str(), &yaml] {
        let read = scene.run(0, &["-f", file]);
        assert_eq!(asked(&read), asked(&said), "{file}");
    }
    let over = scene.run(0, &["-f", &toml, "-e", "COLOUR=red", "--host", "host4"]);
    assert_eq!(ends(&over).len(), 1, "a flag narrows what the file means: {over:#}");
    assert_eq!(over["tasks"][0]["data"]["colour"], "red", "a flag is over the file: {over:#}");
}

fn previewed(scene: &mut Scene) {
    scene.ctl.json(&["host", "cordon", "host5"]);
    let before = scene.ctl.json(&["batch", "ls"]);
    let told = scene.ctl.run(&["run", "--preview", "--canary", "1", "--waves", "2", "--", "true"]);
    printed(&told, 0, "5 hosts: 4 ready, 1 cordoned; waves 1, 2, 2\n");
    let json = scene.ctl.json(&["run", "--preview", "--canary", "1", "--", "true"]);
    let counts = ["targets", "ready", "lost", "cordoned", "hosts", "fleet"];
    assert_eq!(counts.map(|key| json[key].as_u64()), [5, 4, 0, 1, 5, 5].map(Some), "{json:#}");
    assert_eq!(scene.ctl.json(&["batch", "ls"]), before, "a preview makes nothing");
    scene.ctl.json(&["host", "uncordon", "host5"]);
}

fn frozen(scene: &mut Scene) {
    let id = scene.detach(&["--canary", "1", "--pause-between", "resume", "--", "true"]);
    scene.becomes(&id, "it waits", |told| told["stand"]["stand"] == "between");
    scene.join(&["host6"]);
    assert_eq!(meant(scene, &[]).len(), 6, "the new host is meant by what comes");
    scene.ctl.json(&["batch", "resume", &id]);
    let batch = scene.end(&id);
    assert_eq!((ends(&batch).len(), &batch["targets"]), (5, &5.into()), "{batch:#}");
    assert!(!ends(&batch).contains_key("host6"), "it was made before: {batch:#}");
}

/// A person is asked where more than half of ten hosts or more are meant.
fn asked_for(scene: &mut Scene) {
    scene.join(&["host7", "host8", "host9", "host10"]);
    let before = scene.newest();
    let person = |scene: &Scene, arguments: &[&str]| {
        let arguments = [&["run"], arguments, &["--", "true"]].concat();
        Terminal::start(&scene.ctl.command(&arguments), 100, 30)
    };
    let mut no = person(scene, &[]);
    no.shows("10 hosts: 10 ready", SOON);
    no.shows("Start it?", SOON);
    no.press("n\r");
    no.shows("nothing was started", SOON);
    assert_eq!(no.ended(SOON), 1);
    assert_eq!(scene.newest(), before, "and nothing was");

    let mut yes = person(scene, &[]);
    yes.shows("Start it?", SOON);
    yes.press("y\r");
    yes.shows("10 hosts: 10 succeeded", SOON);
    assert_eq!(yes.ended(SOON), 0);
    assert_ne!(scene.newest(), before);

    // Nobody is asked about less, or who said yes already, or who set another share.
    for arguments in [&["--sample", "5"][..], &["--yes"], &["--confirm-above", "100%"]] {
        let mut quiet = person(scene, arguments);
        quiet.shows("succeeded", SOON);
        assert_eq!(quiet.ended(SOON), 0, "{arguments:?}");
    }
}
