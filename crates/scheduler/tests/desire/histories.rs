//! What holds for every history.

use proptest::prelude::*;
use tamer_model::{
    Check, Health, Lost, Patience, Run, Span, TcpCheck, Update, UpdateOrder, Winner, WorkloadSpec,
};

use crate::checks;
use crate::world::{Dice, Nature, World, host, spec};

fn runs() -> impl Strategy<Value = Run> {
    prop_oneof![
        4 => (0u32..6).prop_map(Run::Count),
        1 => Just(Run::EveryHost),
        1 => (1u32..6, 1u32..4)
            .prop_map(|(completions, parallelism)| Run::ToCompletion { completions, parallelism }),
    ]
}

fn updates() -> impl Strategy<Value = Update> {
    let order = prop_oneof![Just(UpdateOrder::StopFirst), Just(UpdateOrder::StartFirst)];
    (1u32..4, 0u32..3, order, 0u64..15, any::<bool>()).prop_map(
        |(max_in_flight, canary, order, healthy_for, auto_revert)| Update {
            max_in_flight,
            canary,
            order,
            healthy_for: Span::from_secs(healthy_for),
            deadline: Span::from_secs(60),
            auto_revert,
        },
    )
}

fn losts() -> impl Strategy<Value = Lost> {
    let replace_after = prop_oneof![
        1 => Just(Patience::Never),
        4 => (0u64..40).prop_map(|secs| Patience::After(Span::from_secs(secs))),
    ];
    let winner = prop_oneof![Just(Winner::Original), Just(Winner::Replacement)];
    (replace_after, winner).prop_map(|(replace_after, winner)| Lost {
        replace_after,
        winner,
        ..Lost::default()
    })
}

fn specs() -> impl Strategy<Value = WorkloadSpec> {
    (runs(), updates(), losts(), any::<bool>()).prop_map(|(run, update, lost, checked)| {
        let second = Span::from_secs(1);
        let health = Health {
            check: Check::Tcp(TcpCheck { port: 80 }),
            every: second,
            timeout: second,
            start_period: second,
            failures: 3,
            successes: 1,
        };
        WorkloadSpec { update, lost, health: checked.then_some(health), ..spec(run) }
    })
}

/// Lets a world live in which anything may happen.
fn live(world: &mut World, dice: &mut Dice, rounds: u64) {
    for _ in 0..rounds {
        let desire = world.desire();
        // The coordinator crashes before it has stored anything, or half-way, or not at all.
        if !dice.chance(10) {
            let most = if dice.chance(10) { dice.below(3) as usize } else { usize::MAX };
            world.store(&desire, most);
        }
        for id in world.copies.keys().copied().collect::<Vec<_>>() {
            if dice.chance(60) && world.copies.contains_key(&id) && runs(world, id) {
                world.live(id);
            }
            if dice.chance(3) && world.copies.contains_key(&id) && runs(world, id) {
                world.trouble(id, dice);
            }
        }
        if dice.chance(12) {
            let id = host(1 + dice.below(world.hosts.len() as u64) as u8);
            match world.hosts[&id].lost {
                None => world.lose(id, world.now),
                Some(_) => world.find(id),
            }
        }
        if dice.chance(15) {
            world.act(dice);
        }
        let wait = match world.desire().wake {
            Some(wake) if dice.chance(50) => wake.as_millis() - world.now.as_millis(),
            Some(_) | None => dice.below(8000),
        };
        world.pass(wait);
    }

    fn runs(world: &World, id: tamer_model::PlacementId) -> bool {
        !world.hosts[&world.copies[&id].record.host].gone
    }
}

/// Faults end: every host that is left is heard, and there is room.
fn heal(world: &mut World) {
    for id in world.hosts.keys().copied().collect::<Vec<_>>() {
        if !world.hosts[&id].gone {
            world.find(id);
            world.hosts.get_mut(&id).expect("it is there").room = 100;
        }
    }
    let next = world.hosts.len() as u8 + 1;
    for number in next..next + 2 {
        let room = 100;
        world.hosts.insert(host(number), crate::world::Host { room, ..Default::default() });
    }
    world.workload.stopped = false;
}

