//! What agents tell: whole, in pieces, wrong, cut off.

use std::time::Instant;

use tamer_drift::Kind;
use tamer_model::{Selector, Timestamp};
use tamer_proto::wire;
use tamer_store::Range;

use super::stage::{Stage, ann, id, key, package, unaudited};
use crate::clock;
use crate::drift::{Against, Asked, Wanted};
use crate::state::keys;

#[tokio::test]
async fn a_large_picture_comes_in_pieces_and_a_change_costs_its_path() {
    let stage = Stage::new(2).await;
    let mut agent = stage.connect(0);
    for number in 0..20_000 {
        agent.put(&package(&format!("package-{number:05}"), "1.0"));
    }
    agent.tell().await;
    let root = agent.root();
    assert_eq!(agent.seen.stored, [root], "{:?}", agent.seen);
    assert!(agent.seen.asks > 2 && agent.seen.asked > 400, "{:?}", agent.seen);
    let known = stage.drift.board().get(id(0));
    assert_eq!(known.record.expect("a record").0.resources, 20_000);

    let before = agent.seen.asked;
    agent.put(&package("package-00777", "1.1"));
    agent.tell().await;
    let asked = agent.seen.asked - before;
    assert!((1..=5).contains(&asked), "{asked} nodes for one field");
    let newest = Range::prefix(&keys::deltas(id(0))).limit(1);
    let page = stage.store.range(newest).await.expect("a read");
    let length = page.entries[0].value.len();
    assert!(length < 300, "{length} bytes of history for one field");
    let past = stage.drift.past(id(0), Timestamp::default()).await.expect("a history");
    assert_eq!(past.len(), 2);
    assert_eq!(past[0].changes[0].key, key(Kind::Package, "package-00777"));

    // Another host that holds the same shares every node.
    let mut other = stage.connect(1);
    for number in 0..20_000 {
        other.put(&package(&format!("package-{number:05}"), "1.0"));
    }
    other.put(&package("package-00777", "1.1"));
    other.tell().await;
    assert_eq!((other.seen.asked, other.seen.stored.len()), (0, 1), "{:?}", other.seen);
}

