//! Discovery over real links: private network namespaces, made when the tests run as root on
//! Linux. Elsewhere the tests say that they were skipped.

#![cfg(target_os = "linux")]

mod namespace;
mod roles;

use std::time::Duration;

use namespace::{Link, Namespace, Process, can_make};

/// Each scenario has time for mdns-sd's look at the addresses, every 5 s, and then some.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn coordinators_are_found_followed_and_forgotten_over_a_link() {
    if !can_make() {
        return;
    }
    let link = Link::new("follow");
    let mut coordinator = Process::start(&link.a, "roles::advertise");
    let mut agent = Process::start(&link.b, "roles::follow");
    coordinator.wait_for("announced", LIMIT);
    agent.wait_for("found 10.77.0.1 and a scoped fe80", LIMIT);
    link.a.ip("addr add 10.77.0.9/24 dev left");
    agent.wait_for("found 10.77.0.9 as well", LIMIT);
    coordinator.end();
    agent.wait_for("nobody is left", LIMIT);
    agent.wait_for("no thread is left", LIMIT);
}

#[test]
fn an_interface_that_comes_late_takes_part() {
    if !can_make() {
        return;
    }
    let link = Link::new("late");
    link.a.ip("link set left down");
    let mut coordinator = Process::start(&link.a, "roles::advertise");
    let mut agent = Process::start(&link.b, "roles::follow");
    coordinator.wait_for("announced", LIMIT);
    link.a.ip("link set left up");
    agent.wait_for("found 10.77.0.1 and a scoped fe80", LIMIT);
    coordinator.end();
}

#[test]
fn a_search_keeps_to_its_interfaces() {
    if !can_make() {
        return;
    }
    let link = Link::new("named");
    let mut coordinator = Process::start(&link.a, "roles::advertise");
    coordinator.wait_for("announced", LIMIT);
    let mut agent = Process::start(&link.b, "roles::find_by_interface");
    agent.wait_for("found only where it was looked for", LIMIT);
    coordinator.end();
}

#[test]
fn strangers_in_great_number_do_not_hide_the_coordinator() {
    if !can_make() {
        return;
    }
    let link = Link::new("flood");
    let mut rogue = Process::start(&link.a, "roles::flood");
    rogue.wait_for("flooding", LIMIT);
    let mut coordinator = Process::start(&link.a, "roles::advertise");
    coordinator.wait_for("announced", LIMIT);
    let mut agent = Process::start(&link.b, "roles::find_in_the_flood");
    agent.wait_for("the coordinator comes first of a bounded list", LIMIT);
    coordinator.end();
    rogue.end();
}

#[test]
fn one_machine_finds_itself() {
    if !can_make() {
        return;
    }
    let alone = Namespace::new("alone");
    let mut both = Process::start(&alone, "roles::find_oneself");
    both.wait_for("found oneself", LIMIT);
}

#[test]
fn the_port_is_shared_with_avahi() {
    if !can_make() {
        return;
    }
    let link = Link::new("avahi");
    let Some(mut avahi) = Process::avahi(&link.a) else { return };
    let mut coordinator = Process::start(&link.a, "roles::advertise");
    coordinator.wait_for("announced", LIMIT);
    let mut agent = Process::start(&link.b, "roles::follow");
    agent.wait_for("found 10.77.0.1 and a scoped fe80", LIMIT);
    avahi.end();
    coordinator.end();
}
