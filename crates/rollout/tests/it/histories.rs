//! What holds for every history.

use proptest::prelude::*;
use tamer_model::{
    Amount, Offline, OnTrip, Order, Pause, Retry, Retryable, Rollout, Stand, WaveSizes,
};
use tamer_rollout::{End, Reach};

use crate::world::{Dice, World};

fn amounts() -> impl Strategy<Value = Amount> {
    prop_oneof![(1u32..12).prop_map(Amount::Count), (1u32..=10_000).prop_map(Amount::Share)]
}

fn rollouts() -> impl Strategy<Value = Rollout> {
    let waves = prop_oneof![
        Just(WaveSizes::One),
        amounts().prop_map(WaveSizes::Each),
        amounts().prop_map(WaveSizes::Doubling),
        proptest::collection::vec((1u32..9).prop_map(Amount::Count), 1..4)
            .prop_map(WaveSizes::Listed),
    ];
    let pause =
        prop_oneof![Just(Pause::No), (1u64..5000).prop_map(Pause::For), Just(Pause::UntilResumed)];
    let offline = prop_oneof![
        Just(Offline::Skip),
        (1u64..20_000).prop_map(Offline::Wait),
        Just(Offline::Require)
    ];
    let on_trip = prop_oneof![Just(OnTrip::Stop), Just(OnTrip::Pause), Just(OnTrip::Undo)];
    let on = proptest::collection::btree_set(
        prop_oneof![
            Just(Retryable::Failed),
            Just(Retryable::TimedOut),
            Just(Retryable::Interrupted)
        ],
        0..3,
    );
    let retry = (1u32..4, on, 0u64..3000).prop_map(|(attempts, on, backoff_ms)| Retry {
        attempts,
        on,
        backoff_ms,
    });
    let budgets = (
        proptest::option::of(amounts()),
        proptest::option::of(amounts()),
        proptest::option::of(0u32..=10_000),
    );
    let flow = (
        proptest::option::of(amounts()),
        proptest::option::of(1u32..20),
        0u64..3000,
        proptest::option::of(1000u64..60_000),
    );
    let canary = proptest::option::of((1u32..4).prop_map(Amount::Count));
    (canary, waves, pause, offline, on_trip, retry, budgets, flow, any::<u64>()).prop_map(
        |(canary, waves, pause, offline, on_trip, retry, budgets, flow, seed)| {
            let (max_failed, max_unreachable, success) = budgets;
            let (max_in_flight, rate, jitter_ms, deadline_ms) = flow;
            Rollout {
                canary,
                waves,
                max_in_flight,
                pause,
                max_failed,
                max_unreachable,
                success,
                on_trip,
                jitter_ms,
                rate,
                order: Order::Name,
                seed,
                retry,
                offline,
                deadline_ms,
            }
        },
    )
}

fn drawn_end(dice: &mut Dice) -> End {
    match dice.below(10) {
        0 => End::Failed,
        1 => End::TimedOut,
        2 => End::Interrupted,
        _ => End::Succeeded,
    }
}

/// Lets a batch run in a world where anything may happen, to its end.
fn live(spec: Rollout, targets: usize, seed: u64) -> World {
    let mut dice = Dice::new(seed);
    let mut world = World::new(spec, targets);
    for reach in &mut world.reach {
        *reach = match dice.below(12) {
            0 => Reach::Away,
            1 if targets > 3 => Reach::Cordoned,
            _ => Reach::Ready,
        };
    }
    for round in 0.. {
        assert!(round < 20_000, "it never ends: {:?}", world.plan());
        let plan = world.plan();
        if plan.stand == Stand::Done && plan.end.is_empty() {
            break;
        }
        world.perform(&plan);
        for place in &plan.cancel {
            // An agent ends it, sooner or later.
            if dice.chance(30) {
                world.end(*place, End::Cancelled);
            }
        }
        for place in world.in_flight() {
            if dice.chance(20) {
                let end = drawn_end(&mut dice);
                world.end(place, end);
            }
        }
        if dice.chance(10) && targets > 0 {
            let place = dice.below(targets as u64) as usize;
            world.reach[place] =
                [Reach::Ready, Reach::Away, Reach::Unsure, Reach::Ready, Reach::Gone]
                    [dice.below(5) as usize];
        }
        match plan.stand {
            Stand::Between { until: None, .. } | Stand::Paused | Stand::Tripped(_)
                if dice.chance(20) =>
            {
                world.control.marks.push((world.now, true));
            }
            Stand::Wave { .. } if dice.chance(1) => world.control.marks.push((world.now, false)),
            _ if dice.below(2000) == 0 => world.control.cancelled_at = Some(world.now),
            _ => {}
        }
        if dice.chance(5) {
            let free = dice.below(4) as usize;
            world.control.free = dice.chance(50).then_some(free);
        }
        // Sometimes just to the time that the plan asked for, which must be enough.
        let wait = match plan.wake {
            Some(wake) if dice.chance(50) => wake.as_millis() - world.now.as_millis(),
            _ => dice.below(700),
        };
        world.pass(wait);
    }
    world
}

/// `cargo xtask soak` multiplies this; ten thousand in an ordinary run. Mutation testing, which runs
/// everything hundreds of times, says itself how many.
fn cases() -> u32 {
    if let Some(cases) = std::env::var("TAMER_CASES").ok().and_then(|n| n.parse().ok()) {
        return cases;
    }
    let factor: u32 = std::env::var("TAMER_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    10_000 * factor
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// The world asserts, at every step, the limit in flight, the budgets, and that nothing is
    /// sent or ended twice.
    #[test]
    fn every_target_comes_to_one_end(spec in rollouts(), targets in 0usize..40, seed: u64) {
        let world = live(spec, targets, seed);
        prop_assert!(world.ended.iter().all(|ends| *ends == 1), "{:?}", world.ended);
        prop_assert!(world.in_flight().is_empty());
        for target in &world.targets {
            let (end, _) = target.end.expect("every target has its end");
            // What was tried is never told as never started, and the other way round.
            let never = matches!(end, End::NeverStarted(_));
            prop_assert_eq!(never && !target.attempts.is_empty(), false);
            if target.attempts.is_empty() {
                prop_assert!(never || end == End::Refused, "{end:?} without an attempt");
            }
        }
    }

    #[test]
    fn what_is_checked_can_be_rolled_out(spec in rollouts(), targets in 1u32..40) {
        // The check and the cutting of waves agree about what makes sense.
        if spec.check(targets).is_ok() {
            let waves = tamer_rollout::Waves::new(&spec, targets as usize);
            prop_assert!(!waves.all().is_empty());
        }
    }
}
