//! What the committer owes its callers, on an engine that is watched, stopped, and made to fail.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::{
    error::Error as _,
    io,
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use super::{
    engine::{Batch, Engine},
    fault::EngineError,
    memory::MemoryEngine,
    open::{Opened, start},
    redb::RedbEngine,
    sled::SledEngine,
};
use crate::{
    Commit, CommitError, Entry, HistoryBounds, Key, Prefix, Range, Revision, Store, WatchError,
};

/// What a probe has seen, and what it is to do.
#[derive(Default)]
struct Script {
    /// The tip of the last batch whose apply has finished.
    applied: AtomicU64,
    /// The tip of the last batch that a sync has covered which began after its apply finished.
    synced: AtomicU64,
    syncs: AtomicU64,
    apply: Mutex<Option<Act>>,
    sync: Mutex<Option<Act>>,
}

/// What happens instead of, or before, the next call.
enum Act {
    /// It fails after the engine has done it: the worst case.
    FailAfter(io::ErrorKind),
    Panic,
    /// It says that it has begun, and waits to be told to go on.
    Pause(mpsc::Sender<()>, mpsc::Receiver<()>),
}

struct Probe<E> {
    engine: E,
    script: Arc<Script>,
}

fn act(
    act: &Mutex<Option<Act>>,
    work: impl FnOnce() -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    match act.lock().unwrap().take() {
        None => work(),
        Some(Act::FailAfter(kind)) => {
            work()?;
            Err(EngineError::from_io(kind.into()))
        }
        Some(Act::Panic) => panic!("a page is not where it should be"),
        Some(Act::Pause(begun, go_on)) => {
            begun.send(()).unwrap();
            go_on.recv().unwrap();
            work()
        }
    }
}

impl<E: Engine> Engine for Probe<E> {
    fn tip(&self) -> Result<Revision, EngineError> {
        self.engine.tip()
    }

    fn get(&self, key: &Key) -> Result<Option<Entry>, EngineError> {
        self.engine.get(key)
    }

    fn scan(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        self.engine.scan(start, end, visit)
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        act(&self.script.apply, || self.engine.apply(batch))?;
        self.script.applied.store(batch.tip.0, SeqCst);
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        let covered = self.script.applied.load(SeqCst);
        act(&self.script.sync, || self.engine.sync())?;
        self.script.synced.store(covered, SeqCst);
        self.script.syncs.fetch_add(1, SeqCst);
        Ok(())
    }
}

