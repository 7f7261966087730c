//! Single cases, each of which a rule was made for.

use tamer_model::{Cause, Phase, Run, Stage, StopCause, UpdateOrder, UpdateState, WorkloadSpec};
use tamer_scheduler::WorkloadStep;
use tamer_scheduler::desire::Counts;

use crate::scenarios::count;
use crate::world::{Nature, World, host};

/// A world whose copies are all well and settled.
fn settled(spec: WorkloadSpec, hosts: u8) -> World {
    let mut world = World::new(spec, hosts, 4);
    for _ in 0..20 {
        let desire = world.desire();
        world.store(&desire, usize::MAX);
        world.tick();
        world.pass(1000);
    }
    assert_eq!(world.desire().demands, []);
    world
}

fn id(world: &World, index: u32) -> tamer_model::PlacementId {
    let of = |copy: &&crate::world::Copy| copy.record.index == index && copy.record.wanted();
    world.copies.values().rfind(of).expect("it is there").record.id
}

#[test]
fn what_is_surplus_is_chosen_with_care() {
    // From the first to go: unwell, on a draining host, the newest; the others stay.
    let mut world = settled(count(6), 3);
    let (unwell, drained) = (id(&world, 0), id(&world, 2));
    world.real(unwell, Phase::Waiting, None);
    let on = world.copies[&drained].record.host;
    let number = (1..=3).find(|n| host(*n) == on).expect("it is a host");
    world.drain(number, None);
    for (count, index) in [(5, 0), (4, 5), (3, 2), (2, 4), (1, 3)] {
        let goes = id(&world, index);
        world.scale(count);
        let desire = world.desire();
        assert_eq!(desire.stops, [(goes, StopCause::Surplus)], "to {count}");
        world.stop(goes, StopCause::Surplus);
        world.live(goes);
    }
}

#[test]
fn what_is_outdated_is_surplus_before_what_is_new() {
    let mut world = settled(count(4), 4);
    world.apply(Nature::Good);
    let new = |world: &World| {
        let of = |copy: &&crate::world::Copy| copy.record.template == 2 && copy.record.wanted();
        world.copies.values().filter(of).map(|copy| copy.record.id).collect::<Vec<_>>()
    };
    for _ in 0..3 {
        let desire = world.desire();
        world.store(&desire, usize::MAX);
        world.tick();
    }
    let [new] = new(&world)[..] else { panic!("one at a time: {world:#?}") };
    // It goes on, or it has failed and those that are left stay as they are.
    let failed = Stage::Failed { reason: "it was not well".to_owned() };
    let failed = Some(UpdateState { begun_at: world.now, stage: failed });
    for update in [world.workload.update.clone(), failed] {
        world.workload.update = update;
        for count in [3, 2, 1] {
            let mut world = world.clone();
            world.scale(count);
            let stops = world.desire().stops;
            assert!(!stops.is_empty(), "to {count}: there are too many");
            assert!(stops.iter().all(|(id, _)| *id != new), "the new one stays: {stops:?}");
        }
    }
}

#[test]
fn a_missing_copy_gets_the_lowest_free_index() {
    let mut world = settled(count(4), 2);
    let gone = id(&world, 1);
    world.real(gone, Phase::Gone, None);
    world.scale(5);
    let desire = world.desire();
    let indices: Vec<u32> = desire.demands.iter().map(|demand| demand.index).collect();
    assert_eq!(indices, [1, 4]);
    assert_eq!(desire.stops, [(gone, StopCause::Replaced)]);
}

#[test]
fn a_copy_that_gave_way_is_demanded_for_that() {
    let mut world = settled(count(1), 2);
    let victim = id(&world, 0);
    world.stop(victim, StopCause::Preempted);
    let demand = &world.desire().demands[0];
    assert_eq!((demand.cause, demand.replaces), (Cause::Preempted, Some(victim)));
}

