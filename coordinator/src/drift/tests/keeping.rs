//! What is kept: through damage, sweeps and the removal of what is old.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tamer_drift::Digest;
use tamer_model::{Code, Selector};

use super::stage::{Stage, ann, id, package};
use crate::drift::{Accepting, Setting, Wanted, name_of};
use crate::janitor::{Kept, Retention, inventory};

fn files(stage: &Stage) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for shelf in std::fs::read_dir(stage.folder.path().join("inventory")).expect("a folder") {
        let shelf = std::fs::read_dir(shelf.expect("a shelf").path()).expect("a shelf");
        files.extend(shelf.map(|file| file.expect("a file").path()));
    }
    files.sort();
    files
}

fn path_of(stage: &Stage, digest: &Digest) -> PathBuf {
    let hex = digest.to_string();
    stage.folder.path().join("inventory").join(&hex[..2]).join(&hex[2..])
}

fn wanted(name: &str) -> Wanted {
    Wanted { name: Some(name.parse().expect("a name")), ..Wanted::default() }
}

fn setting(name: &str) -> Setting {
    Setting {
        name: name_of(name).expect("a name"),
        selector: Selector::default(),
        note: String::new(),
        expected: None,
        accepted: None,
    }
}

#[tokio::test]
async fn damaged_nodes_are_named_and_asked_for_again() {
    let mut stage = Stage::new(1).await;
    let mut agent = stage.connect(0);
    (0..2_000).for_each(|number| agent.put(&package(&format!("package-{number}"), "1")));
    agent.tell().await;
    let snapshot =
        stage.drift.take(wanted("s"), &ann(), &|commit, _| commit).await.expect("a snapshot");
    // Another life, so that nothing is in memory.
    stage.restart().await;
    let mut agent = agent.again(&stage, 0);
    let leaf = agent.picture.nodes().iter().map(|(digest, _)| *digest).max().expect("a node");
    let whole = std::fs::read(path_of(&stage, &leaf)).expect("its file");
    std::fs::write(path_of(&stage, &leaf), &whole[..whole.len() / 2]).expect("cut");
    let found = stage.drift.verify(None).await.expect("a look");
    assert!(found.damage.iter().any(|one| one.digest == leaf), "{:?}", found.damage);
    assert_eq!((found.snapshots, found.asked), (1, 1));
    assert!(stage.drift.board().get(id(0)).doubt().is_some(), "it is not observed");
    agent.beat().await;
    let found = stage.drift.verify(None).await.expect("a look");
    assert!(found.damage.is_empty(), "{:?}", found.damage);
    assert_eq!(stage.drift.board().get(id(0)).doubt(), None);
    assert_eq!(std::fs::read(path_of(&stage, &leaf)).expect("its file"), whole);

    // A file with other bytes under the name.
    let other = zstd::bulk::compress(b"something else", 1).expect("a frame");
    std::fs::write(path_of(&stage, &snapshot.root), other).expect("written over");
    stage.restart().await;
    let found = stage.drift.verify(Some(snapshot.clone())).await.expect("a look");
    assert!(found.damage.iter().any(|one| one.digest == snapshot.root && one.host.is_none()));
}

#[tokio::test]
async fn damage_is_asked_for_though_another_picture_comes_first() {
    let mut stage = Stage::new(1).await;
    let mut agent = stage.connect(0);
    (0..2_000).for_each(|number| agent.put(&package(&format!("package-{number}"), "1")));
    agent.tell().await;
    let before: BTreeSet<_> = agent.picture.nodes().iter().map(|(digest, _)| *digest).collect();
    stage.restart().await;
    let mut agent = agent.again(&stage, 0);
    agent.put(&package("zzz", "1"));
    let root = agent.root();
    let now = agent.picture.nodes();
    let both = now.iter().map(|(digest, _)| *digest).find(|digest| before.contains(digest));
    let node = both.expect("most of it is the same");
    std::fs::remove_file(path_of(&stage, &node)).expect("its file");
    assert_eq!(stage.drift.verify(None).await.expect("a look").asked, 1);
    // It tells of what changed before its next heartbeat, and nobody looks at the rest for that.
    agent.tell().await;
    assert!(agent.seen.stored.contains(&root), "{:?}", agent.seen);
    agent.beat().await;
    let found = stage.drift.verify(None).await.expect("a look");
    assert!(found.damage.is_empty(), "{:?}", found.damage);
    assert_eq!(stage.drift.board().get(id(0)).doubt(), None);
}

