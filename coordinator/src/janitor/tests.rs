//! Each step on a store in memory, from records as they are written.

use std::time::Duration;

use tamer_model::{
    Action, Batch, BatchId, Content, FetchFile, Fingerprint, HostId, KeptOutput, KeptStream,
    Outcome, Spot, TaskEnd, TaskId, TaskRecord, TaskState, Timestamp,
};
use tamer_store::{Commit, Key, Prefix, Store};

use super::{Retention, batches, contents, keys_of, outputs, targets};
use crate::contents::{Begun, ContentLimits, Contents};
use crate::state::{KeptRecord, StoredOutput, decode, encode, keys};

const DAY: u64 = 24 * 3600 * 1000;
/// Far enough from the epoch that a hundred days before it are times too.
const NOW: Timestamp = Timestamp::from_millis(1000 * DAY);

fn ago(days: u64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() - days * DAY)
}

fn id(made: Timestamp) -> BatchId {
    BatchId::at(made.as_millis(), [7; 4])
}

/// A batch that was made and ended so many days ago, or has not ended.
fn batch(made: u64, ended: Option<u64>) -> Batch {
    let state = if ended.is_some() { "succeeded" } else { "running" };
    let json = format!(
        r#"{{"id":"{}","command":{{"argv":["true"],"grace_ms":1,"output_limit":1}},"selector":"",
            "targets":1,"created_by":"a","created_at":{},"lost_wait_ms":1,"cancel":null,
            "state":"{state}","ended_at":null,"counts":{{}}}}"#,
        id(ago(made)),
        ago(made).as_millis()
    );
    let batch: Batch = serde_json::from_str(&json).expect("a batch");
    Batch { ended_at: ended.map(ago), ..batch }
}

fn task(batch: BatchId, host: u8) -> TaskId {
    TaskId::at(batch, Spot { host: HostId::from_bytes([host; 10]), item: 0 })
}

/// Writes a batch with two tasks, each with `output` bytes.
async fn write(store: &Store, batch: &Batch, output: usize, fetched: Option<Content>) {
    let id = batch.id;
    let mut commit = Commit::new()
        .put(keys::batch(id), encode(batch))
        .put(keys::recent(batch.created_at, id), encode(&id))
        .put(keys::targets(id), encode::<Vec<()>>(&Vec::new()))
        .put(keys::targets_chunk(id, 1), encode::<Vec<()>>(&Vec::new()));
    for host in 0..2 {
        let stdout = KeptStream { head: vec![b'x'; output], tail: Vec::new(), total: 99 };
        let kept = KeptOutput { stdout, stderr: KeptStream::default() };
        let end = TaskEnd { fetched, ..TaskEnd::without_times(Outcome::Succeeded, "") };
        let record = TaskRecord { state: TaskState::Ended(end), ..TaskRecord::PENDING };
        commit = commit
            .put(keys::task(task(id, host)), encode(&record))
            .put(keys::output(task(id, host)), encode(&StoredOutput::from(kept)));
    }
    store.commit(commit).await.expect("it is written");
}

async fn all(store: &Store) -> Vec<Key> {
    keys_of(store, &Prefix::everything()).await.expect("keys")
}

async fn kept(store: &Store) -> Vec<BatchId> {
    let keys = keys_of(store, &keys::batches()).await.expect("keys");
    keys.iter().map(|key| keys::tail(key).parse().expect("an id")).collect()
}

async fn get<T: serde::de::DeserializeOwned>(store: &Store, key: &Key) -> T {
    let entry = store.get(key).await.expect("it reads").expect("it is there");
    decode(key, &entry.value).expect("it is a record")
}

#[tokio::test]
async fn batches_go_by_number_and_by_age_and_leave_nothing() {
    let store = Store::memory();
    let made = [(100, Some(91)), (99, Some(1)), (98, None), (2, Some(2)), (1, Some(1))];
    for (made, ended) in made {
        write(&store, &batch(made, ended), 10, None).await;
    }
    let keep = Retention { batches: 10, ..Retention::default() };
    batches::remove(&store, &keep, NOW).await.expect("removed");
    // Its end counts, not its beginning; and one that runs is as old as it likes.
    assert_eq!(kept(&store).await, [99, 98, 2, 1].map(|made| id(ago(made))));
    let keep = Retention { batches: 1, batch_days: 0, ..keep };
    batches::remove(&store, &keep, NOW).await.expect("removed");
    assert_eq!(kept(&store).await, [98, 1].map(|made| id(ago(made))));
    let keep = Retention { batches: 0, ..keep };
    batches::remove(&store, &keep, NOW).await.expect("removed");
    let left = all(&store).await;
    let running = id(ago(98)).to_string();
    assert!(left.iter().all(|key| key.to_string().contains(&running)), "{left:?}");
}

