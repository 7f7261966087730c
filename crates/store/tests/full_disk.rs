//! A disk that fills up: a clear error, everything acknowledged still there, and on it goes.
//!
//! Mounts small file systems, so it needs root; without, it says that it was skipped.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use tamer_store::{Commit, CommitError, EngineKind, Key, Options, Store};
use tempfile::{TempDir, tempdir};

const ENGINES: [EngineKind; 2] = [EngineKind::Sled, EngineKind::Redb];
const MIB: usize = 1024 * 1024;

/// A file system of its own, in memory, gone when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout != b"0\n" {
            eprintln!("SKIPPED: only root can mount a small disk, so nobody filled one");
            return None;
        }
        let dir = tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=40m,mode=700", "tmpfs"]).arg(dir.path());
        assert!(mount.status().unwrap().success(), "mounting {}", dir.path().display());
        let disk = Self(dir);
        fs::write(disk.ballast(), vec![1; 16 * MIB]).unwrap();
        Some(disk)
    }

    /// Removed to make room.
    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a failing test may still have files open in it.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

async fn open(dir: &Path, engine: EngineKind, reserve_bytes: u64) -> Store {
    let options = Options { cache_bytes: 4 * MIB, reserve_bytes, ..Options::new(dir, engine) };
    Store::open(options).await.unwrap()
}

fn key(index: usize) -> Key {
    Key::new(format!("fill/{index:05}")).unwrap()
}

/// Commits until that fails; how many succeeded, and the failure.
async fn fill(store: &Store) -> (usize, CommitError) {
    for index in 0.. {
        let commit = Commit::new().put(key(index), vec![index as u8; 100_000]);
        if let Err(error) = store.commit(commit).await {
            return (index, error);
        }
        assert!(index < 1000, "it should be full by now");
    }
    unreachable!("the loop ends by returning")
}

async fn has(store: &Store, count: usize) -> bool {
    for index in 0..count {
        let entry = store.get(&key(index)).await.unwrap();
        if entry.is_none_or(|entry| entry.value != vec![index as u8; 100_000]) {
            return false;
        }
    }
    true
}

fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::StorageFull) || error.source().is_some_and(is_disk_full)
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    for engine in ENGINES {
        let Some(disk) = SmallDisk::mount() else { return };
        let store = open(&disk.data(), engine, 0).await;
        let (count, error) = fill(&store).await;
        assert!(count > 5, "{engine}: {count}");
        assert!(matches!(error, CommitError::OutcomeUnknown(_)), "{engine}: {error:?}");
        assert!(is_disk_full(&error), "{engine}: {error:?}");
        let later = store.commit(Commit::new().delete(key(0))).await.unwrap_err();
        assert!(matches!(later, CommitError::Unavailable(_)), "{engine}: {later:?}");
        store.close().await;

        fs::remove_file(disk.ballast()).unwrap();
        let store = open(&disk.data(), engine, 0).await;
        assert!(has(&store, count).await, "{engine}: all {count} are there");
        store.commit(Commit::new().put(key(count + 1), "more")).await.unwrap();
        store.close().await;
        assert!(has(&open(&disk.data(), engine, 0).await, count).await);
    }
}

#[tokio::test]
async fn with_a_reserve_it_goes_on_once_there_is_room() {
    for engine in ENGINES {
        let Some(disk) = SmallDisk::mount() else { return };
        let store = open(&disk.data(), engine, 12 * MIB as u64).await;
        let (count, error) = fill(&store).await;
        assert!(matches!(error, CommitError::Full(_)), "{engine}: {error:?}");
        assert!(has(&store, count).await, "{engine}: all {count} can be read");
        store.commit(Commit::new().delete(key(0)).delete(key(1))).await.unwrap();
        fs::remove_file(disk.ballast()).unwrap();
        store.commit(Commit::new().put(key(0), vec![0; 100_000])).await.unwrap();
        store.commit(Commit::new().put(key(1), vec![1; 100_000])).await.unwrap();
        assert!(has(&store, count).await, "{engine}");
        store.close().await;
    }
}
