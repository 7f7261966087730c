//! What a person's wish to balance moves.

use tamer_model::{Spread, StopCause, Timestamp, Workload, WorkloadSpec};
use tamer_scheduler::Queue;

use crate::world::{World, cordon, host, name, spec};

/// Two copies on one host, beside another that is empty.
fn uneven() -> World {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[]));
    let mut closed = host(2, 4, 4, &[]);
    cordon(&mut closed);
    world.put_host(closed);
    world.apply(spec("web", 2, 2000, 0));
    world.settle();
    world.put_host(host(2, 4, 4, &[]));
    world
}

/// How many copies are moved because a person asked for it then.
fn moved(world: &mut World, asked: Timestamp) -> usize {
    let web = world.workloads[&name("web")].clone();
    world.put_workload(Workload { rebalance_at: Some(asked), ..web });
    world.step().make.len()
}

#[test]
fn a_person_s_wish_to_balance_holds_for_an_hour() {
    let late = |secs: u64| {
        let mut world = uneven();
        let asked = world.now;
        world.pass(secs);
        moved(&mut world, asked)
    };
    assert_eq!((late(0), late(3599), late(3600)), (1, 1, 0));
}

#[test]
fn who_was_heard_may_ask_again() {
    let mut world = uneven();
    let mut asked = world.now;
    for _ in 0..2 {
        assert_eq!(moved(&mut world, asked), 1);
        world.settle();
        assert_eq!(moved(&mut world, asked), 0, "once is enough");
        // Uneven once more: what was moved is back where it was.
        let open = host(2, 4, 4, &[]);
        let mut closed = open.clone();
        cordon(&mut closed);
        world.put_host(closed);
        let there = world.wanted().find(|copy| copy.host == open.host.id).expect("it was moved").id;
        world.stop(there, StopCause::Preempted);
        world.settle();
        world.put_host(open);
        assert_eq!(moved(&mut world, asked), 0, "what was asked is done");
        asked = world.now;
    }
}

#[test]
fn balancing_keeps_to_the_limit_of_a_step() {
    let mut world = uneven();
    let asked = world.now;
    assert_eq!(moved(&mut world, asked), 1);
    assert_eq!(world.scheduler.step(world.now, 0).make, []);
}

#[test]
fn what_was_placed_after_a_person_asked_stays() {
    let early = |millis: u64| {
        let mut world = uneven();
        let made = world.wanted().next().expect("it is there").made_at;
        moved(&mut world, Timestamp::from_millis(made.as_millis() - millis))
    };
    assert_eq!((early(0), early(1)), (1, 0));
}

#[test]
fn a_copy_is_not_counted_against_its_own_place() {
    let mut world = World::new(Queue::FairShare);
    world.put_host(host(1, 4, 4, &[("zone", "a")]));
    world.put_host(host(2, 4, 4, &[("zone", "b")]));
    let spread = vec![Spread { over: "zone".into(), weight: 100, max_skew: None }];
    world.apply(WorkloadSpec { spread, ..spec("web", 1, 1000, 0) });
    world.settle();
    let asked = world.now;
    assert_eq!(moved(&mut world, asked), 0, "the other zone is as good as this one");
}
