//! The picture of a host, as a session tells it and hands out its nodes.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use tamer_drift::tree::{Memory, NodeBytes, get, missing, verify};
use tamer_drift::{Digest, Domain, Kind, Resource, ResourceKey, Source, Value};
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as Said;
use tamer_proto::wire::coordinator_message::Message;

use crate::coordinator::Host;

/// The version of the wire in which the inventory came.
const WITH: u32 = 5;
/// Within this time a change is told of which an event tells: what is promised, and as much again
/// for a machine on which others work.
const SOON: Duration = Duration::from_secs(4);

/// A host that keeps a picture, and a folder whose files it looks at.
async fn host(instances: usize, wire_minor: u32) -> (Host, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.conf"), "one").expect("written");
    let files = folder.path().join("*.conf").display().to_string();
    let more = [
        ("TAMER_AGENT_INVENTORY_ENABLED", "true"),
        ("TAMER_AGENT_INVENTORY_FILES", files.as_str()),
        ("TAMER_AGENT_INVENTORY_POLL", "1s"),
    ];
    (Host::with(instances, wire_minor, &more).await, folder)
}

fn told(said: &[Said]) -> Vec<&wire::InventoryTold> {
    let told = said.iter().filter_map(|said| match said {
        Said::Inventory(told) => Some(told),
        _ => None,
    });
    told.collect()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(bytes.try_into().expect("32 bytes"))
}

/// Asks for everything that is not there of a tree, as a coordinator does. Says in how many
/// questions.
async fn fetch(host: &Host, root: Digest, nodes: &mut Memory) -> usize {
    for question in 0..100 {
        let wanted = missing::<Resource>(&root, &*nodes, 256).expect("a tree");
        if wanted.is_empty() {
            return question;
        }
        let digests: Vec<_> = wanted.iter().map(|digest| digest.as_bytes().to_vec()).collect();
        let from = host.coordinator.count();
        host.coordinator.say(Message::InventoryWanted(wire::InventoryWanted { digests })).await;
        let answers = host.coordinator.until(from, |said| {
            let mut got: Vec<NodeBytes> = Vec::new();
            for said in said {
                if let Said::InventoryNodes(page) = said {
                    assert!(page.unknown.is_empty(), "it still has what it told");
                    got.extend(page.nodes.iter().map(|node| NodeBytes::from(&node[..])));
                }
            }
            (got.len() == wanted.len()).then_some(got)
        });
        nodes.extend(answers.await.into_iter().map(|node| (Digest::of(Domain::HOST, &node), node)));
    }
    panic!("it asked a hundred times");
}

fn resource(nodes: &Memory, root: Digest, kind: Kind, id: &str) -> Option<Resource> {
    let key = ResourceKey::new(Source::host(), kind, id).expect("a key");
    get(&root, &key, nodes).expect("a tree")
}

