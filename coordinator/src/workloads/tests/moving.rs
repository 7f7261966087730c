//! Hosts that are lost, come back, are removed, or have an older agent.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tamer_model::{HostState, Lost, Patience, Phase, Run, Span, WorkloadSpec};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::stage::{Stage, id, name, status, web};
use super::work;
use crate::workloads::Notice;

fn impatient(copies: u32) -> WorkloadSpec {
    let replace_after = Patience::After(Span::from_millis(0));
    WorkloadSpec { lost: Lost { replace_after, ..Lost::default() }, ..web(Run::Count(copies)) }
}

#[tokio::test]
async fn a_lost_host_is_replaced_at_once_and_its_copy_goes_on_its_return() {
    let stage = Stage::new(2, |_, _| Phase::Running).await;
    stage.apply(impatient(1)).await;
    stage.running(1).await;
    let first = stage.hosts()[0];
    let (there, other) = if first == id(0) { (0, 1) } else { (1, 0) };
    stage.disconnect(there);
    let lost = Instant::now();
    stage.state(there, HostState::Lost).await;
    stage
        .until("replaced", |board| {
            board.copies_on(id(other)).any(|copy| {
                copy.status.as_ref().is_some_and(|status| status.phase == Phase::Running)
            })
        })
        .await;
    assert!(lost.elapsed() < Duration::from_secs(1), "{:?}", lost.elapsed());
    assert_eq!(stage.kept(there).copies.len(), 1, "it knows nothing of that");
    // It comes back, and tells that its copy runs.
    stage.state(there, HostState::Ready).await;
    stage.connect(there).await;
    stage.running(1).await;
    stage.until_count(work("placement"), 1).await;
    stage.until_count(work("placed"), 1).await;
    let left = stage.kept(there).copies.len() + stage.kept(other).copies.len();
    assert_eq!(left, 1, "one of the two is gone: {}", stage.picture());
}

#[tokio::test]
async fn a_host_that_comes_back_in_time_keeps_its_copy() {
    let stage = Stage::new(2, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(4))).await;
    stage.running(4).await;
    let before: BTreeSet<_> = stage.workloads.read().copies().map(|one| one.placement.id).collect();
    stage.disconnect(0);
    stage.state(0, HostState::Lost).await;
    stage.settled().await;
    stage.state(0, HostState::Ready).await;
    stage.connect(0).await;
    stage.settled().await;
    let after: BTreeSet<_> = stage.workloads.read().copies().map(|one| one.placement.id).collect();
    assert_eq!(before, after);
    assert_eq!((stage.kept(0).puts, stage.kept(0).keeps), (2, 2));
}

#[tokio::test]
async fn what_was_removed_while_a_host_was_away_goes_when_it_is_back() {
    let stage = Stage::new(1, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(3))).await;
    stage.running(3).await;
    stage.disconnect(0);
    stage.state(0, HostState::Lost).await;
    stage.change("web", |web| web.removing = true).await;
    let all_stop = |board: &crate::workloads::Board| {
        board.copies_of(&name("web")).all(|copy| !copy.placement.wanted())
    };
    stage.until("all are to stop", all_stop).await;
    assert_eq!(stage.count(&work("placement")).await, 3, "nobody told that they are gone");
    stage.state(0, HostState::Ready).await;
    stage.connect(0).await;
    stage.until("removed", |board| board.workloads().len() == 0).await;
    assert!(stage.kept(0).copies.is_empty());
    stage.until_count(work("version"), 0).await;
}

#[tokio::test]
async fn a_removed_host_leaves_no_records() {
    let stage = Stage::new(2, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(4))).await;
    stage.running(4).await;
    stage.remove_host(0).await;
    stage.until("off it", |board| board.copies_on(id(0)).next().is_none()).await;
    stage.running(4).await;
    assert_eq!(stage.hosts(), [id(1); 4]);
    stage.until_count(work("placement"), 4).await;
    stage.until_count(work("placed"), 4).await;
}

#[tokio::test]
async fn a_host_that_was_removed_while_nobody_looked_leaves_no_records() {
    let mut stage = Stage::new(2, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(4))).await;
    stage.running(4).await;
    stage.disconnect(0);
    stage.state(0, HostState::Lost).await;
    stage.change("web", |web| web.removing = true).await;
    stage.until_count(work("placement"), 2).await;
    stage.remove_host(0).await;
    stage.restart().await;
    stage.until("removed", |board| board.workloads().len() == 0).await;
    stage.until_count(work("placement"), 0).await;
}

