//! One transcript a matcher: what is one story, and what only looks like one.

use insta::assert_snapshot;
use tamer_drift::diff::Change;
use tamer_drift::finding::{Area, How, Touched, show};
use tamer_drift::{Resource, Value};

use crate::stage::{HOUR, Stage, came, named, package, resource, set, text, turned, went};

fn container(id: &str, name: &str, image: &str) -> Resource {
    named(name, resource(&format!("instance/docker/{id}"), &[("image", text(image))]))
}

fn areas(stage: &Stage) -> Vec<(Area, usize)> {
    stage.report().groups.iter().map(|group| (group.area, group.findings.len())).collect()
}

#[test]
fn the_same_on_many_hosts_is_one_finding() {
    let mut stage = Stage::new(9);
    stage.put(&[1, 2, 3, 4, 5, 6, 7], HOUR, package("openssl", "3.0.11", "3.0.14"));
    stage.put(&[8], HOUR, package("openssl", "3.0.9", "3.0.14"));
    assert_snapshot!(stage.told());
}

#[test]
fn security_a_way_in() {
    let mut stage = Stage::new(3);
    let eve = resource("user/host/eve", &[("uid", Value::Int(0)), ("shell", text("/bin/bash"))]);
    let keys = resource("file/host//root/.ssh/authorized_keys", &[("type", text("file"))]);
    let door = resource(
        "port/host/tcp 0.0.0.0:4444",
        &[("address", text("0.0.0.0")), ("protocol", text("tcp")), ("processes", set(&["nc"]))],
    );
    stage.put(&[2], HOUR, came(eve));
    stage.put(&[2], HOUR, turned(keys, "digest", text("aa"), text("bb")));
    stage.put(&[2], HOUR, came(door));
    assert_snapshot!(stage.told());
}

#[test]
fn deployment_a_package_with_its_service_and_files() {
    let mut stage = Stage::new(3);
    let service = resource("service/host/nginx.service", &[]);
    let file = resource("file/host//etc/nginx/nginx.conf", &[("type", text("file"))]);
    stage.put(&[1, 2], HOUR, package("nginx", "1.22.0", "1.25.3"));
    stage.put(&[1, 2], HOUR, turned(service, "active", text("inactive"), text("active")));
    stage.put(&[1, 2], HOUR, turned(file, "digest", text("aa"), text("bb")));
    stage.put(&[1, 2], HOUR, package("curl", "8.1.0", "8.2.0"));
    assert_snapshot!(stage.told());
}

#[test]
fn deployment_an_image_and_what_runs_on_it() {
    let mut stage = Stage::new(2);
    for host in [1, 2] {
        let on = |id: &str, image: &str| {
            let needed = resource(&format!("image/docker/{image}"), &[]).key;
            let mut one = container(&format!("{id}-of-{host}"), "shop", "shop:latest");
            one.depends_on.insert(needed);
            one
        };
        let image = |id: &str| named("shop:latest", resource(&format!("image/docker/{id}"), &[]));
        stage.put(&[host], HOUR, went(image("sha256:old")));
        stage.put(&[host], HOUR, came(image("sha256:new")));
        stage.put(&[host], HOUR, went(on("before", "sha256:old")));
        stage.put(&[host], HOUR, came(on("after", "sha256:new")));
    }
    assert_snapshot!(stage.told());
}

#[test]
fn deployment_the_same_image_on_every_host() {
    let mut stage = Stage::new(4);
    for number in 1..=4u8 {
        let (to, name) = (if number == 4 { "api:3" } else { "api:2" }, format!("api-{number}"));
        let one = container(&format!("c{number}"), &name, to);
        stage.put(&[number], HOUR, turned(one, "image", text("api:1"), text(to)));
    }
    let told = stage.told();
    assert!(told.contains("3 instances of api went from api:1 to api:2"), "{told}");
}

#[test]
fn scaling_more_of_one_thing() {
    let mut stage = Stage::new(3);
    for number in 1..=3u8 {
        let name = format!("api-{number}");
        stage.put(&[number], HOUR, came(container(&format!("c{number}"), &name, "api:2")));
    }
    stage.put(&[1], HOUR, went(container("gone", "api-9", "api:1")));
    assert_snapshot!(stage.told());
}

#[test]
fn network_an_interface_and_its_routes() {
    let mut stage = Stage::new(2);
    let interface = resource("interface/host/eth1", &[("mac", text("02:00:00:00:00:01"))]);
    let route = resource(
        "route/host/10.9.0.0/16 dev eth1 metric 0",
        &[("to", text("10.9.0.0/16")), ("interface", text("eth1"))],
    );
    let other = turned(interface, "addresses", set(&["10.0.0.2/24"]), set(&["10.9.0.2/16"]));
    stage.put(&[1, 2], HOUR, other);
    stage.put(&[1, 2], HOUR, came(route));
    assert_snapshot!(stage.told());
}

