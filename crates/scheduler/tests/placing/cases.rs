//! Single promises, one test each.

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{HostState, Phase, PlacementStatus, Run, StopCause, Timestamp, WorkloadSpec};
use tamer_scheduler::{Queue, Removed};

use crate::world::{World, edit, host, host_id, name, running, spec};

fn world(hosts: u8) -> World {
    let mut world = World::new(Queue::FairShare);
    (1..=hosts).for_each(|number| world.put_host(host(number, 2, 4, &[])));
    world
}

#[test]
fn a_stopping_copy_keeps_its_room_until_it_is_gone() {
    let mut world = world(1);
    world.apply(spec("old", 2, 1000, 0));
    world.settle();
    world.apply(spec("new", 1, 1000, 0));
    let ids: Vec<_> = world.wanted().map(|placement| placement.id).collect();
    assert!(world.step().make.is_empty());
    world.apply(spec("old", 1, 1000, 0));
    let plan = world.step();
    assert_eq!((plan.make.len(), plan.stop.len()), (0, 1), "it is only stopping");
    world.store(&plan);
    assert!(world.step().make.is_empty(), "it is still there");
    world.remove(plan.stop[0].placement);
    assert!(ids.contains(&plan.stop[0].placement));
    assert_eq!(world.step().make.len(), 1);
}

#[test]
fn a_copy_that_is_done_takes_nothing() {
    let mut world = world(1);
    let run = Run::ToCompletion { completions: 4, parallelism: 2 };
    world.apply(WorkloadSpec { run, ..spec("job", 0, 1000, 0) });
    let plan = world.step();
    assert_eq!(plan.make.len(), 2);
    world.store(&plan);
    for copy in world.copies.clone().into_values() {
        let done = PlacementStatus { phase: Phase::Completed, ..running(world.now) };
        world.put((copy.0, Some(done)));
    }
    assert_eq!(world.step().make.len(), 2);
}

#[test]
fn a_host_that_told_no_processors_has_none_to_give() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 0, 4, &[]));
    world.apply(spec("web", 1, 1, 0));
    let plan = world.step();
    assert!(plan.make.is_empty());
    assert_eq!(plan.unplaced[0].removed[0].by, Removed::Cpu);
    world.apply(spec("web", 1, 0, 1024));
    assert_eq!(world.step().make.len(), 1);
}

#[test]
fn remedies_are_told_in_mebibytes_that_are_enough() {
    let remedy = |mebibytes| {
        let mut world = World::new(Queue::FairShare);
        let mut told = host(1, 2, 4, &[]);
        edit(&mut told, |host| host.facts.memory_bytes = (4 << 30) - 1);
        world.put_host(told);
        world.apply(spec("web", 2, 1, mebibytes));
        world.settle();
        world.scheduler.unplaced(&name("web")).expect("no room for two").remedies[0].clone()
    };
    assert_eq!(remedy(5 << 10), "ask for at most 4095MiB of memory: no host has more");
    assert_eq!(remedy(3 << 10), "free 2049MiB of memory on the one host that would fit");
    assert_eq!(remedy(2 << 10), "free 1B of memory on the one host that would fit");
}

#[test]
fn at_most_so_many_are_made_at_once() {
    let mut world = World::new(Queue::FairShare);
    (1..=4).for_each(|number| world.put_host(host(number, 64, 256, &[])));
    world.apply(spec("a", 30, 10, 0));
    world.apply(spec("b", 30, 10, 0));
    let plan = world.scheduler.step(world.now, 20);
    assert!(plan.more);
    assert_eq!(plan.make.len(), 20);
    let of = |called: &str| plan.make.iter().filter(|m| m.workload.as_str() == called).count();
    assert_eq!((of("a"), of("b")), (10, 10), "both have their turns");
    assert!(plan.unplaced.is_empty());
    world.store(&plan);
    let plan = world.scheduler.step(world.now, 1000);
    assert_eq!((plan.make.len(), plan.more), (40, false));
}

#[test]
fn more_copies_than_the_fleet_can_hold_take_no_turns() {
    let mut world = world(1);
    world.apply(spec("a", 100_000, 1000, 0));
    let plan = world.scheduler.step(world.now, 20);
    assert_eq!((plan.make.len(), plan.more), (2, false), "nothing is gained by another step");
    assert_eq!(plan.unplaced[0].copies, 99_998, "all that wait are told");
    world.store(&plan);
    // Half of the turns would be those of `a`.
    world.put_host(host(2, 64, 4, &[("gpu", "yes")]));
    world.apply(WorkloadSpec {
        constraints: vec!["gpu=no".parse().expect("a selector")],
        ..spec("a", 100_000, 1000, 0)
    });
    world.apply(spec("b", 15, 10, 0));
    let plan = world.scheduler.step(world.now, 20);
    let of = |called: &str| plan.make.iter().filter(|m| m.workload.as_str() == called).count();
    assert_eq!((of("a"), of("b"), plan.more), (0, 15, false));
    assert_eq!(plan.unplaced[0].copies, 99_998);
}