#[tokio::test]
async fn a_sweep_removes_what_nothing_needs_and_nothing_else() {
    let stage = Stage::new(2).await;
    let mut agent = stage.connect(0);
    (0..500).for_each(|number| agent.put(&package(&format!("package-{number}"), "1")));
    agent.tell().await;
    let first = agent.root();
    let taken = stage.drift.take(wanted("s"), &ann(), &|commit, _| commit).await.expect("taken");
    let kept = files(&stage).len();
    assert_eq!(stage.drift.sweep().await.expect("a sweep").expect("it ran").removed, 0);

    (0..500).for_each(|number| agent.put(&package(&format!("package-{number}"), "2")));
    agent.tell().await;
    // Both the snapshot's picture and the newest one stay.
    assert_eq!(stage.drift.sweep().await.expect("a sweep").expect("it ran").removed, 0);
    assert!(path_of(&stage, &first).exists());

    // One on its way stays, too; that of a session that ended does not.
    let mut other = stage.connect(1);
    (0..800).for_each(|number| other.put(&package(&format!("other-{number}"), "1")));
    other.begin().await;
    other.answer_once().await;
    let half = files(&stage).len();
    assert_eq!(stage.drift.sweep().await.expect("a sweep").expect("it ran").removed, 0);
    drop(other);
    let swept = stage.drift.sweep().await.expect("a sweep").expect("it ran");
    assert!(swept.removed > 0 && files(&stage).len() < half, "{swept:?}");

    let removed = stage.drift.remove_snapshot("s", &|commit, _| commit).await.expect("removed");
    assert_eq!(removed.id, taken.id);
    stage.drift.sweep().await.expect("a sweep").expect("it ran");
    assert!(!path_of(&stage, &first).exists(), "only the snapshot needed it");
    assert!(files(&stage).len() < kept * 2);
    assert!(stage.drift.verify(None).await.expect("a look").damage.is_empty());
    assert!(stage.drift.find_snapshot("s").await.is_err());
}

#[tokio::test]
async fn what_is_found_during_a_sweep_is_not_swept() {
    let stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("a", "1")]).await;
    let old = agent.root();
    agent.put(&package("a", "2"));
    agent.tell().await;
    // Nothing needs the old picture now; but before it is removed the host has it again.
    let sweep = stage.drift.nodes().begin_sweep().expect("none runs");
    assert!(stage.drift.nodes().begin_sweep().is_none(), "one at a time");
    agent.put(&package("a", "1"));
    agent.tell().await;
    assert_eq!(agent.root(), old);
    let swept = sweep.finish(&std::collections::HashSet::new()).expect("a sweep");
    assert!(path_of(&stage, &old).exists(), "{swept:?}");
    // The picture between was looked at meanwhile; the next sweep has it.
    assert_eq!(swept.removed, 0);
    assert_eq!(stage.drift.sweep().await.expect("a sweep").expect("it ran").removed, 1);
    assert!(path_of(&stage, &old).exists());
}