/// Lets time pass until nothing more happens. Whether that came about.
fn settle(world: &mut World) -> bool {
    for _ in 0..400 {
        let desire = world.desire();
        world.store(&desire, usize::MAX);
        let before = world.copies.clone();
        world.tick();
        let quiet = desire.demands.is_empty() && desire.stops.is_empty() && desire.step.is_none();
        let still = world.copies.len() == before.len()
            && world.copies.values().zip(before.values()).all(|(a, b)| a.real == b.real);
        match world.desire().wake {
            None if quiet && still => return true,
            Some(wake) if still => world.now = wake,
            Some(_) | None => world.pass(1000),
        }
    }
    false
}

/// Exactly what is wanted runs, of the template that is wanted.
fn check_end(world: &World) {
    let template = world.workload.template;
    let counts = world.desire().counts;
    assert_eq!((counts.stopping, counts.failed, counts.unknown, counts.unplaced), (0, 0, 0, 0));
    match world.workload.spec.run {
        Run::Count(count) => assert_eq!((counts.well, counts.running), (count, count)),
        Run::EveryHost => {
            // A host that was cordoned keeps what it has; nothing is cordoned here.
            let eligible = world.eligible().unwrap_or_default().len() as u32;
            assert_eq!((counts.well, counts.running), (eligible, eligible));
        }
        Run::ToCompletion { completions, .. } => {
            assert!(counts.completed >= completions, "{counts:?}");
            assert_eq!((counts.running, counts.starting), (0, 0));
        }
    }
    for copy in world.copies.values() {
        assert_eq!(copy.record.template, template, "{copy:?}");
        let host = &world.hosts[&copy.record.host];
        assert!(world.workload.spec.completes() || (host.drain.is_none() && !host.unfit));
    }
    let none = matches!(world.workload.spec.run, Run::Count(0));
    assert!(none || world.workload.stable == Some(template), "{:?}", world.workload);
    assert!(world.workload.update.is_none(), "{:?}", world.workload.update);
}

/// `cargo xtask soak` multiplies this. Mutation testing, which runs everything hundreds of times, says
/// itself how many.
fn cases() -> u32 {
    if let Some(cases) = std::env::var("TAMER_CASES").ok().and_then(|n| n.parse().ok()) {
        return cases;
    }
    let factor: u32 = std::env::var("TAMER_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    3000 * factor
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// The world checks at every step what must hold of any state. When faults end, the desire comes
    /// to rest, and exactly what is wanted runs.
    #[test]
    fn it_comes_to_rest(spec in specs(), hosts in 1u8..6, rounds in 0u64..60, seed: u64) {
        let mut dice = Dice::new(seed);
        let mut world = World::new(spec, hosts, 2);
        live(&mut world, &mut dice, rounds);
        heal(&mut world);
        let bad = world.nature(world.workload.template) != Nature::Good;
        let rests = settle(&mut world);
        let failed = world.failed().is_some();
        if world.nature(world.workload.template) != Nature::Good {
            // It stays bad only where nothing goes back by itself.
            let update = &world.workload.spec.update;
            let watched = !world.workload.spec.completes() && checks::any_wanted(&world);
            prop_assert!(!watched || failed, "{:?}", world.workload);
            prop_assert!(!watched || !update.auto_revert || world.workload.stable.is_none());
        } else {
            prop_assert!(rests || bad, "it does not come to rest: {:#?}", world.desire());
        }
        if failed || !rests || bad {
            world.apply(Nature::Good);
            prop_assert!(settle(&mut world), "it does not come to rest: {:#?}", world.desire());
        }
        check_end(&world);
    }

    /// A workload that is removed is gone, with all that it had.
    #[test]
    fn what_is_removed_goes(spec in specs(), hosts in 1u8..6, rounds in 0u64..40, seed: u64) {
        let mut dice = Dice::new(seed);
        let mut world = World::new(spec, hosts, 2);
        live(&mut world, &mut dice, rounds);
        world.workload.removing = true;
        live(&mut world, &mut dice, 5);
        heal(&mut world);
        for _ in 0..20 {
            let desire = world.desire();
            prop_assert!(desire.demands.is_empty());
            if world.removed {
                break;
            }
            world.store(&desire, usize::MAX);
            world.tick();
        }
        prop_assert!(world.removed && world.copies.is_empty());
    }
}
