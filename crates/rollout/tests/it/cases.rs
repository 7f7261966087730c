//! Single steps, each for one promise.

use tamer_model::{
    Amount, Offline, OnTrip, Pause, Retry, Rollout, Stand, Timestamp, Unsent, WaveSizes,
};
use tamer_rollout::{End, Reach, is_final, sample};

use crate::world::World;

fn all_in(world: &mut World) {
    for place in world.in_flight() {
        world.end(place, End::Succeeded);
    }
    let plan = world.plan();
    world.perform(&plan);
}

#[test]
fn a_pause_sends_nothing_and_its_end_goes_on() {
    let mut world =
        World::new(Rollout { max_in_flight: Some(Amount::Count(1)), ..Rollout::default() }, 3);
    let plan = world.plan();
    world.perform(&plan);
    world.control.marks.push((world.now, false));
    all_in(&mut world);
    assert_eq!((world.plan().stand, world.plan().send.len()), (Stand::Paused, 0));
    world.control.marks.push((world.now, true));
    assert_eq!(world.plan().send.len(), 1);
}

#[test]
fn required_targets_are_all_there_or_none_is_sent_to() {
    let spec = || Rollout { offline: Offline::Require, ..Rollout::default() };
    let mut world = World::new(spec(), 3);
    assert_eq!(world.plan().send.len(), 3);
    world.reach[2] = Reach::Unsure;
    assert_eq!((world.plan().send.len(), world.plan().end.len()), (0, 0));
    world.reach[1] = Reach::Away;
    let plan = world.plan();
    let ends: Vec<_> = plan.end.iter().map(|ending| ending.end).collect();
    let (tripped, away) =
        (End::NeverStarted(Unsent::Tripped), End::NeverStarted(Unsent::Unreachable));
    assert_eq!(ends, [tripped, away, tripped]);
    assert_eq!(
        plan.reason.as_deref(),
        Some("1 targets cannot be reached, and all of them are required")
    );
}

#[test]
fn a_rate_holds_in_every_second_and_says_when_to_look_again() {
    let mut world = World::new(Rollout { rate: Some(2), ..Rollout::default() }, 5);
    let begun = world.now.as_millis();
    let plan = world.plan();
    assert_eq!(plan.send.len(), 2);
    world.perform(&plan);
    world.pass(400);
    let plan = world.plan();
    assert_eq!(plan.send.len(), 0);
    assert_eq!(plan.wake, Some(Timestamp::from_millis(begun + 1000)));
    world.pass(600);
    assert_eq!(world.plan().send.len(), 2);
}

#[test]
fn a_lease_bounds_what_is_sent() {
    let mut world = World::new(Rollout::default(), 4);
    world.control.free = Some(3);
    assert_eq!(world.plan().send.len(), 3);
    world.control.free = Some(0);
    assert_eq!(world.plan().send.len(), 0);
}

#[test]
fn the_last_wave_has_none_after_it() {
    let waves = WaveSizes::Each(Amount::Count(1));
    let mut world =
        World::new(Rollout { waves, pause: Pause::UntilResumed, ..Rollout::default() }, 2);
    let plan = world.plan();
    world.perform(&plan);
    all_in(&mut world);
    assert_eq!(world.plan().stand, Stand::Between { wave: 2, of: 2, until: None });
    world.pass(10);
    world.control.marks.push((world.now, true));
    let plan = world.plan();
    assert_eq!(plan.stand, Stand::Wave { wave: 2, of: 2 });
    world.perform(&plan);
    all_in(&mut world);
    assert_eq!(world.plan().stand, Stand::Done);
}

#[test]
fn resuming_forgives_what_was_spent_and_nothing_later() {
    let spec = Rollout {
        max_failed: Some(Amount::Count(0)),
        max_in_flight: Some(Amount::Count(1)),
        on_trip: OnTrip::Pause,
        ..Rollout::default()
    };
    let mut world = World::new(spec, 3);
    for _ in 0..2 {
        let plan = world.plan();
        assert_eq!(plan.send.len(), 1);
        world.perform(&plan);
        let place = world.in_flight()[0];
        world.end(place, End::Failed);
        let plan = world.plan();
        world.perform(&plan);
        assert!(matches!(world.plan().stand, Stand::Tripped(_)), "{:?}", world.plan().stand);
        // At the same moment as the end: what was spent until then is forgiven.
        world.control.marks.push((world.now, true));
        world.pass(1);
    }
    assert_eq!(world.plan().send.len(), 1);
}

