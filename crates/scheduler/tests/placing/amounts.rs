//! What copies take: who has how much of it, and who gives it back for whom.

use std::collections::BTreeSet;

use tamer_model::{Phase, PlacementStatus, Protocol, Size, StopCause, WorkloadSpec};
use tamer_scheduler::Queue;

use crate::world::{GIB, World, edit, host, name, port, running, spec};

/// Sets how much of one thing a copy takes.
type Takes = fn(&mut WorkloadSpec, u32);

/// One of each thing that can be scarce; the host of [`one_host`] has twelve of each.
const THINGS: [(&str, Takes); 4] = [
    ("cpu", |spec, units| {
        spec.resources.cpu = Some(tamer_model::Cpu::from_millis(u64::from(units) * 1000));
    }),
    ("memory", |spec, units| {
        spec.resources.memory = Some(Size::from_bytes(u64::from(units) * GIB));
    }),
    ("disk", |spec, units| {
        spec.resources.disk = Some(Size::from_bytes(u64::from(units) * 8 * GIB));
    }),
    ("devices", |spec, units| {
        spec.resources.devices = [("gpu".parse().expect("a device"), units)].into();
    }),
];

fn one_host(queue: Queue) -> World {
    let mut world = World::new(queue);
    let mut view = host(1, 12, 12, &[]);
    edit(&mut view, |host| {
        host.facts.devices = [("gpu".parse().expect("a device"), 12)].into();
        host.facts.disks[0].total_bytes = 96 * GIB;
    });
    world.put_host(view);
    world
}

fn wants(called: &str, count: u32, takes: Takes, units: u32) -> WorkloadSpec {
    let mut spec = spec(called, count, 0, 0);
    takes(&mut spec, units);
    spec
}

/// Who gives way in the next step, by workload.
fn victims(world: &mut World) -> BTreeSet<String> {
    let plan = world.step();
    let pushed = plan.stop.iter().filter(|stop| stop.cause == StopCause::Preempted);
    pushed.map(|stop| stop.workload.to_string()).collect()
}

#[test]
fn of_everything_there_is_only_so_much() {
    for (thing, takes) in THINGS {
        let mut world = one_host(Queue::FairShare);
        world.apply(wants("web", 4, takes, 5));
        world.settle();
        assert_eq!(world.count("web"), 2, "{thing}");
        let one = world.wanted().next().expect("it is there").id;
        world.remove(one);
        world.apply(wants("web", 1, takes, 5));
        world.apply(wants("log", 1, takes, 7));
        world.settle();
        assert_eq!(world.count("log"), 1, "{thing} came back");
    }
}

#[test]
fn shares_are_of_what_one_has_most_of_and_has_already() {
    for (thing, takes) in THINGS {
        let mut world = one_host(Queue::FairShare);
        world.apply(wants("api", 4, takes, 1));
        world.settle();
        world.apply(wants("api", 12, takes, 1));
        world.apply(wants("web", 12, takes, 2));
        world.settle();
        assert_eq!((world.count("api"), world.count("web")), (6, 3), "half of the {thing} each");
    }
}

#[test]
fn what_one_had_is_not_held_against_it() {
    let (_, takes) = THINGS[0];
    let mut world = one_host(Queue::FairShare);
    world.apply(wants("web", 6, takes, 1));
    world.settle();
    world.apply(wants("web", 0, takes, 1));
    world.settle();
    // Both begin with nothing: of two that have as much, the first by name.
    world.apply(wants("api", 12, takes, 1));
    world.apply(wants("web", 12, takes, 1));
    world.settle();
    assert_eq!((world.count("api"), world.count("web")), (6, 6));
}

#[test]
fn in_turns_whoever_waited_longer_comes_first() {
    let (_, takes) = THINGS[0];
    let mut world = one_host(Queue::RoundRobin);
    for called in ["web", "api"] {
        world.apply(wants(called, 1, takes, 4));
        world.settle();
    }
    world.apply(wants("api", 2, takes, 4));
    world.apply(wants("web", 2, takes, 4));
    world.settle();
    assert_eq!((world.count("api"), world.count("web")), (1, 2), "web got its first before");
}

#[test]
fn a_port_is_free_when_the_last_that_has_it_is_gone() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    let mut old = spec("old", 1, 0, 0);
    old.instance.ports = vec![port(8080)];
    world.apply(old.clone());
    world.settle();
    let (first, status) = world.copies.values().next().expect("it is there").clone();
    // Records may say what no plan would: two copies with one port.
    let second = tamer_model::PlacementId::from_bytes([9; 10]);
    world.put((tamer_model::Placement { id: second, index: 1, ..first.clone() }, status));
    let mut new = spec("new", 1, 0, 0);
    new.instance.ports = vec![port(8080)];
    world.apply(new);
    old.run = tamer_model::Run::Count(0);
    world.apply(old);
    for id in [first.id, second] {
        assert!(world.step().make.is_empty(), "one still has it");
        world.remove(id);
    }
    assert_eq!(world.step().make.len(), 1);
}

