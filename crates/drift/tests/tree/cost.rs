//! What a difference costs: nodes that are read.

use std::cell::Cell;

use tamer_drift::diff::diff;
use tamer_drift::tree::{Memory, NodeBytes, Nodes, edit, missing_beside, verify};
use tamer_drift::{Digest, Resource};

use crate::draw::{Content, grow, package};

struct Counted<'a> {
    nodes: &'a Memory,
    read: Cell<u64>,
}

impl Nodes for Counted<'_> {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        self.read.set(self.read.get() + 1);
        self.nodes.node(digest)
    }
}

/// Twenty thousand resources, and so many changes spread among them: a third changed, a third
/// gone, a third new.
fn changed(content: &Content, changes: u32) -> Content {
    let mut after = content.clone();
    for change in 0..changes {
        let number = change * (20_000 / changes);
        match change % 3 {
            0 => after.insert(number, 1),
            1 => after.remove(&number),
            _two => after.insert(100_000 + number, 0),
        };
    }
    after
}

#[test]
fn the_cost_follows_the_difference() {
    let content: Content = (0..20_000).map(|number| (number, 0)).collect();
    let mut memory = Memory::new();
    let a = grow(&content, &mut memory);
    let summary = verify::<Resource>(&a, &memory).expect("whole");
    let height = u64::from(summary.height);
    assert!((3..=5).contains(&height) && summary.nodes > 500, "{summary:?}");
    for changes in [1u32, 10, 100] {
        let after = changed(&content, changes);
        let mut both = memory.clone();
        let b = grow(&after, &mut both);
        let counted = Counted { nodes: &both, read: Cell::new(0) };
        let found = diff(Some(&a), Some(&b), &counted).expect("whole").count();
        assert_eq!(found as u32, changes);
        // Both sides, from the root to the leaf, and a neighbour where a node ends elsewhere.
        let most = 2 * u64::from(changes) * (height + 1) + 2;
        let read = counted.read.replace(0);
        assert!(read <= most, "{changes} changes: {read} nodes are read to find them");

        let edits = (0..changes).map(|change| change * (20_000 / changes)).flat_map(|number| {
            [number, 100_000 + number].map(|number| {
                let state = after.get(&number).map(|version| package(number, *version));
                (package(number, 0).key, state)
            })
        });
        let counted = Counted { nodes: &memory, read: Cell::new(0) };
        let edited = edit::<Resource>(&a, edits, &counted).expect("whole");
        assert_eq!(edited.root, b);
        // Two places a change, on each level from the root down to it, and the next node there.
        let most = 2 * u64::from(changes) * height * (height + 2) + height;
        let read = counted.read.replace(0);
        assert!(read <= most, "{changes} changes: {read} nodes are read to carry them out");

        let made = edited.made.len() as u64;
        let mut partly = memory.clone();
        partly.extend(edited.made);
        let counted = Counted { nodes: &partly, read: Cell::new(0) };
        let lacks = missing_beside::<Resource>(&b, &a, &counted, usize::MAX).expect("whole");
        assert!(lacks.is_empty());
        let read = counted.read.get();
        assert!(read <= made * (height + 2) + 2, "{read} nodes are read beside {made} new ones");
    }
}

#[test]
fn equal_trees_cost_nothing() {
    let content: Content = (0..5000).map(|number| (number, 0)).collect();
    let mut memory = Memory::new();
    let root = grow(&content, &mut memory);
    let counted = Counted { nodes: &memory, read: Cell::new(0) };
    assert_eq!(diff(Some(&root), Some(&root), &counted).expect("equal").count(), 0);
    assert_eq!(counted.read.get(), 0);
}