#[tokio::test]
async fn a_picture_is_told_fetched_and_followed() {
    let (host, folder) = host(3, WITH).await;
    // Every source was looked at, the provider among them.
    let first = host.coordinator.until(0, |said| {
        let looked = |told: &&wire::InventoryTold| {
            told.sources.iter().any(|source| source.name == "fake" && source.resources > 3)
                && told.sources.iter().any(|source| source.name == "files" && source.complete)
        };
        told(said).into_iter().rfind(looked).cloned()
    });
    let first = first.await;
    let root = digest(&first.root);
    assert_eq!((first.epoch.len(), first.gap.clone()), (16, None));
    let mut nodes = Memory::new();
    fetch(&host, root, &mut nodes).await;
    let summary = verify::<Resource>(&root, &nodes).expect("a whole tree");
    assert_eq!(summary.entries, first.resources);
    let sum: u64 = first.sources.iter().map(|source| source.resources).sum();
    assert_eq!(sum, first.resources, "{:?}", first.sources);
    let kinds: BTreeSet<_> = first.sources.iter().flat_map(|source| &source.kinds).collect();
    assert!(kinds.iter().all(|kind| kind.parse::<Kind>().is_ok()), "{kinds:?}");
    let stored = wire::InventoryStored { root: first.root.clone() };
    host.coordinator.say(Message::InventoryStored(stored)).await;
    // A file that is watched is changed: its new digest is told, and only the way to it is new.
    let path = folder.path().join("a.conf");
    let id = path.display().to_string();
    let before = resource(&nodes, root, Kind::File, &id).expect("it is looked at");
    let (from, begin) = (host.coordinator.count(), Instant::now());
    fs::write(&path, "two").expect("written");
    let mut at = from;
    let after = loop {
        let next = host.coordinator.until(at, |said| {
            let place = said.iter().position(|said| matches!(said, Said::Inventory(_)))?;
            Some((place, told(said)[0].clone()))
        });
        let (place, next) = next.await;
        at += place + 1;
        let root = digest(&next.root);
        assert!(fetch(&host, root, &mut nodes).await <= 4, "only what is new is asked for");
        let now = resource(&nodes, root, Kind::File, &id).expect("it is there");
        if now != before {
            break now;
        }
    };
    assert!(begin.elapsed() < SOON || cfg!(windows), "{:?}", begin.elapsed());
    assert_eq!(after.properties["size_bytes"], Value::Int(3));
    assert_ne!(after.properties["digest"], before.properties["digest"]);
    // Each picture names the one before it.
    let chain = host.coordinator.until(0, |said| Some(told(said).into_iter().cloned().collect()));
    let chain: Vec<wire::InventoryTold> = chain.await;
    for pair in chain.windows(2).filter(|pair| pair[0].root != pair[1].root) {
        assert_eq!(pair[1].counter, pair[0].counter + 1);
        assert_eq!(pair[1].before, pair[0].root);
        assert_eq!(pair[1].epoch, pair[0].epoch);
    }
    // What nobody has is said to be unknown.
    let from = host.coordinator.count();
    let digests = vec![vec![7; 32]];
    host.coordinator.say(Message::InventoryWanted(wire::InventoryWanted { digests })).await;
    let unknown = host.coordinator.until(from, |said| {
        said.iter().find_map(|said| match said {
            Said::InventoryNodes(page) => Some(page.unknown.clone()),
            _ => None,
        })
    });
    assert_eq!(unknown.await, [vec![7; 32]]);
}

#[tokio::test]
async fn heartbeats_carry_the_root_and_every_session_begins_with_it() {
    let (host, _folder) = host(1, WITH).await;
    let beat = |said: &[Said]| match said.last() {
        Some(Said::Heartbeat(beat)) if !beat.inventory.is_empty() => Some(beat.inventory.clone()),
        _ => None,
    };
    let root = host.coordinator.until(0, beat).await;
    let known = host
        .coordinator
        .until(0, |said| told(said).iter().any(|told| told.root == root).then_some(()));
    known.await;
    let from = host.coordinator.count();
    host.coordinator.cut().await;
    let again = host.coordinator.until(from, |said| {
        let hello = said.iter().position(|said| matches!(said, Said::Hello(_)))?;
        told(&said[hello..]).first().map(|told| (*told).clone())
    });
    let again = again.await;
    let chain = host.coordinator.until(0, |said| {
        Some(told(said).into_iter().map(|told| (told.counter, told.root.clone())).collect())
    });
    let chain: Vec<(u64, Vec<u8>)> = chain.await;
    let roots: BTreeSet<_> =
        chain.iter().filter(|(counter, _)| *counter == again.counter).collect();
    assert_eq!(roots.len(), 1, "one counter, one picture: {chain:?}");
    let mut nodes = Memory::new();
    fetch(&host, digest(&again.root), &mut nodes).await;
}

#[tokio::test]
async fn an_older_coordinator_is_told_nothing_of_it() {
    let (host, _folder) = host(1, WITH - 1).await;
    let kept = |said: &[Said]| match said.last() {
        Some(Said::Heartbeat(beat)) if !beat.inventory.is_empty() => Some(()),
        _ => None,
    };
    host.coordinator.until(0, kept).await;
    host.coordinator.beats(5).await;
    assert_eq!(host.coordinator.until(0, |said| Some(told(said).len())).await, 0);
}

#[tokio::test]
async fn one_that_asks_for_nonsense_ends_its_session_and_no_more() {
    let (host, _folder) = host(1, WITH).await;
    host.coordinator.until(0, |said| (!told(said).is_empty()).then_some(())).await;
    for digests in [vec![vec![1; 31]], vec![vec![1; 32]; 257]] {
        let from = host.coordinator.count();
        host.coordinator.say(Message::InventoryWanted(wire::InventoryWanted { digests })).await;
        let again = host.coordinator.until(from, |said| {
            let hello = said.iter().position(|said| matches!(said, Said::Hello(_)))?;
            (!told(&said[hello..]).is_empty()).then_some(())
        });
        again.await;
    }
}
