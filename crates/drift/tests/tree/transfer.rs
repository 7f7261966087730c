//! Trees that travel: what is missing or damaged is asked for until all is there.

use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};
use tamer_drift::tree::{
    Memory, NodeBytes, Nodes, TreeError, check, missing, missing_beside, verify,
};
use tamer_drift::{Digest, Resource};

use crate::cases::cases;
use crate::draw::{Content, contents, grow, tree};

/// Asks for what is missing until nothing is; how many nodes came.
fn transfer(
    to: &mut Memory,
    from: &Memory,
    ask: impl Fn(&Memory) -> Result<Vec<Digest>, TreeError>,
) -> usize {
    let mut came = 0;
    loop {
        let wanted = ask(to).expect("an honest tree");
        if wanted.is_empty() {
            return came;
        }
        for digest in wanted {
            let bytes = from.node(&digest).expect("the sender has it");
            check::<Resource>(&digest, &bytes).expect("an honest node");
            to.put(digest, bytes);
            came += 1;
        }
    }
}

/// As many bytes as before, one of them another.
fn damage(bytes: &NodeBytes, at: usize) -> NodeBytes {
    let mut bytes = bytes.to_vec();
    let at = at % bytes.len();
    bytes[at] ^= 1;
    bytes.into()
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn only_what_is_missing_travels((before, after) in contents(), limit in 1usize..20) {
        let (sent, sender) = tree(&after);
        let (known, mut receiver) = tree(&before);
        let new = sender.iter().filter(|(digest, _)| !receiver.has(digest)).count();
        let mut other = receiver.clone();
        let came = transfer(&mut receiver, &sender, |have| {
            let wanted = missing::<Resource>(&sent, have, limit)?;
            assert!(wanted.len() <= limit);
            Ok(wanted)
        });
        prop_assert_eq!(came, new);
        verify::<Resource>(&sent, &receiver).expect("whole");
        let came = transfer(&mut other, &sender, |have| {
            missing_beside::<Resource>(&sent, &known, have, limit)
        });
        prop_assert_eq!(came, new);
        verify::<Resource>(&sent, &other).expect("whole");
    }

    /// A node that is lost or damaged anywhere is found, named, and asked for again.
    #[test]
    fn what_is_lost_or_damaged_is_named(
        (content, _) in contents(), which: prop::sample::Index, at: usize, lost: bool,
    ) {
        let (root, whole) = tree(&content);
        let names: Vec<Digest> = whole.iter().map(|(digest, _)| *digest).collect();
        let victim = *which.get(&names);
        let mut partly = whole.clone();
        let bytes = partly.remove(&victim).expect("it is there");
        let wrong = if lost {
            TreeError::Missing(victim)
        } else {
            partly.put(victim, damage(&bytes, at));
            TreeError::Damaged(victim)
        };
        prop_assert_eq!(verify::<Resource>(&root, &partly), Err(wrong));
        // Whether leaves are whole a memory does not know; a keeper that reads them does.
        let reader = Careful(&partly);
        prop_assert_eq!(missing::<Resource>(&root, &reader, 10).expect("honest"), vec![victim]);
        let came = transfer(&mut partly, &whole, |have| missing::<Resource>(&root, &Careful(have), 10));
        prop_assert_eq!(came, 1);
        prop_assert!(verify::<Resource>(&root, &partly).is_ok());
    }
}

/// Looks whether the bytes are whole.
struct Careful<'a>(&'a Memory);

impl Nodes for Careful<'_> {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        self.0.node(digest)
    }

    fn has(&self, digest: &Digest) -> bool {
        self.node(digest).is_some_and(|bytes| check::<Resource>(digest, &bytes).is_ok())
    }
}

/// A node of a fleet's tree is none of a host's, though the bytes be right.
#[test]
fn nodes_of_one_sort_are_none_of_another() {
    let mut memory = Memory::new();
    let root = grow(&Content::from([(1, 1)]), &mut memory);
    let found = verify::<tamer_drift::fleet::Member>(&root, &memory);
    assert_eq!(found, Err(TreeError::Damaged(root)));
}