#[tokio::test]
async fn ten_thousand_hosts_that_did_not_change_cost_next_to_nothing() {
    let stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("openssl", "3")]).await;
    let root = agent.root();
    let record = stage.drift.board().get(id(0)).record.expect("a record");
    let hosts: Vec<_> = (0..10_000u16)
        .map(|number| {
            let [high, low] = number.to_be_bytes();
            tamer_model::HostId::from_bytes([7, 7, 7, 7, 7, 7, 7, 7, high, low])
        })
        .collect();
    for host in &hosts {
        let record = crate::drift::HostRecord::clone(&record.0);
        stage.drift.board().put(*host, record, tamer_store::Revision::ZERO, clock::now());
    }
    let begun = Instant::now();
    for host in &hosts {
        let beat = stage.drift.board().beat(*host, Some(root), clock::now());
        assert_eq!(beat, crate::drift::board::Beat::Same);
    }
    // A build for tests on a busy machine takes many times what a release takes.
    assert!(begun.elapsed().as_millis() < 500, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_agent_that_lies_is_told_so_and_counts_as_not_observed() {
    let stage = Stage::new(1).await;
    let mut agent = stage.connect(0);
    agent.lies = true;
    (0..300).for_each(|number| agent.put(&package(&format!("package-{number}"), "1")));
    agent.tell().await;
    // Asked again and again for what does not come, and then no more.
    assert!(agent.seen.asks > 10 && agent.seen.asks < 100, "{:?}", agent.seen);
    assert_eq!(agent.seen.refused.len(), 1, "{:?}", agent.seen);
    assert!(agent.seen.stored.is_empty());
    let doubt = stage.drift.board().get(id(0)).doubt().expect("not observed");
    assert!(doubt.starts_with("its last picture was not taken"), "{doubt}");
    agent.beat().await;
    assert!(stage.drift.board().get(id(0)).doubt().is_some());

    agent.lies = false;
    agent.says = Some(7);
    agent.put(&package("more", "1"));
    agent.tell().await;
    assert_eq!(agent.seen.refused.len(), 2, "{:?}", agent.seen);
    let why = &agent.seen.refused[1].message;
    assert_eq!(why, "inventory.resources: it was told as 7 resources and holds 301");

    agent.says = None;
    agent.tell().await;
    let root = agent.root();
    assert_eq!(agent.seen.stored, [root]);
    assert_eq!(stage.drift.board().get(id(0)).doubt(), None);
}

#[tokio::test]
async fn what_cannot_be_a_picture_is_refused_by_name() {
    let stage = Stage::new(1).await;
    let mut agent = stage.connect(0);
    agent.put(&package("openssl", "3"));
    agent.says = Some(u64::MAX);
    agent.tell().await;
    agent.says = None;
    let source = wire::SourceTold { name: "x".repeat(65), ..Default::default() };
    agent.sources = vec![source];
    agent.tell().await;
    agent.sources = vec![wire::SourceTold { name: "a".to_owned(), ..Default::default() }; 65];
    agent.tell().await;
    let fields: Vec<_> = agent.seen.refused.iter().map(|p| p.message.split(':').next()).collect();
    let expected = ["inventory.resources", "inventory.sources.name", "inventory.sources"];
    assert_eq!(fields, expected.map(Some), "{:?}", agent.seen);
    assert_eq!(agent.seen.asked, 0);
}

#[tokio::test]
async fn a_coordinator_that_died_between_nodes_and_record_goes_on() {
    let mut stage = Stage::new(1).await;
    let mut agent = stage.connect(0);
    (0..5_000).for_each(|number| agent.put(&package(&format!("package-{number}"), "1")));
    agent.begin().await;
    // The root and what is below it come; then the coordinator is gone.
    agent.answer_once().await;
    agent.answer_once().await;
    let asked = agent.seen.asked;
    stage.restart().await;
    let mut agent = agent.again(&stage, 0);
    assert!(stage.drift.board().get(id(0)).record.is_none());
    agent.counter -= 1;
    agent.tell().await;
    let root = agent.root();
    assert_eq!(agent.seen.stored, [root], "{:?}", agent.seen);
    let mut whole = stage.connect(0);
    (0..5_000).for_each(|number| whole.put(&package(&format!("package-{number}"), "1")));
    let nodes = whole.picture.nodes().len();
    assert_eq!(agent.seen.asked, nodes, "{asked} came before, and none of them is asked for twice");
}

#[tokio::test]
async fn whoever_has_not_told_since_it_connected_is_not_seen() {
    let mut stage = Stage::new(1).await;
    let agent = stage.holding(0, &[("a", "1")]).await;
    let taken = stage.drift.take(Wanted::default(), &ann(), &unaudited).await.expect("taken");
    let against = Against::Snapshot(taken.id.to_string());
    let asked = Asked { against, selector: Selector::default() };
    let unseen = async |stage: &Stage| {
        let report = stage.drift.drifted(&asked).await.expect("a report").report.clone();
        report.unobserved.into_iter().map(|one| one.words).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(unseen(&stage).await, "");
    agent.part(&stage, 0);
    assert!(unseen(&stage).await.ends_with("its agent is not connected"));
    // It changed while its agent was away.
    let mut agent = agent.again(&stage, 0);
    agent.put(&package("a", "2"));
    let silent = "its agent has connected, and told of no picture since";
    assert!(unseen(&stage).await.ends_with(silent), "{}", unseen(&stage).await);
    agent.beat_without_a_picture().await;
    assert!(unseen(&stage).await.ends_with(silent));
    agent.tell().await;
    assert_eq!(unseen(&stage).await, "");
    // The same picture is as good, and a heartbeat with it says so.
    stage.restart().await;
    let mut agent = agent.again(&stage, 0);
    assert!(unseen(&stage).await.ends_with(silent));
    agent.beat().await;
    assert_eq!(unseen(&stage).await, "");
}

#[tokio::test]
async fn nothing_is_observed_in_a_gap_and_that_is_told() {
    let mut stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("openssl", "3.0.11")]).await;
    // Told to a coordinator that is not there.
    stage.restart().await;
    let mut agent2 = agent.again(&stage, 0);
    agent2.counter += 2;
    agent2.put(&package("openssl", "3.0.14"));
    agent2.tell().await;
    // A new memory.
    agent = agent2.again(&stage, 0);
    (agent.epoch, agent.counter) = (2, 0);
    agent.put(&package("curl", "8"));
    agent.tell().await;
    // What the agent says itself.
    let now = clock::now().as_millis();
    agent.gap = Some(wire::InventoryGap {
        from: now - 1000,
        to: now,
        why: "the agent did not run".to_owned(),
        changed: 0,
    });
    agent.put(&package("curl", "9"));
    agent.tell().await;
    let past = stage.drift.past(id(0), Timestamp::default()).await.expect("a history");
    let told: Vec<_> = past
        .iter()
        .map(|step| {
            let gap = step.record.gap.as_ref();
            let gap = gap.map(|gap| format!("{}, {} changed", gap.why, gap.changed));
            (step.record.began, step.record.changed, gap.unwrap_or_default())
        })
        .collect();
    let expected = [
        (false, 1, "the agent did not run, 1 changed"),
        (true, 1, "the agent lost its memory of earlier pictures, 1 changed"),
        (false, 1, "2 pictures were told to no coordinator, 1 changed"),
        (true, 1, ""),
    ];
    assert_eq!(told, expected.map(|(began, count, gap)| (began, count, gap.to_owned())));
}