#[tokio::test]
async fn what_nobody_knows_is_told_to_go() {
    let stage = Stage::new(1, |_, _| Phase::Running).await;
    let foreign = "p-0123456789abcdef".parse().expect("an id");
    let session = stage.sessions.get(id(0)).expect("a session").number;
    stage
        .kept
        .lock()
        .expect("a lock")
        .entry(0)
        .or_default()
        .copies
        .insert(foreign, status(Phase::Running));
    let reports = vec![(foreign, status(Phase::Running))];
    stage.tell(Notice::Told { host: id(0), session, complete: false, reports }).await;
    stage.until("it was told to go", |_| stage.kept(0).copies.is_empty()).await;
    assert_eq!(stage.count(&work("placed")).await, 0);
}

#[tokio::test]
async fn a_host_speaks_of_its_own_copies_only() {
    let stage = Stage::new(2, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(2))).await;
    stage.running(2).await;
    let of_other = stage.workloads.read().copies_on(id(1)).next().expect("a copy").placement.id;
    let session = stage.sessions.get(id(0)).expect("a session").number;
    let reports = vec![(of_other, status(Phase::Failed))];
    stage.tell(Notice::Told { host: id(0), session, complete: false, reports }).await;
    stage.settled().await;
    stage.running(2).await;
    assert!(stage.workloads.read().copy(of_other).is_some());
}

#[tokio::test]
async fn nothing_is_placed_where_the_agent_knows_nothing_of_it() {
    let stage = Stage::new(0, |_, _| Phase::Running).await;
    stage.join(0).await;
    let (out, mut messages) = mpsc::channel(16);
    let journal = tamer_model::JournalId::from_bytes([1; 10]);
    let stop = CancellationToken::new();
    let session = stage.sessions.open_older_for_test(id(0), (journal, 3), out, stop);
    stage.tell(Notice::Up { host: id(0), session, held: Vec::new() }).await;
    stage.apply(web(Run::Count(1))).await;
    stage
        .until("it waits", |board| {
            board.unplaced(&name("web")).is_some_and(|(unplaced, _)| unplaced.copies == 1)
        })
        .await;
    assert_eq!(stage.count(&work("placement")).await, 0);
    assert!(messages.try_recv().is_err(), "it is told nothing");
    // Another host takes it.
    stage.join(1).await;
    stage.connect(1).await;
    stage.running(1).await;
    assert_eq!(stage.hosts(), [id(1)]);
}

#[tokio::test]
async fn an_agent_that_lost_its_disk_is_told_everything_anew() {
    let stage = Stage::new(1, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(2))).await;
    stage.running(2).await;
    stage.disconnect(0);
    stage.kept.lock().expect("a lock").clear();
    stage.connect(0).await;
    stage.until("both are back", |_| stage.kept(0).copies.len() == 2).await;
    assert_eq!((stage.kept(0).puts, stage.kept(0).keeps), (2, 0));
}

#[tokio::test]
async fn a_long_list_comes_in_messages_that_fit() {
    let stage = Stage::new(0, |_, _| Phase::Running).await;
    stage.join(0).await;
    let env = [("BOOK".to_owned(), "x".repeat(30_000))].into_iter().collect();
    let mut spec = web(Run::Count(150));
    spec.instance.env = env;
    let (out, mut messages) = mpsc::channel(256);
    stage.apply(spec).await;
    stage.until("placed", |board| board.copies().len() == 150).await;
    let journal = tamer_model::JournalId::from_bytes([1; 10]);
    let stop = CancellationToken::new();
    let session = stage.sessions.open_for_test(id(0), journal, out, stop);
    stage.tell(Notice::Up { host: id(0), session, held: Vec::new() }).await;
    let mut lists: Vec<wire::PlacementsWanted> = Vec::new();
    while lists.last().is_none_or(|last| !last.complete) {
        let message = messages.recv().await.expect("a message").expect("no error");
        if let Some(Message::Placements(wanted)) = message.message {
            lists.push(wanted);
        }
    }
    let begins: Vec<_> = lists.iter().map(|list| list.begins).collect();
    assert!(lists.len() > 3 && begins[0] && !begins[1..].contains(&true), "{begins:?}");
    assert_eq!(lists.iter().map(|list| list.put.len()).sum::<usize>(), 150);
    let largest = lists.iter().map(prost::Message::encoded_len).max();
    assert!(largest < Some(tamer_proto::MAX_MESSAGE / 2), "{largest:?}");
}
