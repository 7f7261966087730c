//! An agent that dies at any of its writes, and one whose disk is full.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tamer_drift::Kind;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::rig::{Played, Rig, ids, is_whole};
use crate::folder;
use crate::inventory::host;
use crate::inventory::store::Replace;

/// A disk of which the machine dies at a write, before it is done or after.
fn dying(at: usize, done: bool) -> (Replace, CancellationToken, Arc<AtomicUsize>) {
    let (died, writes) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let (dies, count) = (died.clone(), writes.clone());
    let replace = move |path: &Path, bytes: &[u8]| {
        let dead = dies.is_cancelled();
        let now = count.fetch_add(1, Ordering::SeqCst) + 1;
        if !dead && (now != at || done) {
            folder::replace(path, bytes)?;
        }
        if now == at {
            dies.cancel();
        }
        if dead { Err(io::Error::other("the machine is off")) } else { Ok(()) }
    };
    (Arc::new(replace), died, writes)
}

#[tokio::test(start_paused = true)]
async fn at_every_write_it_can_die_and_no_picture_is_made_up() {
    let mut deaths = 0;
    for at in 1.. {
        let mut any = false;
        for done in [true, false] {
            any |= die(at, done).await;
        }
        if !any {
            break;
        }
        deaths = at;
    }
    assert!(deaths >= 5, "only {deaths} writes");
}

/// Three pictures, minutes apart, and a death on the way. Whether there was one.
async fn die(at: usize, done: bool) -> bool {
    let temp = tempfile::tempdir().expect("a folder");
    let users = Played::new("users", Kind::User).with(&["a"]);
    let (replace, died, _) = dying(at, done);
    let rig = Rig::replacing(temp.path(), std::slice::from_ref(&users), replace);
    let mut told = Vec::new();
    let story = async {
        for number in 0..3 {
            let id = format!("u{number}");
            users.play().there.push(host(Kind::User, &id).done());
            let seen = rig.until(|told| ids(told).contains(&id)).await;
            if died.is_cancelled() {
                // Nobody hears what a machine says that is off.
                std::future::pending::<()>().await;
            }
            told.push(seen);
            tokio::time::sleep(Duration::from_secs(70)).await;
        }
    };
    let story = timeout(Duration::from_secs(7200), story);
    let dead = died.run_until_cancelled(story).await.map(|done| done.expect("in time")).is_none();
    rig.kill().await;
    let context = format!("write {at}, done: {done}");
    // The next life: it goes on from a picture that was on the disk, and says what it missed.
    let rig = Rig::start(temp.path(), std::slice::from_ref(&users));
    let next = rig.until(is_whole).await;
    let expected: Vec<_> = users.play().there.iter().map(|one| one.key.id().to_owned()).collect();
    assert_eq!(ids(&next), expected, "{context}");
    match told.last() {
        Some(last) => {
            assert_eq!(next.epoch, last.epoch, "{context}");
            assert!(next.counter > last.counter, "{context}: what was told is not told again");
            assert!(next.gap.is_some(), "{context}");
        }
        // Nothing was told by the one that died.
        None => assert!(next.counter >= 1, "{context}"),
    }
    rig.stop().await;
    dead
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_hides_no_change() {
    let temp = tempfile::tempdir().expect("a folder");
    let users = Played::new("users", Kind::User).with(&["a"]);
    let full = Arc::new(AtomicBool::new(false));
    let is_full = full.clone();
    let replace = move |path: &Path, bytes: &[u8]| match is_full.load(Ordering::SeqCst) {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => folder::replace(path, bytes),
    };
    let rig = Rig::replacing(temp.path(), std::slice::from_ref(&users), Arc::new(replace));
    let first = rig.until(is_whole).await;
    full.store(true, Ordering::SeqCst);
    users.play().there.push(host(Kind::User, "b").done());
    let second = rig.until(|told| told.root != first.root).await;
    full.store(false, Ordering::SeqCst);
    // It is written as soon as there is room, though nothing changes any more.
    tokio::time::sleep(Duration::from_secs(30)).await;
    rig.kill().await;
    let rig = Rig::start(temp.path(), std::slice::from_ref(&users));
    let third = rig.until(|_| true).await;
    assert_eq!((third.root, third.counter), (second.root, second.counter + 1));
    rig.stop().await;
}