#[tokio::test]
async fn a_removal_that_was_cut_off_is_finished() {
    let store = Store::memory();
    let old = batch(100, Some(100));
    write(&store, &old, 10, None).await;
    // As a crash leaves it: the record of the batch is gone, the list and one output are not.
    let mut gone = all(&store).await;
    let stays = [keys::recent(old.created_at, old.id), keys::output(task(old.id, 1))];
    gone.retain(|key| !stays.contains(key));
    super::delete(&store, gone).await.expect("deleted");
    batches::remove(&store, &Retention::default(), NOW).await.expect("removed");
    assert_eq!(all(&store).await, []);
}

#[tokio::test]
async fn the_output_of_the_oldest_goes_first_and_says_so() {
    let store = Store::memory();
    for (made, ended) in [(5, Some(5)), (4, None), (3, Some(3)), (2, Some(2))] {
        write(&store, &batch(made, ended), 1000, None).await;
    }
    // Four batches of two outputs of a little more than 1000 bytes.
    outputs::remove(&store, 10_000).await.expect("all of it fits");
    let bytes = |made| {
        let (store, key) = (store.clone(), keys::kept(id(ago(made))));
        async move { get::<KeptRecord>(&store, &key).await.output_bytes }
    };
    let one = bytes(5).await;
    assert!((2000..2300).contains(&one), "{one}");
    let removed = |made| {
        let (store, key) = (store.clone(), keys::output(task(id(ago(made)), 1)));
        async move { get::<StoredOutput>(&store, &key).await.is_removed() }
    };
    outputs::remove(&store, 3 * one).await.expect("removed");
    let now = [removed(5).await, removed(4).await, removed(3).await, removed(2).await];
    assert_eq!(now, [true, false, false, false]);
    assert_eq!(bytes(5).await, 0);
    // That of a batch that runs stays, whatever it takes; and a pass that finds enough does nothing.
    let before = store.revision().await.expect("a revision");
    outputs::remove(&store, 3 * one).await.expect("nothing to do");
    assert_eq!(store.revision().await.expect("a revision"), before);
    outputs::remove(&store, 0).await.expect("removed");
    let now = [removed(5).await, removed(4).await, removed(3).await, removed(2).await];
    assert_eq!(now, [true, false, true, true]);
    let key = keys::output(task(id(ago(2)), 0));
    let kept = KeptOutput::from(get::<StoredOutput>(&store, &key).await);
    assert_eq!((kept.stdout.head.len(), kept.stdout.total), (0, 99));
    assert_eq!(kept_tasks(&store).await, 8, "tasks stay");
}

async fn kept_tasks(store: &Store) -> usize {
    let prefix = Prefix::new("task/").expect("a prefix");
    keys_of(store, &prefix).await.expect("keys").len()
}

#[tokio::test]
async fn an_output_removal_that_was_cut_off_is_finished() {
    let store = Store::memory();
    let old = batch(5, Some(5));
    write(&store, &old, 1000, None).await;
    outputs::remove(&store, u64::MAX).await.expect("added up");
    let key = keys::output(task(old.id, 0));
    let without = get::<StoredOutput>(&store, &key).await.without_bytes();
    store.commit(Commit::new().put(key, encode(&without))).await.expect("written");
    outputs::remove(&store, 0).await.expect("removed");
    let other: StoredOutput = get(&store, &keys::output(task(old.id, 1))).await;
    assert!(other.is_removed());
    assert_eq!(get::<KeptRecord>(&store, &keys::kept(old.id)).await.output_bytes, 0);
}

