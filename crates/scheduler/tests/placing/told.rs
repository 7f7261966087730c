//! What was told stays true, whatever goes and comes back in the meantime.

use std::sync::Arc;

use tamer_model::{
    Cause, Phase, Placement, PlacementId, PlacementStatus, Run, Workload, WorkloadSpec,
};
use tamer_scheduler::{Queue, Removed};

use crate::world::{World, host, host_id, name, running, spec, workload};

/// A copy by whose record the workload runs on a host, though no plan said so.
fn put(world: &mut World, called: &str, on: u8, template: u32) -> PlacementId {
    let mut like = World::new(Queue::FairShare);
    like.put_host(host(on, 64, 64, &[]));
    like.apply(spec(called, 1, 0, 0));
    like.settle();
    let (copy, _) = like.copies.values().next().expect("it was placed").clone();
    let mut id = [0; 10];
    id[9] = world.copies.len() as u8 + 100;
    let id = PlacementId::from_bytes(id);
    let copy = Placement { id, template, made_at: world.now, ..copy };
    world.put((copy, Some(running(world.now))));
    world.pass(1);
    id
}

#[test]
fn copies_of_a_removed_host_are_told_until_their_records_go() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    world.apply(spec("web", 1, 1000, 0));
    world.settle();
    let copy = world.wanted().next().expect("it is there").id;
    world.scheduler.remove_host(host_id(1));
    world.scheduler.put_host(host(2, 4, 4, &[]));
    assert_eq!(world.scheduler.left_to_drain(host_id(1)), [copy]);
    assert_eq!(world.scheduler.left_to_drain(host_id(2)), []);
    world.remove(copy);
    assert_eq!(world.scheduler.left_to_drain(host_id(1)), []);
}

#[test]
fn a_workload_that_comes_back_finds_its_copies() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    world.apply(spec("web", 2, 1000, 0));
    world.settle();
    world.scheduler.remove_workload(&name("web"));
    world.apply(spec("web", 3, 1000, 0));
    assert_eq!(world.step().make.len(), 1, "two are there");
}

#[test]
fn a_copy_takes_what_its_own_version_takes() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    let newest = spec("web", 1, 1000, 0);
    world.put_workload(Workload { template: 2, version: 2, ..workload(newest) });
    put(&mut world, "web", 1, 1);
    // Nobody told of the first version: it takes what the newest takes, until somebody does.
    world.apply(spec("log", 1, 3000, 0));
    let made = |world: &mut World| {
        world.step().make.iter().filter(|make| make.workload == name("log")).count()
    };
    assert_eq!(made(&mut world), 1);
    world.scheduler.put_template(&name("web"), 1, Arc::new(spec("web", 1, 3000, 0)));
    assert_eq!(made(&mut world), 0);
}

#[test]
fn of_two_that_keep_apart_from_each_other_the_earlier_stays() {
    for (first, second) in [("api", "web"), ("web", "api")] {
        let mut world = World::new(Queue::FairShare);
        world.put_host(host(1, 4, 4, &[]));
        world.put_host(host(2, 4, 4, &[]));
        let apart = |called: &str, from: &str| WorkloadSpec {
            apart_from: vec![name(from)],
            ..spec(called, 1, 100, 0)
        };
        for spec in [apart("api", "web"), apart("web", "api")] {
            world.put_workload(Workload { stable: Some(1), ..workload(spec) });
        }
        put(&mut world, first, 1, 1);
        let later = put(&mut world, second, 1, 1);
        world.pass(20);
        let plan = world.step();
        let moved: Vec<_> = plan.make.iter().map(|make| (make.why.cause, make.replaces)).collect();
        assert_eq!(moved, [(Cause::Unfitting, Some(later))], "{plan:#?}");
    }
}

#[test]
fn whoever_keeps_apart_goes_though_it_came_first() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    world.put_host(host(2, 4, 4, &[]));
    let api = WorkloadSpec { apart_from: vec![name("web")], ..spec("api", 1, 100, 0) };
    for spec in [api, spec("web", 1, 100, 0)] {
        world.put_workload(Workload { stable: Some(1), ..workload(spec) });
    }
    let earlier = put(&mut world, "api", 1, 1);
    put(&mut world, "web", 1, 1);
    world.pass(20);
    let plan = world.step();
    let moved: Vec<_> = plan.make.iter().map(|make| (make.why.cause, make.replaces)).collect();
    assert_eq!(moved, [(Cause::Unfitting, Some(earlier))], "{plan:#?}");
}

#[test]
fn a_copy_that_is_done_keeps_nobody_away() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    let run = Run::ToCompletion { completions: 1, parallelism: 1 };
    world.apply(WorkloadSpec { run, ..spec("job", 0, 100, 0) });
    let id = put(&mut world, "job", 1, 1);
    world.apply(WorkloadSpec { apart_from: vec![name("job")], ..spec("api", 1, 100, 0) });
    assert!(world.step().make.is_empty(), "it is there");
    assert_eq!(world.scheduler.counts(&name("api")).unplaced, 1);
    let (copy, status) = world.copies[&id].clone();
    let done = status.map(|status| PlacementStatus { phase: Phase::Completed, ..status });
    world.put((copy, done));
    assert_eq!(world.step().make.len(), 1);
    assert_eq!(world.scheduler.counts(&name("api")).unplaced, 0);
}

#[test]
fn what_runs_on_every_host_is_not_wanted_where_it_may_not_be() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    world.apply(spec("db", 1, 100, 0));
    world.settle();
    world.put_host(host(2, 4, 4, &[]));
    let run = Run::EveryHost;
    world.apply(WorkloadSpec { run, apart_from: vec![name("db")], ..spec("log", 0, 100, 0) });
    world.settle();
    assert_eq!(world.scheduler.unplaced(&name("log")), None);
    assert_eq!(world.scheduler.counts(&name("log")).wanted, 1);
    assert_eq!(world.count("log"), 1);
}

#[test]
fn reasons_are_told_in_one_order_whoever_was_told_of_first() {
    for order in [["alpha", "zeta"], ["zeta", "alpha"]] {
        let mut world = World::new(Queue::FairShare);
        world.put_host(host(1, 4, 4, &[]));
        world.put_host(host(2, 4, 4, &[]));
        for called in order {
            world.apply(spec(called, 1, 100, 0));
        }
        put(&mut world, "zeta", 1, 1);
        put(&mut world, "alpha", 2, 1);
        let with = vec![name("zeta"), name("alpha")];
        world.apply(WorkloadSpec { with, ..spec("web", 1, 100, 0) });
        world.settle();
        let told = world.scheduler.unplaced(&name("web")).expect("they are nowhere together");
        let by: Vec<_> = told.removed.into_iter().map(|removal| removal.by).collect();
        assert_eq!(by, [Removed::With(name("alpha")), Removed::With(name("zeta"))]);
    }
}
