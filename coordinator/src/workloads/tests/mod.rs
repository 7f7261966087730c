//! The controller with the scheduler, on a store in memory and agents that are played.

mod failing;
mod full;
mod moving;
mod stage;

use std::collections::BTreeSet;

use stage::{Stage, id, name, web};
use tamer_model::{Phase, Run, WorkloadSpec};
use tamer_store::{Commit, Prefix};

use crate::state::keys;

fn work(what: &str) -> Prefix {
    Prefix::new(format!("work/{what}/")).expect("a prefix")
}

#[tokio::test]
async fn what_is_applied_is_placed_told_and_shown() {
    let stage = Stage::new(3, |_, _| Phase::Running).await;
    stage.apply(WorkloadSpec { apart_from: vec![name("web")], ..web(Run::Count(3)) }).await;
    stage.running(3).await;
    assert_eq!(stage.hosts(), [id(0), id(1), id(2)]);
    assert_eq!(stage.count(&work("placement")).await, 3);
    assert_eq!(stage.count(&work("placed")).await, 3);
    let board = stage.workloads.read();
    for host in 0..3 {
        let copy = board.copies_on(id(host)).next().expect("a copy");
        assert_eq!(stage.kept(host).names, [copy.placement.instance_name()]);
        assert_eq!((copy.placement.template, stage.kept(host).puts), (1, 1));
    }
}

#[tokio::test]
async fn what_is_no_longer_wanted_leaves_nothing() {
    let stage = Stage::new(2, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(6))).await;
    stage.running(6).await;
    stage.apply(web(Run::Count(2))).await;
    stage.running(2).await;
    assert_eq!(stage.count(&work("placement")).await, 2);
    assert_eq!(stage.kept(0).copies.len() + stage.kept(1).copies.len(), 2);
    stage.change("web", |web| web.removing = true).await;
    stage.until("removed", |board| board.workloads().len() == 0).await;
    assert_eq!(stage.count(&Prefix::new("work/").expect("a prefix")).await, 0);
}

#[tokio::test]
async fn a_new_controller_finds_everything_as_it_shall_be() {
    let mut stage = Stage::new(3, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(9))).await;
    stage.running(9).await;
    stage.settled().await;
    let before: BTreeSet<_> = stage.workloads.read().copies().map(|one| one.placement.id).collect();
    let at = stage.store.revision().await.expect("a revision");
    stage.restart().await;
    for host in 0..3 {
        stage.connect(host).await;
    }
    assert_eq!(stage.settled().await, at, "nothing is written: {}", stage.picture());
    let after: BTreeSet<_> = stage.workloads.read().copies().map(|one| one.placement.id).collect();
    assert_eq!(before, after);
    for host in 0..3 {
        let kept = stage.kept(host);
        assert_eq!((kept.puts, kept.keeps), (3, 3), "each copy was told to go on, and none anew");
    }
}

#[tokio::test]
async fn a_restart_in_the_middle_ends_where_it_would_have() {
    let mut stage = Stage::new(4, |_, _| Phase::Running).await;
    for round in 1..6 {
        stage.apply(web(Run::Count(round * 7))).await;
        stage.restart().await;
        for host in 0..4 {
            stage.connect(host).await;
        }
    }
    stage.running(35).await;
    let kept: usize = (0..4).map(|host| stage.kept(host).copies.len()).sum();
    assert_eq!(kept, 35);
}

#[tokio::test]
async fn a_plan_on_an_old_view_is_made_again() {
    let stage = Stage::new(4, |_, _| Phase::Running).await;
    // Each apply races what is being done for the one before.
    for round in 0..20 {
        stage.apply(web(Run::Count(if round % 2 == 0 { 40 } else { 1 }))).await;
    }
    stage.apply(web(Run::Count(5))).await;
    stage.running(5).await;
    stage.until_count(work("placement"), 5).await;
}

#[tokio::test]
async fn what_somebody_else_wrote_of_a_copy_is_taken_in() {
    let stage = Stage::new(1, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(2))).await;
    stage.running(2).await;
    let copies: Vec<_> = stage.workloads.read().copies().cloned().collect();
    for copy in copies {
        // As another coordinator might: the record is the same, and another than the one known.
        let key = keys::placement(copy.placement.host, copy.placement.id);
        let value = crate::state::encode(&*copy.placement);
        stage.store.commit(Commit::new().put(key, value)).await.expect("a commit");
    }
    stage.change("web", |web| web.stopped = true).await;
    stage.until_count(work("placement"), 0).await;
}

#[tokio::test]
async fn ten_thousand_copies_are_placed_and_removed() {
    let stage = Stage::new(100, |_, _| Phase::Running).await;
    stage.apply(web(Run::Count(10_000))).await;
    stage.running(10_000).await;
    let most = (0..100).map(|host| stage.kept(host).copies.len()).max();
    assert_eq!(stage.count(&work("placed")).await, 10_000);
    assert!(most.is_some_and(|most| most < 1000), "{most:?} on one host");
    stage.change("web", |web| web.removing = true).await;
    stage.until_count(Prefix::new("work/").expect("a prefix"), 0).await;
}