#[tokio::test]
async fn targets_of_a_batch_that_never_came_to_be_go_after_an_hour() {
    let store = Store::memory();
    let minute = |minutes: u64| Timestamp::from_millis(NOW.as_millis() - minutes * 60_000);
    let real = batch(1, Some(1));
    write(&store, &real, 10, None).await;
    let chunks = |id: BatchId| {
        let all = [keys::targets_chunk(id, 1), keys::targets_chunk(id, 2)];
        all.into_iter().fold(Commit::new(), |commit, key| commit.put(key, b"[]".to_vec()))
    };
    let (old, fresh) = (id(minute(61)), id(minute(59)));
    store.commit(chunks(old)).await.expect("written");
    store.commit(chunks(fresh)).await.expect("written");
    let mut seen = None;
    targets::remove(&store, &mut seen, NOW).await.expect("removed");
    let left = keys_of(&store, &keys::every_target()).await.expect("keys");
    assert_eq!(left.len(), 4, "{left:?}");
    assert_eq!(seen, Some(old), "what was seen to is not looked at again");
    let later = NOW.plus(Duration::from_secs(120));
    targets::remove(&store, &mut seen, later).await.expect("removed");
    let left = keys_of(&store, &keys::every_target()).await.expect("keys");
    assert_eq!(left, [keys::targets(real.id), keys::targets_chunk(real.id, 1)]);
}

/// Puts a content of one byte.
async fn put(contents: &Contents, byte: u8) -> Content {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[byte]);
    let digest = Fingerprint::from_bytes(digest.as_ref().try_into().expect("32 bytes"));
    let content = Content { digest, size: 1 };
    let Ok(Begun::Writer(mut writer)) = contents.writer(content, 0).await else {
        panic!("it cannot be written")
    };
    writer.write(0, bytes::Bytes::copy_from_slice(&[byte])).await.expect("written");
    writer.finish().await.expect("whole");
    content
}

fn push(content: Content) -> Action {
    let json = format!(
        r#"{{"content":{},"path":"/x","folders":false}}"#,
        serde_json::to_string(&content).expect("json")
    );
    Action::Push(serde_json::from_str(&json).expect("a push"))
}

#[tokio::test]
async fn contents_go_when_nothing_needs_them() {
    let (store, folder) = (Store::memory(), tempfile::tempdir().expect("a folder"));
    let contents = Contents::open(folder.path(), ContentLimits::default()).expect("it opens");
    let mut all = Vec::new();
    for byte in 0..5 {
        all.push(put(&contents, byte).await);
    }
    let [pushed, undone, scheduled, fetched, unneeded] = all[..] else { panic!("five") };
    let pushing =
        Batch { action: push(pushed), undo: Some(Box::new(push(undone))), ..batch(3, None) };
    write(&store, &pushing, 1, None).await;
    let action = Action::Fetch(FetchFile { path: "/x".into(), limit: 1, timeout_ms: None });
    let fetching = Batch { action, ..batch(2, Some(2)) };
    write(&store, &fetching, 1, Some(fetched)).await;
    let spec = tamer_model::BatchSpec::new(push(scheduled), Default::default());
    let schedule = serde_json::json!({ "name": "nightly", "spec": spec });
    let key = Key::new("schedule/nightly").expect("a key");
    store.commit(Commit::new().put(key.clone(), encode(&schedule))).await.expect("written");

    let has = |wanted: &[Content]| {
        all.iter().all(|one| contents.holds(&one.digest) == wanted.contains(one))
    };
    let mut known = contents::Fetched::default();
    let clock = crate::clock::now();
    let soon = clock.plus(Duration::from_secs(23 * 3600));
    contents::remove(&store, &contents, &mut known, soon).await.expect("nothing to do");
    assert!(has(&all), "a content is kept for a day");
    let late = clock.plus(Duration::from_secs(25 * 3600));
    contents::remove(&store, &contents, &mut known, late).await.expect("removed");
    assert!(has(&[pushed, undone, scheduled, fetched]), "{unneeded:?} alone is gone");
    // The schedule goes, and the batch that fetched.
    super::delete(&store, vec![key]).await.expect("deleted");
    let keep = Retention { batches: 0, ..Retention::default() };
    batches::remove(&store, &keep, NOW).await.expect("removed");
    contents::remove(&store, &contents, &mut known, late).await.expect("removed");
    assert!(has(&[pushed, undone]));
}