#[tokio::test]
async fn history_and_snapshots_go_when_their_time_is_over() {
    let stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("a", "0")]).await;
    for version in 1..8 {
        agent.put(&package("a", &version.to_string()));
        agent.tell().await;
        let name = format!("s{version}");
        stage.drift.take(wanted(&name), &ann(), &|commit, _| commit).await.expect("taken");
    }
    let needed = stage.drift.find_snapshot("s1").await.expect("it is there");
    let set = stage.drift.set_baseline(setting("b"), &needed, &ann(), &|commit, _| commit).await;
    set.expect("a baseline");
    let retention =
        Retention { history: 3, snapshots: Kept { count: 2, days: 0 }, ..Retention::default() };
    let now = crate::clock::now();
    inventory::remove(&stage.drift, &retention, now).await.expect("done");
    let past = stage.drift.past(id(0), Default::default()).await.expect("a history");
    assert_eq!(past.len(), 3);
    let left: Vec<_> = stage.drift.snapshots().await.expect("a list");
    let left: Vec<_> = left.iter().map(|one| one.name.as_ref().expect("a name").as_str()).collect();
    assert_eq!(left, ["s7", "s6", "s1"], "the newest two, and what the baseline needs");
    let refused = stage.drift.remove_snapshot("s1", &|commit, _| commit).await;
    assert_eq!(refused.expect_err("it is needed").code, Code::WrongState);
    // What is left of the history reaches back as far as it says.
    let oldest = past.last().expect("three").record.at;
    assert!(stage.drift.picture_at(id(0), oldest).await.expect("a picture").is_some());
    assert!(stage.drift.verify(None).await.expect("a look").damage.is_empty());
}

#[tokio::test]
async fn the_same_request_takes_one_snapshot() {
    let stage = Stage::new(2).await;
    let _agent = stage.holding(0, &[("a", "1")]).await;
    let wanted = Wanted { request: Some("r-1".to_owned()), ..wanted("s") };
    let (drift, by) = (&stage.drift, ann());
    let one = drift.take(wanted.clone(), &by, &|commit, _| commit).await.expect("taken");
    let two = drift.take(wanted, &by, &|commit, _| commit).await.expect("the same");
    assert_eq!((one.id, drift.snapshots().await.expect("a list").len()), (two.id, 1));
    let missing: Vec<_> = one.missing.iter().map(ToString::to_string).collect();
    assert_eq!((one.hosts, one.missing_count, missing), (1, 1, vec!["host1".to_owned()]));
}

#[tokio::test]
async fn a_version_of_a_baseline_is_written_once() {
    let mut stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("a", "1"), ("b", "1")]).await;
    let drift = stage.drift.clone();
    let snapshot = drift.take(wanted("s"), &ann(), &|commit, _| commit).await.expect("taken");
    let set = |expected| Setting { expected, ..setting("b") };
    let one = drift.set_baseline(set(None), &snapshot, &ann(), &|commit, _| commit).await;
    let one = one.expect("version 1");
    let stale = drift.set_baseline(set(Some(7)), &snapshot, &ann(), &|commit, _| commit).await;
    assert_eq!(stale.expect_err("there is no version 7").code, Code::Conflict);
    agent.put(&package("a", "2"));
    agent.put(&package("b", "2"));
    agent.tell().await;
    stage.restart().await;
    let again = stage.drift.baseline(&name_of("b").expect("a name")).await.expect("it is there");
    assert_eq!(again.record, one, "a restart is never a new baseline");
    let _agent = agent.again(&stage, 0);

    let accepting = Accepting {
        baseline: name_of("b").expect("a name"),
        findings: None,
        note: "the update".to_owned(),
        expected: Some(1),
    };
    let (two, _) = stage
        .drift
        .accept(accepting, &ann(), (&|commit, _| commit, &|commit, _| commit))
        .await
        .expect("accepted");
    assert_eq!((two.version, two.before), (2, Some(1)));
    let versions = stage.drift.versions(&two.name).await.expect("versions");
    assert_eq!(versions, [two.clone(), one], "the earlier one is what it was");
    let cleared = stage.drift.clear_baseline(&two.name, &|commit, _| commit).await;
    assert_eq!(cleared.expect("cleared"), two);
    assert_eq!(stage.drift.baseline(&two.name).await.expect_err("none").code, Code::NotFound);
    assert!(stage.drift.needed_snapshots().await.expect("read").is_empty());
}