#[test]
fn those_who_wait_are_looked_at_when_a_host_opens() {
    let mut world = world(1);
    let until = world.now.plus(Duration::from_secs(100));
    world.edit_host(1, |view| view.set_aside = Some(until));
    world.apply(spec("web", 1, 1000, 0));
    let plan = world.step();
    assert_eq!(plan.unplaced[0].removed[0].by, Removed::SetAside);
    assert_eq!(plan.wake, Some(until));
    world.pass(50);
    assert!(world.step().make.is_empty());
    world.pass(50);
    assert_eq!(world.step().make.len(), 1, "its time is over");
    world.edit_host(1, |view| view.state = HostState::Lost);
    assert!(world.step().make.is_empty());
    world.put_host(host(2, 2, 4, &[]));
    let plan = world.step();
    assert_eq!(plan.make[0].host, host_id(2));
    assert!(world.scheduler.unplaced(&name("web")).is_none());
}

#[test]
fn what_was_told_before_it_is_known_counts_when_it_is() {
    let mut early = world(1);
    early.apply(spec("web", 2, 1000, 0));
    early.settle();
    // The copies first, then the host, then the workload that says what they take.
    let mut late = World::new(Queue::FairShare);
    early.copies.values().for_each(|copy| late.put(copy.clone()));
    late.put_host(host(1, 2, 4, &[]));
    late.apply(spec("other", 1, 1000, 0));
    assert_eq!(late.step().make.len(), 1, "nobody said what the copies take");
    late.put_workload(early.workloads[&name("web")].clone());
    assert!(late.step().make.is_empty());
}

#[test]
fn an_older_version_takes_what_it_took() {
    let mut world = world(1);
    world.apply(spec("web", 1, 2000, 0));
    world.settle();
    let mut smaller = world.workloads[&name("web")].clone();
    let before = Arc::new(smaller.spec.clone());
    smaller.spec = spec("web", 1, 500, 0);
    smaller.template = 2;
    world.scheduler.put_template(&name("web"), 1, before);
    world.put_workload(smaller);
    world.apply(spec("other", 1, 1000, 0));
    let plan = world.step();
    let other = plan.make.iter().filter(|make| make.workload.as_str() == "other").count();
    let web = plan.make.iter().filter(|make| make.workload.as_str() == "web").count();
    // The new one takes the old one's place; the other waits until the old one is gone.
    assert_eq!((web, other), (1, 0), "{plan:#?}");
    assert_eq!(plan.stop[0].cause, StopCause::Updated);
    world.store(&plan);
    assert!(world.step().make.is_empty());
    world.act();
    assert_eq!(world.step().make[0].workload, name("other"));
}

#[test]
fn a_drain_is_done_when_nothing_is_left() {
    let mut world = world(2);
    world.apply(WorkloadSpec { run: Run::EveryHost, ..spec("agent", 0, 100, 0) });
    world.apply(spec("web", 2, 100, 0));
    world.settle();
    let drained = host_id(1);
    let drain = tamer_model::Drain {
        by: "alice".parse().expect("a user"),
        at: world.now,
        deadline: None,
        keep_every_host: true,
    };
    world.edit_host(1, |view| edit(view, |host| host.drain = Some(drain)));
    let left = world.scheduler.left_to_drain(drained);
    let of = |id| world.copies[&id].0.workload.as_str().to_owned();
    assert_eq!(left.iter().map(|id| of(*id)).collect::<Vec<_>>(), ["web"]);
    world.settle();
    assert_eq!(world.scheduler.left_to_drain(drained), []);
    assert_eq!((world.count("web"), world.count("agent")), (2, 2));
}

#[test]
fn a_fork_leaves_what_it_was_made_of() {
    let mut world = world(2);
    world.apply(spec("web", 2, 1000, 0));
    let mut fork = world.scheduler.clone();
    fork.put_workload(Arc::new(crate::world::workload(spec("huge", 4, 1000, 0))));
    assert_eq!(fork.step(world.now, 100).make.len(), 4);
    assert_eq!(world.step().make.len(), 2);
    assert_eq!(world.scheduler.counts(&name("huge")).wanted, 0);
}

#[test]
fn a_removed_host_and_a_removed_workload_leave_nothing_behind() {
    let mut world = world(2);
    world.apply(spec("web", 2, 1000, 0));
    world.settle();
    world.scheduler.remove_host(host_id(1));
    world.hosts.remove(&host_id(1));
    world.settle();
    for id in world.copies.keys().copied().collect::<Vec<_>>() {
        if world.copies[&id].0.host == host_id(1) {
            world.remove(id);
        }
    }
    world.settle();
    assert!(world.wanted().all(|placement| placement.host == host_id(2)));
    assert_eq!(world.count("web"), 2);
    let mut gone = world.workloads[&name("web")].clone();
    gone.removing = true;
    world.put_workload(gone);
    world.settle();
    assert!(world.workloads.is_empty());
    assert_eq!(world.scheduler.placements(), 0);
    assert_eq!(world.scheduler.step(Timestamp::from_millis(u64::MAX / 2), 10).wake, None);
}

#[test]
fn a_copy_stops_once_in_a_step() {
    let mut world = world(1);
    world.apply(spec("low", 2, 1000, 0));
    world.settle();
    // One of the two is more than is wanted, and both give way.
    world.apply(spec("low", 1, 1000, 0));
    for called in ["one", "two"] {
        world.apply(WorkloadSpec { priority: 90, ..spec(called, 1, 1000, 0) });
    }
    let plan = world.step();
    let mut stops: Vec<_> = plan.stop.iter().map(|stop| stop.placement).collect();
    stops.sort_unstable();
    stops.dedup();
    assert_eq!(stops.len(), plan.stop.len(), "{:#?}", plan.stop);
    assert!(plan.stop.iter().any(|stop| stop.cause == StopCause::Preempted), "{:#?}", plan.stop);
}