#[test]
fn a_wait_for_a_retry_is_given_up_with_what_it_came_to() {
    let retry = Retry { attempts: 3, backoff_ms: 1000, ..Retry::default() };
    let mut world = World::new(Rollout { retry: retry.clone(), ..Rollout::default() }, 1);
    let plan = world.plan();
    world.perform(&plan);
    world.end(0, End::Failed);
    let plan = world.plan();
    assert_eq!((plan.send.len(), plan.end.len()), (0, 0));
    world.control.cancelled_at = Some(world.now);
    let plan = world.plan();
    assert_eq!(plan.end[0].end, End::Failed);
    assert!(is_final(&retry, End::Failed, 3) && !is_final(&retry, End::Failed, 2));
    assert!(is_final(&retry, End::Interrupted, 1), "only when it was said");
}

#[test]
fn a_cancel_ends_what_is_in_flight_and_nothing_twice() {
    let mut world =
        World::new(Rollout { max_in_flight: Some(Amount::Count(2)), ..Rollout::default() }, 3);
    let plan = world.plan();
    world.perform(&plan);
    world.control.cancelled_at = Some(world.now);
    world.end(0, End::Succeeded);
    let plan = world.plan();
    assert_eq!(plan.cancel, [1]);
    let ended: Vec<_> = plan.end.iter().map(|ending| (ending.place, ending.end)).collect();
    assert_eq!(ended, [(0, End::Succeeded), (2, End::NeverStarted(Unsent::Cancelled))]);
}

#[test]
fn attempts_are_told_when_there_were_several() {
    let retry = Retry { attempts: 2, backoff_ms: 0, ..Retry::default() };
    let mut world = World::new(Rollout { retry, ..Rollout::default() }, 2);
    for round in 0..2 {
        let plan = world.plan();
        world.perform(&plan);
        world.end(0, End::Failed);
        if round == 0 {
            world.end(1, End::Succeeded);
        }
    }
    let plan = world.plan();
    let whys: Vec<_> = plan.end.iter().map(|ending| ending.why.as_str()).collect();
    assert_eq!(whys, ["after 2 attempts"]);
}

#[test]
fn a_sample_is_of_its_size_and_stays_with_its_seed() {
    let names: Vec<_> = (0..40).map(|n| format!("host{n:02}")).collect();
    let drawn = |seed| sample(Amount::Count(5), seed, &names);
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
    assert_eq!(drawn(7).len(), 5);
    assert!(drawn(7).is_sorted() && drawn(7).iter().all(|place| *place < 40));
    assert_eq!(sample(Amount::Share(10_000), 7, &names).len(), 40);
    // Who is drawn stays drawn when others leave.
    let kept: Vec<_> = drawn(7).iter().map(|place| names[*place].clone()).collect();
    let mut fewer = names.clone();
    fewer.retain(|name| kept.contains(name) || name.ends_with('1'));
    let again: Vec<_> =
        sample(Amount::Count(5), 7, &fewer).iter().map(|place| fewer[*place].clone()).collect();
    assert_eq!(again, kept);
    // The same for ever: it is drawn in one version and retried in another.
    assert_eq!(drawn(7), SEVEN);
}

const SEVEN: [usize; 5] = [23, 26, 27, 28, 38];

#[test]
fn the_budget_of_unreachable_targets_is_its_own() {
    let spec = Rollout {
        max_failed: Some(Amount::Count(0)),
        max_unreachable: Some(Amount::Count(1)),
        waves: WaveSizes::Each(Amount::Count(1)),
        ..Rollout::default()
    };
    let mut world = World::new(spec, 4);
    world.reach[0] = Reach::Away;
    world.reach[2] = Reach::Away;
    for _ in 0..6 {
        let plan = world.plan();
        world.perform(&plan);
        all_in(&mut world);
    }
    let ends: Vec<_> = world.targets.iter().filter_map(|target| target.end).collect();
    let ends: Vec<_> = ends.into_iter().map(|(end, _)| end).collect();
    let (away, tripped) =
        (End::NeverStarted(Unsent::Unreachable), End::NeverStarted(Unsent::Tripped));
    assert_eq!(ends, [away, End::Succeeded, away, tripped]);
    assert_eq!(world.plan().reason.as_deref(), Some("2 unreachable, and 1 are allowed"));
}
