//! More copies than anybody asked for, by whatever accident.

use tamer_model::{Cause, PlacementId};
use tamer_scheduler::desire::Demand;

use crate::scenarios::count;
use crate::world::{World, host};

/// One copy that is well, and others of the same index that no rule explains.
fn with_strays(strays: u8) -> (World, PlacementId) {
    let mut world = World::new(count(1), strays + 1, 4);
    for _ in 0..20 {
        let desire = world.desire();
        world.store(&desire, usize::MAX);
        world.tick();
        world.pass(1000);
    }
    let first = world.copies.values().next().expect("it was made").record.clone();
    let others = (1..=strays + 1).map(host).filter(|host| *host != first.host);
    for host in others.collect::<Vec<_>>() {
        let demand = Demand {
            index: 0,
            template: 1,
            cause: Cause::Missing,
            replaces: None,
            host: None,
            avoid: Vec::new(),
            stops: None,
        };
        world.make(&demand, host);
        world.pass(1000);
    }
    (world, first.id)
}

#[test]
fn the_first_of_one_index_stays_however_many_there_are() {
    for strays in 1..4 {
        let (mut world, first) = with_strays(strays);
        world.tick();
        let desire = world.desire();
        let stops: Vec<_> = desire.stops.iter().map(|(id, _)| *id).collect();
        assert_eq!(stops.len(), usize::from(strays), "{stops:?}");
        assert!(!stops.contains(&first), "{first} of {stops:?}");
        assert_eq!(desire.demands, []);
    }
}