fn probed(engine: impl Engine + 'static) -> (Store, Arc<Script>) {
    let script = Arc::new(Script::default());
    let probe = Probe { engine, script: script.clone() };
    let opened = Opened {
        name: "probe",
        engine: Box::new(probe),
        revision: Revision::ZERO,
        folder: None,
        tip: None,
    };
    (start(opened, HistoryBounds::default(), 0).unwrap(), script)
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

async fn values(store: &Store) -> Vec<String> {
    let page = store.range(Range::everything()).await.unwrap();
    let show = |entry: Entry| format!("{}={}", entry.key, entry.value.escape_ascii());
    page.entries.into_iter().map(show).collect()
}

/// Many at once: few syncs, and each answer after one that covers it.
async fn shares_syncs(engine: impl Engine + 'static) {
    const WRITERS: u64 = 64;
    const EACH: u64 = 10;
    let (store, script) = probed(engine);
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (store, script) = (store.clone(), script.clone());
        tasks.spawn(async move {
            for index in 0..EACH {
                let commit = Commit::new().put(key(&format!("{writer}/{index}")), "value");
                let revision = store.commit(commit).await.unwrap();
                let synced = script.synced.load(SeqCst);
                assert!(synced >= revision.0, "{revision} was answered, {synced} is synced");
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let syncs = script.syncs.load(SeqCst);
    assert!((1..WRITERS * EACH / 4).contains(&syncs), "{syncs} syncs for {}", WRITERS * EACH);
    assert_eq!(store.revision().await.unwrap().0, WRITERS * EACH);
}

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("data");
    (dir, inside)
}

fn sled(path: &Path) -> SledEngine {
    SledEngine::open(path, 8 << 20).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sled_shares_syncs() {
    let (_dir, path) = folder();
    shares_syncs(sled(&path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redb_shares_syncs() {
    let (_dir, path) = folder();
    shares_syncs(RedbEngine::open(&path, 8 << 20).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_what_is_not_synced() {
    let (_dir, path) = folder();
    let (store, script) = probed(sled(&path));
    store.commit(Commit::new().put(key("a"), "1").put(key("b"), "1")).await.unwrap();
    let mut watch = store.watch(Prefix::everything(), Revision(2)).await.unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (go_on, told) = mpsc::channel();
    *script.sync.lock().unwrap() = Some(Act::Pause(begun, told));
    let writer = store.clone();
    let commit = Commit::new().put(key("a"), "2").delete(key("b")).put(key("c"), "2");
    let writing = tokio::spawn(async move { writer.commit(commit).await });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();

    assert_eq!(script.applied.load(SeqCst), 2, "the engine has it");
    assert_eq!(values(&store).await, ["a=1", "b=1"]);
    assert_eq!(store.get(&key("c")).await.unwrap(), None);
    assert_eq!(store.revision().await.unwrap(), Revision(1));
    tokio::time::timeout(Duration::from_millis(20), watch.next()).await.unwrap_err();
    assert!(!writing.is_finished());

    go_on.send(()).unwrap();
    assert_eq!(writing.await.unwrap().unwrap(), Revision(2));
    assert_eq!(values(&store).await, ["a=2", "c=2"]);
    assert_eq!(watch.next().await.unwrap().len(), 3);
}

/// After a failure the store is what was synced, and takes nothing more.
async fn stops(apply: Option<Act>, sync: Option<Act>, wanted: &str) {
    let (_dir, path) = folder();
    let (store, script) = probed(sled(&path));
    store.commit(Commit::new().put(key("a"), "1").put(key("b"), "1")).await.unwrap();
    let mut watch = store.watch(Prefix::everything(), Revision(2)).await.unwrap();
    *script.apply.lock().unwrap() = apply;
    *script.sync.lock().unwrap() = sync;
    let commit = Commit::new().put(key("a"), "2").delete(key("b")).put(key("c"), "2");
    match store.commit(commit).await.unwrap_err() {
        CommitError::OutcomeUnknown(fault) => assert_eq!(fault.to_string(), wanted),
        other => panic!("{other:?}"),
    }
    let later = store.commit(Commit::new().put(key("d"), "3")).await.unwrap_err();
    assert!(matches!(later, CommitError::Unavailable(_)), "{later:?}");
    assert_eq!(values(&store).await, ["a=1", "b=1"]);
    assert_eq!(store.get(&key("c")).await.unwrap(), None);
    assert_eq!(store.revision().await.unwrap(), Revision(1));
    let ended = watch.next().await.unwrap_err();
    assert!(matches!(ended, WatchError::Unavailable(_)), "{ended:?}");
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_while_applying_stops_commits() {
    let act = Act::FailAfter(io::ErrorKind::StorageFull);
    stops(Some(act), None, "the disk is full; free space on it, then restart").await;
}

#[tokio::test]
async fn a_failed_sync_stops_commits() {
    stops(None, Some(Act::FailAfter(io::ErrorKind::Other)), "the disk failed").await;
}

#[tokio::test]
async fn a_panic_while_applying_stops_commits() {
    let wanted = "the engine stopped with: a page is not where it should be";
    stops(Some(Act::Panic), None, wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_group_is_failed_for_everybody_in_it() {
    let (store, script) = probed(MemoryEngine::default());
    let (begun, has_begun) = mpsc::channel();
    let (go_on, told) = mpsc::channel();
    *script.sync.lock().unwrap() = Some(Act::Pause(begun, told));
    let send = |commit| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(commit).await })
    };
    let first = send(Commit::new().put(key("a"), "1"));
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    // These queue up behind the sync and become one group, which fails.
    let put = send(Commit::new().absent(key("b")).put(key("b"), "1"));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let conflict = send(Commit::new().absent(key("b")).put(key("b"), "2"));
    tokio::time::sleep(Duration::from_millis(20)).await;
    *script.apply.lock().unwrap() = Some(Act::FailAfter(io::ErrorKind::Other));
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
    let put = put.await.unwrap().unwrap_err();
    assert!(matches!(put, CommitError::OutcomeUnknown(_)), "{put:?}");
    assert!(put.source().is_some());
    // It would have been a conflict with a commit that perhaps never was.
    let conflict = conflict.await.unwrap().unwrap_err();
    assert!(matches!(conflict, CommitError::Unavailable(_)), "{conflict:?}");
    assert_eq!(values(&store).await, ["a=1"]);
}

#[tokio::test]
async fn sled_never_makes_a_blob() {
    let (_dir, path) = folder();
    let (store, _) = probed(sled(&path));
    for turn in 0..4_u8 {
        for index in 0..24 {
            let long = format!("{index}/{}", "k".repeat(500));
            let commit = Commit::new()
                .put(key(&format!("{index}")), vec![turn; crate::MAX_VALUE])
                .put(key(&long), vec![turn; 4096]);
            store.commit(commit).await.unwrap();
        }
    }
    assert_eq!(std::fs::read_dir(path.join("blobs")).unwrap().count(), 0);
    store.close().await;
}

#[tokio::test]
async fn sled_gives_back_space() {
    let (_dir, path) = folder();
    let (store, _) = probed(sled(&path));
    let mut written = 0;
    for turn in 0..400_usize {
        let commit = (0..100).fold(Commit::new(), |all, index| {
            all.put(key(&format!("{}", (turn * 37 + index * 13) % 2000)), vec![turn as u8; 2000])
        });
        written += commit.size();
        store.commit(commit).await.unwrap();
    }
    let size = std::fs::metadata(path.join("db")).unwrap().len();
    assert!(size < 64 << 20, "{size} bytes on disk, after {written} written for 4 MB of records");
    store.close().await;
}