#[test]
fn what_failed_is_avoided_until_its_record_is_gone() {
    let mut world = settled(count(1), 1);
    let failed = id(&world, 0);
    world.real(failed, Phase::Failed, None);
    let desire = world.desire();
    assert_eq!(desire.demands[0].avoid, [host(1)]);
    world.store(&desire, usize::MAX);
    assert_eq!(world.desire().demands[0].avoid, [host(1)]);
    assert_eq!(world.desire().demands[0].cause, Cause::Failed);
    world.live(failed);
    // The only host: whoever sets hosts aside says when it is tried again.
    assert_eq!(world.desire().demands[0].avoid, []);
}

#[test]
fn unwell_copies_are_updated_though_all_are_unwell() {
    let mut world = settled(count(4), 2);
    for copy in world.copies.keys().copied().collect::<Vec<_>>() {
        world.real(copy, Phase::Waiting, None);
    }
    world.apply(Nature::Good);
    let desire = world.desire();
    assert_eq!(desire.demands.len(), 1, "as many as may be in flight");
}

#[test]
fn a_well_copy_is_not_taken_while_another_is_missing() {
    let mut world = settled(count(3), 3);
    let lost = world.copies[&id(&world, 0)].record.host;
    world.lose(lost, world.now);
    world.apply(Nature::Good);
    assert_eq!(world.desire().demands, []);
    assert_eq!(world.desire().spare, 0);
    world.workload.spec.update.max_in_flight = 2;
    assert_eq!(world.desire().demands.len(), 1);
}

#[test]
fn a_failure_is_not_missed_when_only_the_stop_was_stored() {
    let mut world = settled(count(2), 3);
    world.apply(Nature::Good);
    let desire = world.desire();
    world.store(&desire, usize::MAX);
    world.pass(1000);
    let failed = id(&world, 0);
    world.real(failed, Phase::Failed, None);
    world.stop(failed, StopCause::Failed);
    let step = world.desire().step;
    assert!(matches!(step, Some(WorkloadStep::Revert { to: 1, .. })), "{step:?}");
}

#[test]
fn an_update_may_wait_beside_a_lost_copy_for_ever() {
    let mut spec = count(2);
    spec.lost.replace_after = tamer_model::Patience::Never;
    spec.update.order = UpdateOrder::StartFirst;
    let mut world = settled(spec, 2);
    world.lose(host(1), world.now);
    world.apply(Nature::Good);
    let desire = world.desire();
    assert_eq!((desire.demands.len(), desire.stops.len(), desire.wake), (0, 0, None));
    assert_eq!(desire.counts.unknown, 1);
}

#[test]
fn copies_are_counted() {
    let mut world = settled(count(5), 5);
    world.real(id(&world, 0), Phase::Failed, None);
    world.real(id(&world, 1), Phase::Preparing, None);
    let on = world.copies[&id(&world, 2)].record.host;
    world.lose(on, world.now);
    world.stop(id(&world, 3), StopCause::Preempted);
    let counts = Counts {
        wanted: 5,
        running: 1,
        well: 1,
        former: 0,
        starting: 1,
        failed: 1,
        unknown: 1,
        unplaced: 2,
        completed: 0,
        stopping: 1,
    };
    assert_eq!(world.desire().counts, counts);
    world.apply(Nature::Good);
    let another = Counts { well: 0, former: 1, ..counts };
    assert_eq!(world.desire().counts, another, "it is as well as before");
}

#[test]
fn done_work_stays_done_when_its_host_goes() {
    let run = Run::ToCompletion { completions: 2, parallelism: 2 };
    let mut world = settled(WorkloadSpec { run, ..count(0) }, 2);
    assert_eq!(world.desire().counts.completed, 2);
    world.remove_host(host(1));
    let desire = world.desire();
    assert_eq!((desire.demands.len(), desire.stops.len()), (0, 0));
    assert_eq!(desire.counts.completed, 2);
}