#[tokio::test]
async fn what_the_history_says_of_a_step_stays_when_others_follow() {
    let stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("a", "1")]).await;
    let mut told = Vec::new();
    for version in ["1", "1", "1", "2", "2"] {
        let now = clock::now().as_millis();
        let why = "the agent did not run".to_owned();
        agent.gap = Some(wire::InventoryGap { from: now - 1000, to: now, why, changed: 0 });
        agent.put(&package("a", version));
        agent.tell().await;
        told.push(agent.root());
        let past = stage.drift.past(id(0), Timestamp::default()).await.expect("a history");
        let after: Vec<_> = past.iter().rev().skip(1).map(|step| step.after).collect();
        assert_eq!(after, told.iter().copied().map(Some).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_earlier_picture_is_made_of_the_history() {
    let stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("a", "1"), ("b", "1")]).await;
    let mut roots = vec![(clock::now(), agent.root())];
    for version in ["2", "3", "4"] {
        // Times of one millisecond are one time.
        let last = roots.last().expect("the first").0;
        while clock::now() <= last {
            tokio::task::yield_now().await;
        }
        agent.put(&package("a", version));
        agent.picture.remove(&key(Kind::Package, "b"));
        agent.tell().await;
        roots.push((clock::now(), agent.root()));
    }
    for (at, root) in roots {
        assert_eq!(stage.drift.picture_at(id(0), at).await.expect("a picture"), Some(root));
    }
    let before = stage.drift.picture_at(id(0), Timestamp::from_millis(1)).await;
    assert_eq!(before.expect("no picture"), None);
}

#[tokio::test]
async fn what_is_in_memory_may_be_behind_the_history() {
    let mut stage = Stage::new(1).await;
    let agent = stage.holding(0, &[("a", "1")]).await;
    let behind = stage.drift.clone();
    stage.restart().await;
    let mut agent = agent.again(&stage, 0);
    agent.put(&package("a", "2"));
    agent.tell().await;
    assert_ne!(behind.board().get(id(0)).root(), Some(agent.root()), "it has not heard of it");
    let past = behind.past(id(0), Timestamp::default()).await.expect("a history");
    assert_eq!(past.first().and_then(|step| step.after), Some(agent.root()));
    let now = behind.picture_at(id(0), clock::now()).await.expect("a picture");
    assert_eq!(now, Some(agent.root()));
    let begun = behind.picture_at(id(0), past[1].record.at).await.expect("a picture");
    assert_eq!(begun, past[1].after);
}
