//! The shape of a tree follows from its content, and differences are the ones that a naive look
//! finds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use tamer_drift::diff::{Change, diff};
use tamer_drift::tree::{
    Builder, MAX_ENTRIES, Memory, Picture, build, count, edit, get, iter, iter_from, verify,
};
use tamer_drift::{Digest, Resource};

use crate::cases::cases;
use crate::draw::{Content, content, contents, grow, package, resources, tree};

fn naive(before: &Content, after: &Content) -> Vec<Change> {
    let by_key = |content: &Content| -> BTreeMap<_, _> {
        resources(content).into_iter().map(|resource| (resource.key.clone(), resource)).collect()
    };
    let (before, after) = (by_key(before), by_key(after));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let change = |key| {
        let (before, after) = (before.get(key).cloned(), after.get(key).cloned());
        (before != after).then(|| Change { key: key.clone(), before, after })
    };
    keys.into_iter().filter_map(change).collect()
}

fn names(memory: &Memory) -> BTreeSet<Digest> {
    memory.iter().map(|(digest, _)| *digest).collect()
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn the_order_of_collection_does_not_matter(content in content(), seed: u64) {
        let mut shuffled = resources(&content);
        let mut state = seed;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        let (root, memory) = tree(&content);
        prop_assert_eq!(build(shuffled.clone()).expect("a tree").root, root);
        let mut picture = Picture::new();
        for resource in &shuffled {
            picture.put(resource).expect("within bounds");
        }
        prop_assert_eq!(picture.root(), root);
        prop_assert_eq!(names(picture.nodes()), names(&memory));
        let mut sorted = resources(&content);
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let mut builder = Builder::new::<Resource>(|_, _| {});
        sorted.iter().for_each(|resource| builder.push(resource).expect("in order"));
        prop_assert_eq!(builder.finish(), root);
    }

    /// Whatever happened before: what is there decides. And what a picture holds is the tree and
    /// nothing else.
    #[test]
    fn what_was_does_not_matter(
        steps in vec((0u32..400, proptest::option::weighted(0.7, 0u32..3), proptest::bool::weighted(0.1)), 0..500),
    ) {
        let (mut picture, mut content) = (Picture::new(), Content::new());
        let mut kept = Memory::new();
        for (number, version, look) in steps {
            match version {
                Some(version) => {
                    picture.put(&package(number, version)).expect("within bounds");
                    content.insert(number, version);
                }
                None => {
                    picture.remove(&package(number, 0).key);
                    content.remove(&number);
                }
            }
            if look {
                let commit = picture.commit();
                for (digest, bytes) in commit.gone {
                    prop_assert_eq!(kept.remove(&digest), Some(bytes));
                }
                kept.extend(commit.made);
                prop_assert_eq!(commit.root, tree(&content).0);
                prop_assert_eq!(names(&kept), names(picture.nodes()));
            }
        }
        let (root, memory) = tree(&content);
        prop_assert_eq!(picture.root(), root);
        prop_assert_eq!(picture.len(), content.len() as u64);
        prop_assert_eq!(names(picture.nodes()), names(&memory));
        let mut opened = Picture::<Resource>::open(&root, &memory).expect("whole");
        prop_assert_eq!(opened.root(), root);
        prop_assert_eq!(opened.len(), content.len() as u64);
        prop_assert!(opened.commit().made.is_empty());
    }

    #[test]
    fn equal_roots_are_equal_contents((before, after) in contents()) {
        prop_assert_eq!(tree(&before).0 == tree(&after).0, before == after);
    }

    #[test]
    fn differences_are_what_a_naive_look_finds((before, after) in contents()) {
        let mut memory = Memory::new();
        let (a, b) = (grow(&before, &mut memory), grow(&after, &mut memory));
        let found: Vec<Change> =
            diff(Some(&a), Some(&b), &memory).expect("whole").collect::<Result<_, _>>().expect("whole");
        prop_assert_eq!(&found, &naive(&before, &after));
        let nothing = Content::new();
        let first: Result<Vec<Change>, _> = diff(None, Some(&b), &memory).expect("whole").collect();
        prop_assert_eq!(first.expect("whole"), naive(&nothing, &after));
        let last: Result<Vec<Change>, _> = diff(Some(&a), None, &memory).expect("whole").collect();
        prop_assert_eq!(last.expect("whole"), naive(&before, &nothing));
    }

    #[test]
    fn a_difference_carried_out_gives_the_target((before, after) in contents()) {
        let mut memory = Memory::new();
        let (a, b) = (grow(&before, &mut memory), grow(&after, &mut memory));
        let changes = naive(&before, &after).into_iter().map(|change| (change.key, change.after));
        let edited = edit::<Resource>(&a, changes, &memory).expect("whole");
        prop_assert_eq!(edited.root, b);
        let mut whole = tree(&before).1;
        edited.gone.iter().for_each(|digest| drop(whole.remove(digest)));
        whole.extend(edited.made);
        prop_assert_eq!(names(&whole), names(&tree(&after).1));
    }

    #[test]
    fn what_is_in_a_tree_is_found(content in content(), from in 0u32..1500) {
        let (root, memory) = tree(&content);
        let mut all = resources(&content);
        all.sort_by(|a, b| a.key.cmp(&b.key));
        let read: Vec<Resource> =
            iter(&root, &memory).expect("whole").collect::<Result<_, _>>().expect("whole");
        prop_assert_eq!(&read, &all);
        let key = package(from, 0).key;
        let rest: Vec<Resource> =
            iter_from(&root, &key, &memory).expect("whole").collect::<Result<_, _>>().expect("whole");
        all.retain(|resource| resource.key >= key);
        prop_assert_eq!(&rest, &all);
        let found: Option<Resource> = get(&root, &key, &memory).expect("whole");
        prop_assert_eq!(found, content.get(&from).map(|version| package(from, *version)));
        prop_assert_eq!(count::<Resource>(&root, &memory).expect("whole"), content.len() as u64);
        let summary = verify::<Resource>(&root, &memory).expect("whole");
        prop_assert_eq!(summary.entries, content.len() as u64);
        prop_assert_eq!(summary.nodes, memory.len() as u64);
    }
}

