//! What must hold of every desire, and of every state that storing one leads to.

use std::collections::BTreeSet;

use tamer_model::{HostId, Phase, PlacementId, Run, StopCause, Timestamp, Wish};
use tamer_scheduler::desire::{Desire, HostStanding};

use crate::world::{Copy, World};

/// Nothing changes by time alone before the time that the desire names.
pub fn wake(world: &World, desire: &Desire) {
    assert!(desire.wake.is_none_or(|wake| wake > world.now), "it wants to be woken in the past");
    if !desire.stops.is_empty() {
        // There is something to do at once: time makes no difference to that.
        return;
    }
    let before = match desire.wake {
        Some(wake) => Timestamp::from_millis(wake.as_millis() - 1),
        None => Timestamp::from_millis(world.now.as_millis() + 1_000_000_000),
    };
    let then = world.desire_at(before);
    assert_eq!(desire.demands, then.demands, "demands change without a wake");
    assert_eq!(desire.stops, then.stops, "stops change without a wake");
    assert_eq!(
        desire.step.as_ref().map(std::mem::discriminant),
        then.step.as_ref().map(std::mem::discriminant),
        "the step changes without a wake"
    );
}

/// Of what was stored.
pub fn stored(before: &World, after: &World, desire: &Desire) {
    let stops: Vec<PlacementId> = desire.stops.iter().map(|(id, _)| *id).collect();
    let unique: BTreeSet<_> = stops.iter().collect();
    assert_eq!(unique.len(), stops.len(), "something is stopped twice: {desire:?}");
    for (id, cause) in &desire.stops {
        kept(before, desire, *id, *cause);
    }
    indices(after);
    on_purpose(before, after);
    if let Run::ToCompletion { parallelism, .. } = after.workload.spec.run {
        work(before, after, desire, parallelism);
    }
}

/// What is stopped without a successor's place was of no use, or another does its work.
fn kept(before: &World, desire: &Desire, id: PlacementId, cause: StopCause) {
    let copy = &before.copies[&id];
    let every_host = before.workload.spec.run == Run::EveryHost;
    let excused = match cause {
        StopCause::WorkloadStopped | StopCause::WorkloadRemoved | StopCause::Completed => true,
        StopCause::Surplus => before.workload.spec.completes() || left(before, desire),
        StopCause::Drained => every_host || overdue(before, copy),
        StopCause::Unfitting => every_host,
        StopCause::Updated
        | StopCause::Reverted
        | StopCause::Replaced
        | StopCause::Failed
        | StopCause::Preempted
        | StopCause::Rebalanced
        | StopCause::Duplicate => false,
    };
    if !excused && well(before, copy) {
        // All of a place may be too much, after the better one was chosen.
        let stays = |other: &Copy| {
            let mut stops = desire.stops.iter().filter(|(id, _)| *id == other.record.id);
            stops.all(|(_, cause)| *cause == StopCause::Surplus)
        };
        let does = |other: &&Copy| {
            let another = other.record.id != id && same(before, copy, other);
            another && well(before, other) && stays(other)
        };
        let other = before.copies.values().any(|other| does(&other));
        assert!(other, "{id} was well, and stopped because {} for nothing", cause.as_str());
    }
}

/// Whether as many places are left as are wanted, with those that an overdue drain takes just now.
fn left(before: &World, desire: &Desire) -> bool {
    let stays = |copy: &&Copy| {
        let mut stops = desire.stops.iter().filter(|(id, _)| *id == copy.record.id);
        copy.record.wanted() && stops.all(|(_, cause)| *cause == StopCause::Drained)
    };
    let places = before.copies.values().filter(stays).map(|copy| place(before, copy));
    places.collect::<BTreeSet<_>>().len() >= wanted(before)
}

/// At most two wanted copies of an index, or of a host.
fn indices(world: &World) {
    for copy in world.copies.values().filter(|copy| copy.record.wanted()) {
        let all = world.copies.values().filter(|other| same(world, copy, other));
        let count = all.filter(|other| other.record.wanted()).count();
        assert!(count <= 2, "{count} wanted copies of index {}", copy.record.index);
    }
}

