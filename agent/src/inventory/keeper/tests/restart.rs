//! What a restart makes of a picture.

use std::time::Duration;

use tamer_drift::Kind;

use super::rig::{Act, Played, Rig, ids, is_whole, problems};
use crate::inventory::host;

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_and_tells_the_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = Played::new("users", Kind::User).with(&["a", "b"]);
    let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
    let first = rig.until(is_whole).await;
    rig.stop().await;
    // While nobody looks one goes, and one comes.
    users.play().there.remove(0);
    users.play().there.push(host(Kind::User, "c").done());
    let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
    let second = rig.until(|_| true).await;
    assert_eq!((second.epoch, second.counter), (first.epoch, first.counter + 1));
    assert_eq!(second.before, Some(first.root));
    assert_eq!(ids(&second), ["b", "c"]);
    let gap = second.gap.clone().expect("a gap");
    assert!(gap.from >= first.at && gap.to.is_some_and(|to| to >= gap.from), "{gap:?}");
    assert_eq!((gap.changed, gap.why.as_str()), (2, "the agent did not run"));
    // It is told until a coordinator has it.
    users.play().there.push(host(Kind::User, "d").done());
    let third = rig.until(|told| told.root != second.root).await;
    assert_eq!(third.gap, Some(gap));
    rig.handle.stored(third.root);
    users.play().there.push(host(Kind::User, "e").done());
    let fourth = rig.until(|told| told.root != third.root).await;
    assert_eq!(fourth.gap, None);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_was_stored_is_not_told_by_the_next_life() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = Played::new("users", Kind::User).with(&["a"]);
    for life in 0..3 {
        let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
        let told = rig.until(is_whole).await;
        let gap = told.gap.as_ref().map(|gap| gap.why.as_str());
        assert_eq!(gap, (life > 0).then_some("the agent did not run"));
        rig.handle.stored(told.root);
        tokio::time::sleep(Duration::from_secs(5)).await;
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_is_lost_begins_another_epoch_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = Played::new("users", Kind::User).with(&["a"]);
    let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
    let first = rig.until(is_whole).await;
    rig.stop().await;
    for lose in [
        |path: &std::path::Path| std::fs::remove_file(path),
        |path: &std::path::Path| std::fs::write(path, "garbage"),
    ] {
        lose(&folder.path().join("state")).expect("lost");
        let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
        let second = rig.until(is_whole).await;
        assert_ne!(second.epoch, first.epoch);
        assert_eq!((second.counter, second.root), (1, first.root));
        let gap = second.gap.clone().expect("told");
        assert!(gap.why.contains("memory of this host was lost"), "{gap:?}");
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_answer_after_a_restart_has_what_it_had() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = Played::new("users", Kind::User).with(&["a"]);
    let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
    let first = rig.until(is_whole).await;
    rig.stop().await;
    users.play().act = Act::Away;
    let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
    let second = rig.until(|_| true).await;
    assert_eq!(second.root, first.root);
    assert_eq!(problems(&second)["users"], Some("it is not there"));
    assert_eq!(second.sources[0].at, first.sources[0].at, "it was whole then");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_looks_at_any_more_is_not_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = Played::new("users", Kind::User).with(&["a"]);
    let ports = Played::new("ports", Kind::Port).with(&["tcp 1"]);
    let rig = Rig::start(folder.path(), &[users.clone(), ports]);
    let first = rig.until(is_whole).await;
    rig.stop().await;
    let rig = Rig::start(folder.path(), &[users]);
    let second = rig.until(|_| true).await;
    assert_eq!(second.root, first.root);
    assert!(problems(&second)["others"].expect("told").contains("leaves out"));
    rig.stop().await;
}
