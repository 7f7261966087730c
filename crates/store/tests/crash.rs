//! `kill -9` at any moment, a hundred times: what was acknowledged is there, what was not is there
//! in full or not at all.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may")]

mod child;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    thread,
    time::Duration,
};

use bytes::Bytes;
use child::{Orders, open, say};
use fastrand::Rng;
use tamer_store::{Commit, EngineKind, Key, Prefix, Range, Revision, Store};
use tempfile::tempdir;
use tokio::runtime::Runtime;

const WRITERS: u64 = 4;
/// Records a writer keeps; older ones are deleted in the commit that adds a new one.
const KEPT: u64 = 30;
const FOLDERS: u64 = 5;
const KILLS: u64 = 10;

#[test]
fn sled_keeps_its_promise() {
    torment(EngineKind::Sled);
}

#[test]
fn redb_keeps_its_promise() {
    torment(EngineKind::Redb);
}

#[test]
#[ignore = "runs as a child process"]
fn child() {
    let Some(orders) = Orders::received() else { return };
    Runtime::new().unwrap().block_on(async {
        let store = open(&orders.dir, orders.engine).await;
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let rng = Rng::with_seed(orders.seed * WRITERS + writer);
            tasks.spawn(write(store.clone(), writer, rng));
        }
        tasks.join_next().await.unwrap().unwrap();
    });
}

/// Commits record after record, each with the counter that says it is there.
async fn write(store: Store, writer: u64, mut rng: Rng) {
    let mut number = count(&store, writer).await;
    loop {
        let size = if rng.u8(..) < 5 { 900 * 1024 } else { rng.usize(..64 * 1024) };
        let mut commit = Commit::new()
            .put(record(writer, number), content(writer, number, size))
            .put(counter(writer), (number + 1).to_string());
        if let Some(old) = number.checked_sub(KEPT) {
            commit = commit.delete(record(writer, old));
        }
        let revision = store.commit(commit).await.unwrap();
        say(&format!("acknowledged {writer} {number} {revision}"));
        number += 1;
    }
}

fn record(writer: u64, number: u64) -> Key {
    Key::new(format!("record/{writer}/{number:08}")).unwrap()
}

fn counter(writer: u64) -> Key {
    Key::new(format!("counter/{writer}")).unwrap()
}

/// Bytes that say whose they are, all the way.
fn content(writer: u64, number: u64, size: usize) -> Bytes {
    let pattern = format!("<{writer} {number} {size}>");
    pattern.bytes().cycle().take(size.max(pattern.len())).collect()
}

fn is_whole(writer: u64, number: u64, value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&value[..value.len().min(40)]);
    let size = text.split(['>', ' ']).nth(2).and_then(|size| size.parse().ok());
    size.is_some_and(|size| content(writer, number, size) == value)
}

async fn count(store: &Store, writer: u64) -> u64 {
    match store.get(&counter(writer)).await.unwrap() {
        Some(entry) => std::str::from_utf8(&entry.value).unwrap().parse().unwrap(),
        None => 0,
    }
}

fn torment(engine: EngineKind) {
    let runtime = Runtime::new().unwrap();
    for folder in 0..FOLDERS {
        let dir = tempdir().unwrap();
        for kill in 0..KILLS {
            let seed = folder * KILLS + kill;
            let acknowledged = run_and_kill(dir.path(), engine, seed);
            runtime.block_on(inspect(dir.path(), engine, seed, &acknowledged));
        }
    }
}

/// What one writer was told last: the record's number and the revision.
type Told = Option<(u64, Revision)>;

/// Lets a child write until it is killed, a moment after its first answer.
fn run_and_kill(dir: &Path, engine: EngineKind, seed: u64) -> Vec<Told> {
    let orders = Orders { dir: dir.to_owned(), engine, seed };
    let mut child = orders.command(&[]).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut told = vec![None; WRITERS as usize];
    while !hear(&mut output, &mut told) {}
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_micros(Rng::with_seed(seed).u64(0..120_000)));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    while !output.fill_buf().unwrap().is_empty() {
        hear(&mut output, &mut told);
    }
    killer.join().unwrap();
    told
}

/// Reads a line; true if it was an answer.
fn hear(output: &mut impl BufRead, told: &mut [Told]) -> bool {
    let mut line = String::new();
    assert!(output.read_line(&mut line).unwrap() > 0, "the child ended by itself");
    // A kill can cut the last line short.
    let Some(line) = line.strip_suffix('\n') else { return false };
    // The test harness says which test it runs without ending the line.
    let Some((_, numbers)) = line.split_once("acknowledged ") else { return false };
    let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
    told[usize::try_from(numbers[0]).unwrap()] = Some((numbers[1], Revision(numbers[2])));
    true
}

async fn inspect(dir: &Path, engine: EngineKind, seed: u64, told: &[Told]) {
    let store = open(dir, engine).await;
    let revision = store.revision().await.unwrap();
    for (writer, told) in (0..).zip(told) {
        let count = count(&store, writer).await;
        if let Some((number, at)) = told {
            assert!(count > *number, "{engine} {seed}: record {number} of {writer} is lost");
            assert!(revision >= *at, "{engine} {seed}: at {revision}, {at} was acknowledged");
        }
        let prefix = Prefix::new(format!("record/{writer}/")).unwrap();
        let mut rest = Some(Range::prefix(&prefix));
        let mut wanted = count.saturating_sub(KEPT)..count;
        while let Some(range) = rest {
            let page = store.range(range).await.unwrap();
            for entry in page.entries {
                let number = wanted.next();
                assert_eq!(Some(entry.key), number.map(|it| record(writer, it)), "{engine} {seed}");
                assert!(is_whole(writer, number.unwrap(), &entry.value), "{engine} {seed}");
            }
            rest = page.next;
        }
        assert_eq!(wanted.next(), None, "{engine} {seed}: a record of {writer} is missing");
    }
    store.close().await;
}