#[test]
fn storage_a_volume_and_who_uses_it() {
    let mut stage = Stage::new(1);
    let volume = named("data", resource("volume/docker/data", &[("driver", text("local"))]));
    let mut before = container("c1", "db", "postgres:16");
    before.depends_on.insert(volume.key.clone());
    let after = container("c1", "db", "postgres:16").with("mounts./data", "bind /srv rw");
    stage.put(&[1], HOUR, went(volume));
    stage.put(
        &[1],
        HOUR,
        Change { key: before.key.clone(), before: Some(before), after: Some(after) },
    );
    assert_snapshot!(stage.told());
}

#[test]
fn configuration_a_file_and_the_service_that_reads_it() {
    let mut stage = Stage::new(4);
    let file = resource("file/host//etc/chrony/chrony.conf", &[("type", text("file"))]);
    let service = resource("service/host/chrony.service", &[]);
    let setting = |name: &str| resource(&format!("sysctl/host/{name}"), &[]);
    stage.put(&[1, 2, 3], HOUR, turned(file, "digest", text("aa"), text("bb")));
    stage.put(&[1, 2, 3], HOUR, turned(service, "enabled", text("disabled"), text("enabled")));
    stage.put(&[4], HOUR, turned(setting("vm.swappiness"), "value", text("60"), text("10")));
    stage.put(&[4], HOUR, turned(setting("kernel.panic"), "value", text("0"), text("10")));
    assert_snapshot!(stage.told());
}

#[test]
fn what_lies_apart_in_time_or_place_is_no_story() {
    let mut stage = Stage::new(2);
    let service = || resource("service/host/nginx.service", &[]);
    stage.put(&[1], 0, package("nginx", "1.22.0", "1.25.3"));
    stage.put(&[1], 5 * HOUR, turned(service(), "active", text("active"), text("failed")));
    assert_eq!(areas(&stage), [], "five hours between them");
    let mut stage = Stage::new(2);
    stage.put(&[1], HOUR, package("nginx", "1.22.0", "1.25.3"));
    stage.put(&[2], HOUR, turned(service(), "active", text("active"), text("failed")));
    assert_eq!(areas(&stage), [], "on different hosts");
    let mut stage = Stage::new(2);
    stage.put(&[1], HOUR, package("nginx", "1.22.0", "1.25.3"));
    stage.put(&[1], HOUR, turned(service(), "active", text("active"), text("failed")));
    assert_eq!(areas(&stage), [(Area::Deployment, 2)], "and together they are one");
}

#[test]
fn as_many_that_came_as_went_are_no_scaling() {
    let mut stage = Stage::new(2);
    stage.put(&[1], HOUR, came(container("c1", "api-1", "api:2")));
    stage.put(&[2], HOUR, went(container("c2", "api-2", "api:2")));
    assert_eq!(areas(&stage), []);
    stage.put(&[2], HOUR, came(container("c3", "api-3", "api:2")));
    assert_eq!(areas(&stage), [(Area::Scaling, 3)]);
}

#[test]
fn what_moved_or_was_replaced_is_one_finding() {
    let mut stage = Stage::new(2);
    let file = |path: &str| {
        let told = [("digest", text("aa")), ("size_bytes", Value::Int(7)), ("type", text("file"))];
        resource(&format!("file/host/{path}"), &told)
    };
    stage.put(&[1], HOUR, went(file("/etc/old.conf")));
    stage.put(&[1], HOUR, came(file("/etc/new.conf")));
    stage.put(&[1], HOUR, went(container("before", "db", "postgres:15")));
    stage.put(&[1], HOUR, came(container("after", "db", "postgres:16")));
    stage.put(&[1], HOUR, went(container("here", "cache", "redis:7")));
    stage.put(&[2], HOUR, came(container("there", "cache", "redis:7")));
    assert_snapshot!(stage.told());
    let report = stage.report();
    let moved = report.findings.iter().filter(|one| one.change == How::Moved);
    let fields: Vec<_> = moved
        .flat_map(|one| one.fields.iter().map(|field| (one.kind, field)))
        .map(|(kind, one)| {
            let side = |value: &Option<Value>| show::side(value.as_ref());
            format!("{kind} {} {} {}", one.path, side(&one.before), side(&one.after))
        })
        .collect();
    assert_eq!(fields, ["instance host web-1 web-2", "file id /etc/old.conf /etc/new.conf"]);
}