#[test]
fn those_that_help_most_give_way_and_no_more_of_them_than_it_takes() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 12, 4, &[]));
    for called in ["s1", "s2", "s3"] {
        world.apply(spec(called, 1, 1000, 0));
    }
    world.apply(spec("cpu", 1, 3000, 0));
    world.apply(spec("large", 1, 5000, 0));
    world.apply(spec("memory", 1, 0, 3 << 10));
    world.settle();
    // A processor and a gibibyte are left: three of each have to come back.
    world.apply(WorkloadSpec { priority: 90, ..spec("high", 1, 4000, 4 << 10) });
    assert_eq!(victims(&mut world), BTreeSet::from(["cpu".into(), "memory".into()]));
}

#[test]
fn small_ones_give_way_together() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 3, 4, &[]));
    for called in ["s1", "s2", "s3"] {
        world.apply(spec(called, 1, 1000, 0));
    }
    world.settle();
    world.apply(WorkloadSpec { priority: 90, ..spec("high", 1, 3000, 0) });
    assert_eq!(victims(&mut world).len(), 3);
}

#[test]
fn each_gives_what_it_has() {
    let mut world = one_host(Queue::FairShare);
    let all = |called: &str| {
        let mut spec = spec(called, 1, 0, 0);
        THINGS.iter().for_each(|(_, takes)| takes(&mut spec, 12));
        spec.instance.ports = vec![port(8080)];
        spec
    };
    for (called, takes) in THINGS {
        world.apply(wants(called, 1, takes, 12));
    }
    let mut listens = spec("port", 1, 0, 0);
    listens.instance.ports = vec![port(8080)];
    world.apply(listens);
    world.apply(spec("idle", 1, 0, 0));
    world.settle();
    world.apply(WorkloadSpec { priority: 90, ..all("high") });
    let gone = ["cpu", "memory", "disk", "devices", "port"].map(str::to_owned);
    assert_eq!(victims(&mut world), BTreeSet::from(gone), "whoever has nothing of it stays");
    // A port that is taken by something else comes back from nobody.
    world.edit_host(1, |view| view.taken = [(8080, Protocol::Tcp)].into());
    assert_eq!(victims(&mut world), BTreeSet::new());
}

#[test]
fn the_smaller_of_two_that_would_do_gives_way() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    world.put_host(host(2, 4, 4, &[]));
    for (called, cpu) in [("small", 2500), ("large", 4000)] {
        let low = spec(called, 1, cpu, 0);
        world.apply(low);
        world.settle();
    }
    // Two hosts, one victim each, as important as the other.
    world.apply(WorkloadSpec { priority: 90, ..spec("high", 1, 2000, 0) });
    assert_eq!(victims(&mut world), BTreeSet::from(["small".into()]));
}

#[test]
fn devices_that_others_have_are_to_be_freed() {
    let (_, takes) = THINGS[3];
    let mut world = one_host(Queue::FairShare);
    world.apply(wants("web", 1, takes, 8));
    world.settle();
    let told = |world: &World| world.scheduler.unplaced(&name("log")).expect("it waits").remedies;
    world.apply(wants("log", 1, takes, 9));
    world.settle();
    assert_eq!(told(&world), ["free 5 of gpu on the one host that would fit"]);
    world.apply(wants("log", 1, takes, 20));
    world.settle();
    assert_eq!(told(&world), ["ask for at most 12 of gpu: no host has more"]);
}

#[test]
fn what_ran_to_its_end_and_runs_again_takes_its_room_again() {
    let (_, takes) = THINGS[0];
    let mut world = one_host(Queue::FairShare);
    world.apply(wants("web", 1, takes, 12));
    world.settle();
    let (copy, _) = world.copies.values().next().expect("it is there").clone();
    world.apply(wants("log", 1, takes, 6));
    let gone = PlacementStatus { phase: Phase::Gone, ..running(world.now) };
    for (status, fits) in [(gone, true), (running(world.now), false)] {
        world.put((copy.clone(), Some(status)));
        let plan = world.step();
        let made = plan.make.iter().any(|make| make.workload == name("log"));
        assert_eq!(made, fits, "{plan:#?}");
    }
}