/// Keys whose digests always say that a node ends, or never do, make trees within the bounds too.
#[test]
fn chosen_keys_make_no_other_trees() {
    let says = |number: &u32| {
        let key = <Resource as tamer_drift::tree::Entry>::key_bytes(&package(*number, 0).key);
        blake3::hash(&key).as_bytes()[0] & 31 == 0
    };
    for wanted in [true, false] {
        let chosen = || (0..).filter(|number| says(number) == wanted);
        let content: Content = chosen().take(2000).map(|number| (number, 0)).collect();
        let (root, memory) = tree(&content);
        let summary = verify::<Resource>(&root, &memory).expect("whole");
        let leaves = if wanted { 2000 / 2 } else { 2000_usize.div_ceil(MAX_ENTRIES) };
        assert!(memory.len() < leaves * 5 / 4 + 2, "{} nodes, {wanted}", memory.len());
        assert!(summary.height <= 4, "{summary:?}");
        let mut picture = Picture::<Resource>::open(&root, &memory).expect("whole");
        for number in chosen().take(2000).step_by(7) {
            picture.remove(&package(number, 0).key);
        }
        let left: Content =
            content.into_iter().enumerate().filter(|(at, _)| at % 7 != 0).map(|(_, e)| e).collect();
        assert_eq!(picture.root(), tree(&left).0);
    }
}

/// Resources as large as they may be fill nodes by themselves.
#[test]
fn large_resources_make_nodes_within_the_bounds() {
    let large = |number: u32, bytes: usize| package(number, 0).with("text", "x".repeat(bytes));
    let all: Vec<Resource> = (0..60).map(|number| large(number, number as usize * 4300)).collect();
    let built = build(all.clone()).expect("within bounds");
    let memory: Memory = {
        let mut memory = Memory::new();
        memory.extend(built.nodes);
        memory
    };
    verify::<Resource>(&built.root, &memory).expect("whole");
    let most = memory.iter().map(|(_, bytes)| bytes.len()).max().expect("nodes");
    assert!((256 << 10..=tamer_drift::tree::MAX_NODE_BYTES).contains(&most), "{most} bytes");
    let mut picture = Picture::new();
    all.iter().rev().for_each(|resource| picture.put(resource).expect("within bounds"));
    assert_eq!(picture.root(), built.root);
    let error = picture.put(&large(1, 256 << 10)).expect_err("too large");
    assert_eq!(error.field.as_deref(), Some("properties"));
    assert!(error.message.contains("package/host/package-1 has 262"), "{error}");
}

#[test]
fn what_is_there_twice_is_refused_by_name() {
    let error = build([package(1, 0), package(2, 0), package(1, 1)]).expect_err("twice");
    assert_eq!(error.to_string(), "package/host/package-1 is there twice, or out of order");
}

/// What is left lies under a node of one child that nobody touched: that node goes too.
#[test]
fn a_tree_becomes_as_low_as_its_content() {
    let ends = |number: &u32| {
        let key = <Resource as tamer_drift::tree::Entry>::key_bytes(&package(*number, 0).key);
        let digest = blake3::hash(&key);
        u16::from_le_bytes([digest.as_bytes()[0], digest.as_bytes()[1]]) & 1023 == 0
    };
    // After this key a leaf ends, and the node above it too.
    let last = (10_500..).find(ends).expect("one in 1024 does");
    let content: Content = (last - 200..=last + 2).map(|number| (number, 0)).collect();
    let (root, mut memory) = tree(&content);
    assert_eq!(verify::<Resource>(&root, &memory).expect("whole").height, 3);
    let lost = (last - 200..=last).map(|number| (package(number, 0).key, None));
    let edited = edit::<Resource>(&root, lost, &memory).expect("whole");
    let (left, nodes) = tree(&Content::from([(last + 1, 0), (last + 2, 0)]));
    assert_eq!(edited.root, left);
    edited.gone.iter().for_each(|digest| drop(memory.remove(digest)));
    memory.extend(edited.made);
    assert_eq!(names(&memory), names(&nodes));
}
