//! Bad input: one clear error each, by its code, its field and its remedy, and nothing half-made.

use std::fs;

use serde_json::Value;
use tamer_peers::image::BUSYBOX;

use crate::containers::IDLER;
use crate::scene::{SOON, Scene, becomes, done, fails, goes, names};

/// Everything that people get wrong.
pub fn all(scene: &Scene) {
    let ctl = &scene.ctl;
    let before = names(ctl, &[]);
    refused_at_once(scene);
    refused_by_the_engine(scene);
    port_taken(scene);
    not_now(scene);
    assert_eq!(names(ctl, &[]), before, "nothing is half-made");
    let docker = scene.docker_says(&["ps", "-a", "--format", "{{.Names}}"]);
    let mut docker: Vec<_> = docker.lines().map(|name| format!("host1/{name}")).collect();
    docker.sort();
    assert_eq!(docker, names(ctl, &["-l", "name=host1"]), "nor hidden");
}

/// The code, the field and a remedy of an error or problem.
#[track_caller]
fn says(told: &Value, code: &str, field: Option<&str>) {
    let seen = (told["code"].as_str(), told["field"].as_str());
    assert_eq!(seen, (Some(code), field), "{told:#}");
    let text = |key: &str| told[key].as_str().is_some_and(|text| !text.trim().is_empty());
    assert!(text("message") && text("remedy"), "{told:#}");
}

/// An idler on host1, with these arguments more.
fn create<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let place = ["create", "--provider=docker", "--host=host1", "--pull=never"];
    [&place[..], more].concat()
}

/// Before anything travels to a host.
fn refused_at_once(scene: &Scene) {
    let refused = |arguments: &[&str], code: &str, field: &str| {
        let arguments = [&["instance"], arguments].concat();
        says(&scene.ctl.refused(2, &arguments), code, Some(field));
    };
    let image = ["--image", BUSYBOX];
    let bad = |more: &[&str], field: &str| {
        refused(&create(&[&image, more].concat()), "invalid-field", field);
    };
    bad(&["--memory=0"], "limits.memory_bytes");
    bad(&["--memory=5000T"], "limits.memory_bytes");
    bad(&["--cpus=0"], "limits.cpu_millis");
    bad(&["--cpus=99999"], "limits.cpu_millis");
    bad(&["--pids=0"], "limits.pids");
    bad(&["--name=a/b"], "name");
    bad(&["--mount=type=bind,source=relative,target=/x"], "mounts[0].source");
    bad(&["--port=81:80", "--port=81:82"], "ports[1].host");
    bad(&["--disk=/some.img"], "disk");
    refused(&create(&[]), "invalid-field", "image");
    refused(&["stop"], "invalid-field", "instance");
    refused(&["rm", "--force"], "invalid-field", "instance");
    refused(&["exec", "-t", "host1/box", "--", "sh"], "invalid-field", "tty");
    refused(&["ls", "-i", "a b"], "selector-invalid", "instances");

    let file = scene.folder.path().join("odd.yaml");
    fs::write(&file, format!("image: {BUSYBOX}\nimagee: oops\n")).expect("a file");
    let file = file.to_str().expect("text");
    let read = ["create", "--provider=docker", "--host=host1", "-f", file];
    refused(&read, "invalid-field", "imagee");
}

/// By the host's technology, as the problem of the only task.
fn refused_by_the_engine(scene: &Scene) {
    let fail = |more: &[&str], code: &str, field: &str| {
        says(&fails(&scene.ctl, &create(more)), code, Some(field));
    };
    fail(&["--image=tamer/nothing:1"], "not-found", "image");
    fail(&["--image=UPPER case"], "invalid-field", "image");
    let bad = |more: &[&str], code: &str, field: &str| {
        fail(&[&["--image", BUSYBOX], more].concat(), code, field);
    };
    bad(&["--name=box"], "already-exists", "name");
    bad(&["--network=nowhere"], "not-found", "networks[0]");
    bad(&["--mount=type=bind,source=/no/such,target=/x"], "invalid-field", "mounts[0].source");
    bad(&["--option=nonsense=1"], "invalid-field", "options.nonsense");
    bad(&["--option=tty=maybe"], "invalid-field", "options.tty");
}

/// What was made and could not start is there to be seen and removed.
fn port_taken(scene: &Scene) {
    let ctl = &scene.ctl;
    let line = ["--image", BUSYBOX, "--name=late", "--port=18080:80", "--", "sh", "-c", IDLER];
    let problem = fails(ctl, &create(&line));
    says(&problem, "resource-exhausted", Some("ports[0].host"));
    let left = names(ctl, &["--name", "late"]);
    if !left.is_empty() {
        done(ctl, &["rm", "--force", "host1/late"]);
        goes(ctl, "host1/late");
    }
}

/// Not in this state, or not on this host.
fn not_now(scene: &Scene) {
    let ctl = &scene.ctl;
    done(ctl, &["stop", "--grace=5s", "host1/box"]);
    becomes(ctl, "host1/box", "stopped", SOON);
    let exec = ["instance", "exec", "host1/box", "--", "true"];
    says(&ctl.refused(1, &exec), "wrong-state", None);
    let pause = fails(ctl, &["pause", "host1/box"]);
    says(&pause, "wrong-state", None);
    done(ctl, &["start", "host1/box"]);
    becomes(ctl, "host1/box", "running", SOON);

    let elsewhere = |provider: &str, host: &str| {
        let place = ["create", "--provider", provider, "--host", host, "--image", BUSYBOX];
        fails(ctl, &place)
    };
    says(&elsewhere("libvirt", "host1"), "provider-unavailable", None);
    says(&elsewhere("docker", "host3"), "not-found", Some("provider"));
    let gone = ctl.refused(1, &["instance", "show", "nobody"]);
    says(&gone, "not-found", Some("instance"));
}
