//! What looking finds, and what becomes of it when it goes wrong.

use std::time::Duration;

use tamer_drift::Kind;
use tokio::time::Instant;

use super::rig::{Act, Played, Rig, ids, is_whole, problems};
use crate::inventory::host;

fn users(names: &[&str]) -> Played {
    Played::new("users", Kind::User).with(names)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test(start_paused = true)]
async fn what_changes_is_told_with_the_next_counter() {
    let folder = folder();
    let users = users(&["a", "b"]);
    let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
    let first = rig.until(is_whole).await;
    assert_eq!((ids(&first), first.counter, first.resources), (vec!["a".into(), "b".into()], 1, 2));
    assert_eq!((first.before, first.gap.is_none()), (None, true));
    let begin = Instant::now();
    users.play().there.push(host(Kind::User, "c").done());
    users.play().there.remove(0);
    let second = rig.until(|told| told.root != first.root).await;
    assert_eq!(ids(&second), ["b", "c"]);
    assert_eq!((second.counter, second.before), (2, Some(first.root)));
    assert_eq!(second.epoch, first.epoch);
    assert!(begin.elapsed() <= Duration::from_secs(30), "{:?}", begin.elapsed());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_nobody_took_uses_up_no_counter() {
    let folder = folder();
    let users = users(&["a"]);
    let rig = Rig::start(folder.path(), std::slice::from_ref(&users));
    let mut revision = rig.handle.board().revision();
    for number in 0..5 {
        revision.changed().await.expect("it runs");
        users.play().there = vec![host(Kind::User, "a").int("uid", number).done()];
    }
    let told = rig.until(is_whole).await;
    assert_eq!((told.counter, told.before), (1, None));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_delays_nobody_and_loses_nothing() {
    let folder = folder();
    let (users, ports) = (users(&["a"]), Played::new("ports", Kind::Port).with(&["tcp 1"]));
    let rig = Rig::start(folder.path(), &[users.clone(), ports.clone()]);
    let first = rig.until(is_whole).await;
    ports.play().act = Act::Hang;
    ports.play().there.clear();
    users.play().there.push(host(Kind::User, "b").done());
    let begin = Instant::now();
    let second = rig.until(|told| told.root != first.root).await;
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
    assert_eq!(ids(&second), ["a", "b", "tcp 1"]);
    let third = rig.until(|told| problems(told)["ports"].is_some()).await;
    assert_eq!(ids(&third), ["a", "b", "tcp 1"]);
    assert!(problems(&third)["ports"].expect("told").contains("within 20 s"));
    assert_eq!(third.root, second.root, "what it had stays");
    ports.play().act = Act::Find;
    let fourth = rig.until(is_whole).await;
    assert_eq!(ids(&fourth), ["a", "b"], "now it is known to be gone");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_picture_does_not_wait_for_one_that_hangs() {
    let folder = folder();
    let dead = Played::new("ports", Kind::Port);
    dead.play().act = Act::Hang;
    let begin = Instant::now();
    let rig = Rig::start(folder.path(), &[users(&["a"]), dead]);
    let told = rig.until(|_| true).await;
    assert!(begin.elapsed() <= Duration::from_secs(16), "{:?}", begin.elapsed());
    assert_eq!(ids(&told), ["a"]);
    assert_eq!(problems(&told)["users"], None);
    assert!(problems(&told)["ports"].expect("told").contains("not looked at yet"));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_is_never_told_as_gone() {
    let folder = folder();
    let bad = users(&["a", "b", "x1", "x2"]);
    let rig = Rig::start(folder.path(), std::slice::from_ref(&bad));
    let first = rig.until(is_whole).await;
    for (act, said) in [
        (Act::Fail, "does not answer"),
        (Act::Away, "is not there"),
        (Act::Panic, "broke"),
        (Act::Flood, "more than 100 resources"),
    ] {
        bad.play().act = act;
        let seen = |text: Option<&str>| text.is_some_and(|text| text.contains(said));
        let told = rig.until(|told| seen(problems(told)["users"])).await;
        for id in ["a", "b", "x1", "x2"] {
            assert!(ids(&told).contains(&id.to_owned()), "{said}: {id} of {:?}", ids(&told));
        }
        bad.play().act = Act::Find;
        let told = rig.until(is_whole).await;
        assert_eq!(told.root, first.root, "after {said}");
    }
    // Of a part nothing is known; the rest is.
    bad.play().act = Act::Partly("x");
    bad.play().there.retain(|one| one.key.id() != "b");
    let told = rig.until(|told| !is_whole(told)).await;
    assert_eq!(ids(&told), ["a", "x1", "x2"]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ids_that_come_twice_and_kinds_of_others_are_refused_by_name() {
    let folder = folder();
    let bad = users(&["a", "b"]);
    let rig = Rig::start(folder.path(), std::slice::from_ref(&bad));
    rig.until(is_whole).await;
    bad.play().there = vec![
        host(Kind::User, "a").int("uid", 1u32).done(),
        host(Kind::User, "a").int("uid", 2u32).done(),
        host(Kind::Port, "tcp 1").done(),
        host(Kind::User, "c").done(),
    ];
    let told = rig.until(|told| !is_whole(told)).await;
    assert_eq!(ids(&told), ["a", "b", "c"], "a is as it was, b may be what the other should be");
    let problem = problems(&told)["users"].expect("told");
    assert!(problem.contains("user/host/a") && problem.contains("port/host/tcp 1"), "{problem}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn five_side_by_side_end_with_the_slowest() {
    let folder = folder();
    let kinds = [Kind::User, Kind::Port, Kind::Mount, Kind::Job, Kind::Sysctl];
    let slow = |(at, kind): (usize, &Kind)| {
        let delay = Duration::from_secs(at as u64 + 6);
        Played::new(&format!("c{at}"), *kind).with(&["one"]).taking(delay)
    };
    let all: Vec<_> = kinds.iter().enumerate().map(slow).collect();
    let begin = Instant::now();
    let rig = Rig::start(folder.path(), &all);
    rig.until(is_whole).await;
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(11), "{took:?} where the slowest takes 10 s");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_is_looked_at_rarely() {
    let folder = folder();
    let slow = users(&["a"]).taking(Duration::from_secs(10));
    let rig = Rig::start(folder.path(), std::slice::from_ref(&slow));
    rig.until(is_whole).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let looks = slow.play().looks;
    assert!((15..=20).contains(&looks), "{looks} looks of 10 s in an hour");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_never_was_there_is_not_missed() {
    let folder = folder();
    let away = Played::new("podman", Kind::Instance);
    away.play().act = Act::Away;
    let rig = Rig::start(folder.path(), &[users(&["a"]), away.clone()]);
    let told = rig.until(is_whole).await;
    assert_eq!(told.sources.len(), 1);
    away.play().act = Act::Find;
    let told = rig.until(|told| told.sources.len() == 2).await;
    assert!(is_whole(&told));
    away.play().act = Act::Away;
    rig.until(|told| told.sources.len() == 2 && !is_whole(told)).await;
    rig.stop().await;
}
