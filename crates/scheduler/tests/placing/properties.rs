//! What holds for every fleet.

use proptest::prelude::*;
use tamer_model::{
    Affinity, AffinityTo, Cause, HostState, Packing, Rebalance, Run, Size, Spread, StopCause,
    WorkloadSpec,
};
use tamer_scheduler::{HostView, Queue};

use crate::checks;
use crate::naive::Naive;
use crate::world::{Dice, GIB, World, cordon, edit, host, name, port, spec};

const NAMES: [&str; 5] = ["api", "cache", "db", "log", "web"];

fn drawn_host(number: u8, dice: &mut Dice) -> HostView {
    let mut labels = Vec::new();
    if dice.chance(85) {
        labels.push(("zone", ["a", "b", "c"][dice.below(3) as usize]));
    }
    if dice.chance(40) {
        labels.push(("ssd", "yes"));
    }
    let mut view = host(number, dice.below(9) as u32, dice.below(9), &labels);
    if dice.chance(30) {
        let gpu = "gpu".parse().expect("a device");
        edit(&mut view, |host| host.facts.devices = [(gpu, 2)].into());
    }
    if dice.chance(8) {
        view.providers.clear();
    }
    if dice.chance(8) {
        cordon(&mut view);
    }
    if dice.chance(8) {
        view.state = HostState::Lost;
    }
    if dice.chance(15) {
        view.taken = [(8080, tamer_model::Protocol::Tcp)].into();
    }
    view
}

fn drawn_spec(at: usize, dice: &mut Dice) -> WorkloadSpec {
    let mut spec = spec(NAMES[at], dice.below(9) as u32, dice.below(5) * 250, dice.below(4) * 512);
    let other = |dice: &mut Dice| name(NAMES[dice.below(NAMES.len() as u64) as usize]);
    if dice.chance(30) {
        let selector = ["zone in (a,b)", "ssd", "!ssd", "zone=c"][dice.below(4) as usize];
        spec.constraints.push(selector.parse().expect("a selector"));
    }
    if dice.chance(40) {
        let weight = [-50, 30, 100][dice.below(3) as usize];
        let to = match dice.chance(50) {
            true => AffinityTo::Hosts("ssd".parse().expect("a selector")),
            false => AffinityTo::Workload(other(dice)),
        };
        spec.affinity.push(Affinity { to, weight });
    }
    if dice.chance(40) {
        let max_skew = dice.chance(50).then(|| 1 + dice.below(2) as u32);
        let weight = 1 + dice.below(100) as u8;
        spec.spread.push(Spread { over: "zone".into(), weight, max_skew });
    }
    if dice.chance(15) {
        spec.spread.push(Spread { over: "ssd".into(), weight: 20, max_skew: None });
    }
    if dice.chance(15) {
        spec.apart_from.push(other(dice));
    }
    // Only those before it: nobody waits for himself.
    if at > 0 && dice.chance(15) {
        let with = name(NAMES[dice.below(at as u64) as usize]);
        if !spec.apart_from.contains(&with) {
            spec.with.push(with);
        }
    }
    if dice.chance(15) {
        spec.instance.ports = vec![port(8080)];
    }
    if dice.chance(15) {
        spec.resources.devices = [("gpu".parse().expect("a device"), 1)].into();
    }
    if dice.chance(10) {
        spec.resources.disk = Some(Size::from_bytes(30 * GIB));
    }
    if dice.chance(10) {
        spec.run = Run::EveryHost;
    }
    if dice.chance(50) {
        spec.packing = Packing::Tight;
    }
    spec.priority = [10, 50, 50, 90][dice.below(4) as usize];
    spec.share = 1 + dice.below(3) as u32;
    spec
}

pub fn drawn(seed: u64, dice: &mut Dice) -> World {
    let queues = [Queue::FairShare, Queue::RoundRobin, Queue::FirstCome];
    let mut world = World::new(queues[(seed % 3) as usize]);
    for number in 1..=(1 + dice.below(10) as u8) {
        world.put_host(drawn_host(number, dice));
    }
    for at in 0..NAMES.len() {
        if dice.chance(70) {
            world.apply(drawn_spec(at, dice));
        }
    }
    world
}

