//! Instances, end to end: real engines and a real hypervisor, real agents, and tamerctl alone.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "figures for whoever reads the log of a run")]

mod batches;
mod containers;
mod dies;
mod flood;
mod machine;
mod person;
mod refusals;
mod scene;
mod streams;
mod table;

use std::thread;
use std::time::Instant;

use tamer_tests::technology::installed;

use scene::{SOON, Scene, available, names};

/// Docker on one host, Podman on another, libvirt on the third.
#[test]
fn three_hosts_do_what_one_command_says() {
    if !installed(&["docker", "podman", "libvirt"]) {
        return;
    }
    let scene = Scene::start();
    hosts(&scene);
    // A machine boots slowly: meanwhile the containers.
    thread::scope(|scope| {
        let machine = scope.spawn(|| told("machine", || machine::lives(&scene)));
        told("create", || containers::create(&scene));
        told("choose", || containers::choose(&scene));
        told("follow", || streams::follow(&scene));
        told("stats", || streams::count(&scene));
        for name in ["host1/box", "host2/box"] {
            told("exec", || streams::exec(&scene, name));
            told("terminal", || person::types(&scene, name));
            told("leave", || person::leaves(&scene, name));
            told("checkpoint", || containers::checkpoint(&scene, name));
        }
        told("batches", || batches::all(&scene));
        told("act", || containers::act(&scene));
        machine.join().expect("the machine's part said why");
    });
    told("refusals", || refusals::all(&scene));
    told("remove", || containers::remove(&scene));
    told("table", || table::agrees(&scene.ctl));
    assert_eq!(names(&scene.ctl, &[]), Vec::<String>::new());
}

/// The promise about an engine that is killed.
#[test]
fn an_engine_dies_under_load_and_comes_back() {
    if installed(&["docker"]) {
        dies::and_comes_back();
    }
}

/// The promise about a reader that does not read.
#[test]
fn a_flood_that_nobody_reads_stays_where_it_is() {
    if installed(&["docker"]) {
        flood::stays_where_it_is();
    }
}

/// What a host tells of what it can, and why it cannot.
fn hosts(scene: &Scene) {
    let ctl = &scene.ctl;
    let docker = available(ctl, "host1", "docker", true, SOON);
    assert_eq!(docker["endpoint"], scene.docker.endpoint(), "{docker:#}");
    let version = docker["version"].as_str().unwrap_or_default();
    assert!(version.starts_with("Docker Engine "), "{docker:#}");
    let missing = available(ctl, "host1", "libvirt", false, SOON);
    assert_eq!(missing["problem"]["code"], "provider-unavailable", "{missing:#}");
    let why = missing["problem"]["message"].as_str().unwrap_or_default();
    assert!(why.contains("nowhere.sock"), "it names what is missing: {missing:#}");
    assert!(missing["problem"]["remedy"].is_string(), "{missing:#}");
    let shown = ctl.run(&["host", "show", "host1"]);
    assert!(shown.text().contains("nowhere.sock"), "people are told too:\n{}", shown.text());
    for (host, enabled) in [("host1", &["docker", "libvirt"][..]), ("host2", &["podman"])] {
        let told = ctl.json(&["host", "show", host]);
        let all = told["provider_status"].as_array().expect("a list").iter();
        let mut all: Vec<_> = all.map(|one| one["name"].as_str().unwrap_or("?")).collect();
        all.sort_unstable();
        assert_eq!(all, enabled, "what is switched off is not told");
    }
}

/// Says what is done, and how long it took.
fn told(what: &str, part: impl FnOnce()) {
    let begun = Instant::now();
    println!("{what} …");
    part();
    println!("{what}: {:?}", begun.elapsed());
}
