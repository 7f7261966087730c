//! Every folder that cannot be opened is refused with one error that says what to do.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::{fs, path::Path};

use tamer_store::{Commit, CommitError, EngineKind, Key, OpenError, Options, Revision, Store};
use tempfile::{TempDir, tempdir};

const ENGINES: [EngineKind; 2] = [EngineKind::Sled, EngineKind::Redb];

async fn open(dir: &Path, engine: EngineKind) -> Result<Store, OpenError> {
    Store::open(Options { cache_bytes: 8 << 20, ..Options::new(dir, engine) }).await
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// A closed store with something in it.
async fn made(engine: EngineKind) -> TempDir {
    let dir = tempdir().unwrap();
    let store = open(dir.path(), engine).await.unwrap();
    for index in 0..100 {
        let commit = Commit::new().put(key(&format!("k/{index}")), vec![7; 3000]);
        store.commit(commit).await.unwrap();
    }
    store.close().await;
    dir
}

async fn refused(dir: &Path, engine: EngineKind) -> OpenError {
    let error = open(dir, engine).await.unwrap_err();
    assert!(error.to_string().contains(&dir.display().to_string()), "{error}");
    error
}

#[tokio::test]
async fn one_process_at_a_time() {
    for engine in ENGINES {
        let dir = tempdir().unwrap();
        let store = open(dir.path(), engine).await.unwrap();
        assert!(matches!(refused(dir.path(), engine).await, OpenError::Locked { .. }));
        let clone = store.clone();
        store.close().await;
        open(dir.path(), engine).await.unwrap();
        drop(clone);
        // Dropped without `close`, it is released too.
        open(dir.path(), engine).await.unwrap();
    }
}

#[tokio::test]
async fn an_absent_folder_is_made_for_its_owner_only() {
    let dir = tempdir().unwrap();
    let deep = dir.path().join("a/b");
    open(&deep, EngineKind::Sled).await.unwrap().close().await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&deep).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[tokio::test]
async fn a_folder_keeps_its_engine() {
    for (made_with, wanted) in [(ENGINES[0], ENGINES[1]), (ENGINES[1], ENGINES[0])] {
        let dir = made(made_with).await;
        match refused(dir.path(), wanted).await {
            OpenError::OtherEngine { found, wanted: asked, .. } => {
                assert_eq!((found.as_str(), asked), (made_with.name(), wanted));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_newer_format_is_left_alone() {
    let dir = made(EngineKind::Redb).await;
    let format = r#"{"format":9,"engine":"tree","more":1}"#;
    fs::write(dir.path().join("format"), format).unwrap();
    let error = refused(dir.path(), EngineKind::Redb).await;
    assert!(matches!(error, OpenError::Newer { found: 9, .. }), "{error:?}");
}

#[tokio::test]
async fn somebody_elses_folder_is_left_alone() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    match refused(dir.path(), EngineKind::Sled).await {
        OpenError::NotAStore { found, .. } => assert_eq!(found, "letter.txt"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was put there");
}

#[tokio::test]
async fn a_file_is_no_folder() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&file, EngineKind::Sled).await;
    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_making_that_was_cut_short_is_made_again() {
    for engine in ENGINES {
        let dir = made(engine).await;
        fs::remove_file(dir.path().join("format")).unwrap();
        let store = open(dir.path(), engine).await.unwrap();
        assert_eq!(store.revision().await.unwrap(), Revision(100));
    }
}

#[tokio::test]
async fn missing_data_is_damage() {
    for (engine, data) in [(EngineKind::Sled, "sled"), (EngineKind::Redb, "store.redb")] {
        let dir = made(engine).await;
        fs::rename(dir.path().join(data), dir.path().join("elsewhere")).unwrap();
        let error = refused(dir.path(), engine).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    }
}

/// Overwrites parts of a file; returns false if it is too short.
fn spoil(path: &Path, at: usize, len: usize) -> bool {
    let mut bytes = fs::read(path).unwrap();
    let Some(part) = bytes.get_mut(at..at + len) else { return false };
    part.iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(path, bytes).unwrap();
    true
}

/// A damaged store is refused, or what can be read of it is right; it never panics or misleads.
#[tokio::test]
async fn damage_is_never_taken_for_data() {
    let (mut refusals, mut opened) = (0, 0);
    for (engine, data) in [(EngineKind::Sled, "sled/db"), (EngineKind::Redb, "store.redb")] {
        for (at, len) in [(0, 64), (20, 1000), (4096, 4096), (100_000, 5000), (300_000, 20_000)] {
            let dir = made(engine).await;
            assert!(spoil(&dir.path().join(data), at, len), "{engine}: {at}");
            match open(dir.path(), engine).await {
                Err(error @ (OpenError::Damaged { .. } | OpenError::Lost { .. })) => {
                    assert!(error.to_string().contains("store import"), "{error}");
                    refusals += 1;
                }
                Err(other) => panic!("{engine}, {at}: {other:?}"),
                Ok(store) => {
                    for index in 0..100 {
                        // An error is an answer; a wrong value or a missing one is not.
                        if let Ok(found) = store.get(&key(&format!("k/{index}"))).await {
                            let value = found.map(|entry| entry.value);
                            assert!(value.is_some_and(|it| it == vec![7; 3000]), "{engine}, {at}");
                        }
                    }
                    opened += 1;
                }
            }
        }
    }
    assert!(refusals > 0, "{refusals} refused, {opened} opened");
}

#[tokio::test]
async fn a_cut_off_file_is_found_by_the_tip() {
    let dir = made(EngineKind::Sled).await;
    let snapshots =
        fs::read_dir(dir.path().join("sled")).unwrap().map(|entry| entry.unwrap().path());
    for snapshot in snapshots.filter(|path| path.to_string_lossy().contains("snap.")) {
        fs::remove_file(snapshot).unwrap();
    }
    let db = fs::File::options().write(true).open(dir.path().join("sled/db")).unwrap();
    db.set_len(db.metadata().unwrap().len() / 2).unwrap();
    match refused(dir.path(), EngineKind::Sled).await {
        OpenError::Lost { found, known, .. } => assert!(found < known && known == Revision(100)),
        OpenError::Damaged { .. } => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_reserve_keeps_a_store_alive() {
    for engine in ENGINES {
        let dir = made(engine).await;
        let options = Options { reserve_bytes: u64::MAX, ..Options::new(dir.path(), engine) };
        let store = Store::open(options).await.unwrap();
        let full = store.commit(Commit::new().put(key("new"), "")).await.unwrap_err();
        assert!(matches!(full, CommitError::Full(_)), "{full:?}");
        assert!(store.get(&key("k/1")).await.unwrap().is_some());
        store.commit(Commit::new().delete(key("k/1"))).await.unwrap();
        store.close().await;
        let store = open(dir.path(), engine).await.unwrap();
        store.commit(Commit::new().put(key("new"), "")).await.unwrap();
    }
}