/// `cargo xtask soak` multiplies this. Mutation testing, which runs everything hundreds of times, says
/// itself how many.
fn cases() -> ProptestConfig {
    let told = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let factor = told("TAMER_SOAK").unwrap_or(1);
    ProptestConfig::with_cases(told("TAMER_CASES").unwrap_or(256 * factor))
}

proptest! {
    #![proptest_config(cases())]

    /// Never over capacity and never against a hard constraint, whatever happens to the fleet; and
    /// once nothing happens any more, nothing is planned.
    #[test]
    fn plans_keep_to_what_is_asked(seed: u64) {
        let mut dice = Dice::new(seed);
        let mut world = drawn(seed, &mut dice);
        for _ in 0..6 {
            for _ in 0..dice.below(4) {
                let plan = world.step();
                checks::plan(&world, &plan);
                world.store(&plan);
                if dice.chance(70) {
                    world.act();
                }
                world.pass(dice.below(30));
            }
            let number = 1 + dice.below(11) as u8;
            if dice.chance(60) {
                world.put_host(drawn_host(number, &mut dice));
            } else {
                let at = dice.below(NAMES.len() as u64) as usize;
                let before = world.workloads.get(&name(NAMES[at])).cloned();
                let mut changed = drawn_spec(at, &mut dice);
                // Another version of the copies is not what is tried here.
                if let Some(before) = before {
                    changed.resources = before.spec.resources;
                    changed.instance = before.spec.instance;
                    changed.lost = before.spec.lost;
                }
                world.apply(changed);
            }
        }
        // What keeps apart, or goes together, may chase one another only when people say so in
        // circles; those are refused when they are applied.
        let plan = world.step();
        checks::plan(&world, &plan);
    }

    /// What is planned on its own output is nothing.
    #[test]
    fn it_comes_to_rest(seed: u64) {
        let mut dice = Dice::new(seed);
        let mut world = drawn(seed, &mut dice);
        world.settle();
        world.scheduler.touch_all();
        let plan = world.step();
        prop_assert!(plan.make.is_empty() && plan.stop.is_empty(), "{plan:#?}");
    }

    /// The same state gives the same plan, in whatever order it was told; and a step changes nothing.
    #[test]
    fn it_is_deterministic(seed: u64) {
        let mut dice = Dice::new(seed);
        let mut world = drawn(seed, &mut dice);
        let queues = [Queue::FairShare, Queue::RoundRobin, Queue::FirstCome];
        let queue = queues[(seed % 3) as usize];
        for _ in 0..3 {
            let mut other = world.told_otherwise(queue, &mut dice);
            world.scheduler.touch_all();
            let plan = world.step();
            prop_assert_eq!(&plan, &world.step());
            prop_assert_eq!(&plan, &other.step(world.now, 1000));
            world.store(&plan);
            world.act();
            world.pass(15);
        }
    }

    /// The search finds what looking at every host for each copy finds.
    #[test]
    fn it_agrees_with_the_plain_way(seed: u64) {
        let mut dice = Dice::new(seed);
        let mut world = drawn(seed, &mut dice);
        world.settle();
        let mut spec = drawn_spec(4, &mut dice);
        spec.name = name("zz");
        spec.run = Run::Count(1 + dice.below(12) as u32);
        spec.priority = 0;
        world.apply(spec.clone());
        let plan = world.step();
        prop_assert!(plan.make.iter().all(|make| make.workload == spec.name));
        let mut naive = Naive::new(&world, &spec);
        for make in &plan.make {
            let (fits, scored) = naive.fitting();
            prop_assert_eq!(make.why.fitting as usize, fits);
            let best = scored.iter().map(|(_, points)| *points).fold(f64::MIN, f64::max);
            let chosen = scored.iter().find(|(host, _)| *host == make.host);
            let points = chosen.expect("it fits").1;
            // A thousandth is lost for each part that is rounded.
            prop_assert!(points > best - 0.01, "{points} of {best}: {make:?}");
            prop_assert!((points - f64::from(make.why.score)).abs() < 1.01);
            naive.place(make.host);
        }
        let Run::Count(count) = spec.run else { unreachable!("it was counted") };
        if plan.make.len() < count as usize {
            let (_, scored) = naive.fitting();
            prop_assert!(scored.is_empty(), "{scored:?} are left, {:?}", plan.unplaced);
            let unplaced = world.scheduler.unplaced(&spec.name).expect("it says why");
            prop_assert_eq!(unplaced.copies as usize, count as usize - plan.make.len());
            let removed: u32 = unplaced.removed.iter().map(|removal| removal.hosts).sum();
            prop_assert!(removed <= unplaced.hosts);
        }
    }

    /// A host more, or a larger one, never leaves more copies of one workload without a place,
    /// unless they are to be spread within limits: a value more is a value that has too few.
    #[test]
    fn more_room_is_no_less(seed: u64) {
        let mut dice = Dice::new(seed);
        let mut world = World::new(Queue::FairShare);
        for number in 1..=(1 + dice.below(8) as u8) {
            world.put_host(drawn_host(number, &mut dice));
        }
        let mut spec = drawn_spec(0, &mut dice);
        spec.spread.iter_mut().for_each(|spread| spread.max_skew = None);
        spec.run = Run::Count(1 + dice.below(40) as u32);
        world.apply(spec);
        let mut larger = world.clone();
        if dice.chance(50) {
            larger.put_host(drawn_host(100, &mut dice));
        } else {
            larger.edit_host(1, |view| edit(view, |host| {
                host.facts.cpus += 1 + dice.below(4) as u32;
                host.facts.memory_bytes += dice.below(4) * GIB;
            }));
        }
        prop_assert!(larger.step().make.len() >= world.step().make.len());
    }

    /// Nothing moves without the gain that its workload asks for, and moving comes to an end.
    #[test]
    fn moves_are_worth_it(seed: u64) {
        let mut dice = Dice::new(seed);
        let mut world = drawn(seed, &mut dice);
        world.settle();
        // One: those that like different things may chase each other, as slowly as cooldowns let them.
        for at in [dice.below(NAMES.len() as u64) as usize] {
            if let Some(mut workload) = world.workloads.get(&name(NAMES[at])).cloned() {
                let gain = 2 + dice.below(20) as u8;
                workload.spec.rebalance = Some(Rebalance {
                    moves: 1 + dice.below(3) as u32,
                    gain,
                    cooldown: tamer_model::Span::from_secs(60),
                });
                workload.spec.update.max_in_flight = 3;
                world.put_workload(workload);
            }
        }
        world.put_host(drawn_host(50, &mut dice));
        for _ in 0..60 {
            world.pass(61);
            world.scheduler.touch_all();
            let plan = world.step();
            checks::plan(&world, &plan);
            for make in plan.make.iter().filter(|make| make.why.cause == Cause::Rebalanced) {
                let spec = &world.workloads[&make.workload].spec;
                let gain = i32::from(spec.rebalance.expect("it has one").gain) * 10;
                let old = make.replaces.expect("it moves one");
                let stop = plan.stop.iter().find(|stop| stop.placement == old).expect("it stops");
                prop_assert_eq!(stop.cause, StopCause::Rebalanced);
                prop_assert!(make.why.score >= gain);
                prop_assert_ne!(world.copies[&old].0.host, make.host);
            }
            if plan.make.is_empty() && plan.stop.is_empty() {
                return Ok(());
            }
            world.store(&plan);
            world.act();
            let again = world.step();
            let moves = again.make.iter().filter(|make| make.why.cause == Cause::Rebalanced);
            let same = moves.filter(|make| plan.make.iter().any(|made| made.workload == make.workload));
            prop_assert_eq!(same.count(), 0, "at once again");
        }
        prop_assert!(false, "it never ends");
    }
}