/// When a well copy was stopped on purpose, no more places than allowed are without a well copy.
fn on_purpose(before: &World, after: &World) {
    let taken = before.copies.values().filter(|copy| {
        let stopped = after.copies.get(&copy.record.id).is_some_and(|now| !now.record.wanted());
        let gone = stopped && copy.record.wanted() && well(before, copy);
        let cause = after.copies.get(&copy.record.id).map(|copy| copy.record.wish);
        let purpose = match cause {
            Some(Wish::Stop { cause, .. }) => match cause {
                StopCause::Updated | StopCause::Reverted => true,
                StopCause::Drained | StopCause::Unfitting => {
                    before.workload.spec.run != Run::EveryHost && !overdue(before, copy)
                }
                StopCause::Surplus
                | StopCause::Replaced
                | StopCause::Failed
                | StopCause::Preempted
                | StopCause::Rebalanced
                | StopCause::Duplicate
                | StopCause::Completed
                | StopCause::WorkloadStopped
                | StopCause::WorkloadRemoved => false,
            },
            Some(Wish::Run) | None => false,
        };
        let excused =
            |other: &Copy| same(after, copy, other) && (well(after, other) || surplus(other));
        gone && purpose && !after.copies.values().any(excused)
    });
    let places: BTreeSet<_> = taken.map(|copy| place(after, copy)).collect();
    let taken = places.len();
    let most = after.workload.spec.update.max_in_flight as usize;
    if taken > 0 && !after.workload.spec.completes() {
        let down = wanted(after).saturating_sub(well_places(after));
        assert!(down <= most, "{taken} well copies taken, and {down} places are without one");
    }
    assert!(taken <= most, "{taken} well copies taken at once");
}

fn surplus(copy: &Copy) -> bool {
    matches!(copy.record.wish, Wish::Stop { cause: StopCause::Surplus, .. })
}

/// Work that succeeded never runs again, and never too much at once.
fn work(before: &World, after: &World, desire: &Desire, parallelism: u32) {
    for demand in &desire.demands {
        let known = before.copies.values().any(|copy| {
            let done = (copy.record.index, copy.record.template);
            done == (demand.index, demand.template)
                && copy.told.is_some_and(|told| told.phase == Phase::Completed)
                && copy.record.wanted()
        });
        assert!(!known, "index {} runs again", demand.index);
    }
    let running = |world: &World| {
        let runs = |copy: &&Copy| {
            let phase = copy.told.map(|told| told.phase);
            copy.record.wanted() && phase != Some(Phase::Completed)
        };
        let indices: BTreeSet<u32> =
            world.copies.values().filter(runs).map(|copy| copy.record.index).collect();
        indices.len()
    };
    let (was, is) = (running(before), running(after));
    assert!(is <= was.max(parallelism as usize), "{is} run at once");
}

/// How many places shall be held.
fn wanted(world: &World) -> usize {
    match world.workload.spec.run {
        Run::Count(count) => count as usize,
        Run::EveryHost => world.eligible().unwrap_or_default().len(),
        Run::ToCompletion { completions, .. } => completions as usize,
    }
}

fn well_places(world: &World) -> usize {
    let eligible = world.eligible();
    let counts = |copy: &&Copy| {
        let wanted = eligible.as_ref().is_none_or(|hosts| hosts.contains(&copy.record.host));
        wanted && well(world, copy)
    };
    let places = world.copies.values().filter(counts).map(|copy| place(world, copy));
    places.collect::<BTreeSet<_>>().len()
}

fn same(world: &World, one: &Copy, other: &Copy) -> bool {
    place(world, one) == place(world, other)
}

/// What a copy is one of: an index, or a host.
fn place(world: &World, copy: &Copy) -> (u32, Option<HostId>) {
    match world.workload.spec.run {
        Run::EveryHost => (0, Some(copy.record.host)),
        Run::Count(_) | Run::ToCompletion { .. } => (copy.record.index, None),
    }
}

/// Whether the coordinator has reason to think that a copy is well.
pub fn well(world: &World, copy: &Copy) -> bool {
    let host = &world.hosts[&copy.record.host];
    let checked = world.workload.spec.health.is_some();
    copy.record.wanted()
        && host.lost.is_none()
        && !host.gone
        && copy.told.is_some_and(|told| {
            told.phase == Phase::Running && (!checked || told.healthy == Some(true))
        })
}

fn overdue(world: &World, copy: &Copy) -> bool {
    let views = world.views();
    let view = views.iter().find(|view| view.id == copy.record.id).expect("it is there");
    match view.standing {
        HostStanding::Here { drain: Some(drain), .. } => {
            drain.deadline.is_some_and(|deadline| deadline <= world.now)
        }
        HostStanding::Here { drain: None, .. } | HostStanding::Gone => false,
    }
}

pub fn any_wanted(world: &World) -> bool {
    wanted(world) > 0
}