#[test]
fn two_that_fit_are_not_guessed_between() {
    let mut stage = Stage::new(1);
    let file = |path: &str| {
        let told = [("digest", text("aa")), ("size_bytes", Value::Int(7)), ("type", text("file"))];
        resource(&format!("file/host/{path}"), &told)
    };
    stage.put(&[1], HOUR, went(file("/etc/old.conf")));
    stage.put(&[1], HOUR, came(file("/etc/new.conf")));
    stage.put(&[1], HOUR, came(file("/etc/newer.conf")));
    let changes: Vec<_> = stage.report().findings.iter().map(|one| one.change.as_str()).collect();
    assert_eq!(changes.len(), 3);
    assert!(!changes.contains(&"moved"), "{changes:?}");
}

#[test]
fn the_same_by_us_and_by_somebody_else_are_two_findings() {
    let mut stage = Stage::new(4);
    stage.put(&[1, 2, 3, 4], HOUR, package("nginx", "1.22.0", "1.25.3"));
    for host in [1, 2, 3] {
        stage.did(host, HOUR + 60_000, "ran `apt-get install nginx`", Touched::Anything);
    }
    assert_snapshot!(stage.told());
}

/// There are more of what runs; more files, packages or volumes of such names are no scaling.
#[test]
fn only_instances_are_scaled() {
    let mut stage = Stage::new(1);
    for number in 1..4 {
        let id = format!("api-{number}");
        stage.put(&[1], HOUR, came(resource(&format!("user/host/{id}"), &[])));
        stage.put(&[1], HOUR, came(resource(&format!("package/host/{id}"), &[])));
        let changed = container(&id, &id, "api:2");
        stage.put(&[1], HOUR, turned(changed, "state", text("running"), text("paused")));
    }
    let scaled = |stage: &Stage| areas(stage).into_iter().find(|(area, _)| *area == Area::Scaling);
    assert_eq!(scaled(&stage), None);
}

/// Packages that are upgraded together are one story from the third on, and surer from the sixth;
/// those that only came or went are none.
#[test]
fn an_upgrade_is_of_packages_that_changed() {
    let upgraded = |many: usize, change: fn(&str) -> Change| {
        let mut stage = Stage::new(1);
        for name in ["bash", "curl", "openssl", "vim", "zlib", "nano", "tmux"].iter().take(many) {
            stage.put(&[1], HOUR, change(name));
        }
        let groups = stage.report().groups;
        groups.iter().map(|group| (group.findings.len(), group.confidence)).collect::<Vec<_>>()
    };
    let upgrade = |name: &str| package(name, "1", "2");
    assert_eq!(upgraded(2, upgrade), []);
    for many in 3..=7 {
        let told = upgraded(many, upgrade);
        assert_eq!(told, [(many, if many >= 6 { 90 } else { 75 })], "{many}");
    }
    let install = |name: &str| came(resource(&format!("package/host/{name}"), &[]));
    assert_eq!(upgraded(5, install), []);
}

/// Doors alone are no story: a way to them, and something that joins the two, makes them one.
#[test]
fn what_can_be_reached_needs_a_way_and_what_goes_it() {
    let told = |changes: &[&str]| {
        let mut stage = Stage::new(1);
        for change in changes {
            stage.put(&[1], HOUR, came(resource(change, &[])));
        }
        areas(&stage)
    };
    assert_eq!(told(&["port/host/tcp 0.0.0.0:81", "port/host/tcp 0.0.0.0:82"]), []);
    assert_eq!(told(&["route/host/10.1.0.0/16", "route/host/10.2.0.0/16"]), []);
    let both = told(&["route/host/10.1.0.0/16", "interface/host/wg0"]);
    assert_eq!(both, [(Area::Network, 2)]);
}

/// Two signs of a way in, and one of them about who may come: less is no story.
#[test]
fn a_way_in_needs_who_and_where() {
    let told = |signs: &[&str]| {
        let mut stage = Stage::new(1);
        for sign in signs {
            stage.put(&[1], HOUR, came(resource(sign, &[])));
        }
        areas(&stage).into_iter().any(|(area, _)| area == Area::Security)
    };
    let (user, port, job) = ("user/host/eve", "port/host/tcp 0.0.0.0:4444", "job/host/cron:x");
    assert!(told(&[user, port]) && told(&[user, job]) && told(&[user, port, job]));
    assert!(!told(&[port, job]), "nobody who comes in");
    assert!(!told(&[user, "user/host/mallory"]), "one sign, twice");
}
