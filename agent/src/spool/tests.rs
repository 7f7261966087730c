//! The spool on a real disk.

use std::fs;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tamer_model::{BatchId, HostId, StreamKind, TaskId};
use tempfile::TempDir;
use tokio::time::timeout;

use super::handle::{PATIENCE, QUEUE};
use super::pieces::PIECE;
use super::{Limits, Reader, Spool, Writer, Written};
use StreamKind::{Stderr, Stdout};

const LONG: Duration = Duration::from_secs(20);

struct Fixture {
    spool: Spool,
    folder: TempDir,
    _thread: JoinHandle<()>,
}

fn fixture(limits: Limits) -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, thread) = Spool::open(folder.path(), limits).expect("opens");
    Fixture { spool, folder, _thread: thread }
}

fn task(number: u8) -> TaskId {
    TaskId::of_host(BatchId::from_bytes([number; 10]), HostId::from_bytes([2; 10]))
}

/// Bytes whose place can be told from any eight of them.
fn numbered(from: u64, len: u64) -> Vec<u8> {
    assert_eq!((from % 8, len % 8), (0, 0));
    (from / 8..(from + len) / 8).flat_map(u64::to_be_bytes).collect()
}

/// Writes as a command does, whose pipe is read no faster than the disk takes it.
async fn write(writer: &mut Writer, stream: StreamKind, bytes: &[u8]) {
    for chunk in bytes.chunks(16 * 1024) {
        writer.push(stream, chunk);
        writer.room().await;
    }
}

async fn next(reader: &mut Reader) -> Option<Written> {
    timeout(LONG, reader.next()).await.expect("in time").expect("readable")
}

/// What there is of a stream, as runs: where each begins, and its bytes.
async fn runs(reader: &mut Reader, of: StreamKind) -> Vec<(u64, Vec<u8>)> {
    let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
    while let Some(Written { stream, offset, data }) = next(reader).await {
        if stream != of {
            continue;
        }
        match runs.last_mut() {
            Some((at, run)) if *at + run.len() as u64 == offset => run.extend(&data),
            _ => runs.push((offset, data.to_vec())),
        }
    }
    runs
}

/// Waits until the files take this much, and are this many.
async fn until_taken(spool: &Spool, bytes: u64, files: u64) {
    let began = Instant::now();
    while spool.taken() != (bytes, files) {
        assert!(began.elapsed() < LONG, "{:?} are taken", spool.taken());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn readers_get_everything_from_where_they_ask() {
    let Fixture { spool, .. } = &fixture(Limits::default());
    assert!(spool.read(task(1), 0, 0, true).is_none(), "not known");
    let mut writer = spool.begin(task(1));
    let all = numbered(0, 20 * PIECE);
    let mut follower = spool.read(task(1), 0, 0, true).expect("known");
    let mut late = spool.read(task(1), 8 * 1000, 3, true).expect("known");
    let early = async {
        let mut seen: Vec<u8> = Vec::new();
        while let Some(written) = next(&mut follower).await {
            if written.stream == Stdout {
                assert_eq!(written.offset, seen.len() as u64, "no gap");
                seen.extend(&written.data);
            }
        }
        seen
    };
    let writing = async {
        write(&mut writer, Stdout, &all[..PIECE as usize]).await;
        write(&mut writer, Stderr, b"ohno").await;
        // What there is now, though the task goes on.
        let mut now = spool.read(task(1), 0, 0, false).expect("known");
        assert_eq!(runs(&mut now, Stdout).await, [(0, all[..PIECE as usize].to_vec())]);
        write(&mut writer, Stdout, &all[PIECE as usize..]).await;
        drop(writer);
    };
    let (seen, late, ()) = tokio::join!(early, runs(&mut late, Stdout), writing);
    assert!(seen == all && late == [(8000, all[8000..].to_vec())]);
    for follow in [true, false] {
        let mut after = spool.read(task(1), all.len() as u64 - 8, 1, follow).expect("known");
        assert_eq!(next(&mut after).await.expect("a piece").data, all[all.len() - 8..]);
        assert_eq!(next(&mut after).await.expect("a piece").data, b"hno"[..]);
        assert_eq!(next(&mut after).await, None);
        let mut beyond = spool.read(task(1), u64::MAX, u64::MAX, follow).expect("known");
        assert_eq!(next(&mut beyond).await, None);
    }
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed_and_nobody_waits_for_it() {
    let limits = Limits { stream_bytes: 4 * PIECE, ..Limits::default() };
    let Fixture { spool, .. } = &fixture(limits);
    let mut writer = spool.begin(task(1));
    let mut slow = spool.read(task(1), 0, 0, true).expect("known");
    let all = numbered(0, 100 * PIECE);
    write(&mut writer, Stdout, &all[..8 * 100]).await;
    assert_eq!(next(&mut slow).await.expect("a piece").data, all[..8 * 100]);
    // It does not read on, and another does.
    let mut quick = spool.read(task(1), 0, 0, true).expect("known");
    let (mut written, mut seen) = (8 * 100, 0);
    for part in all[8 * 100..].chunks(PIECE as usize) {
        write(&mut writer, Stdout, part).await;
        written += part.len();
        while seen < written {
            let Written { offset, data, .. } = next(&mut quick).await.expect("a piece");
            assert!(offset as usize == seen && data == all[seen..seen + data.len()]);
            seen += data.len();
        }
    }
    drop(writer);
    assert_eq!(next(&mut quick).await, None, "it missed nothing");
    let runs = runs(&mut slow, Stdout).await;
    let [(at, rest)] = &runs[..] else { panic!("{} runs", runs.len()) };
    assert!(*at > 800 && rest.len() as u64 <= 4 * PIECE && *rest == all[*at as usize..]);
}

#[tokio::test]
async fn all_together_take_no_more_than_they_may() {
    let limits = Limits { stream_bytes: 8 * PIECE, total_bytes: 16 * PIECE };
    let Fixture { spool, .. } = &fixture(limits);
    let all = numbered(0, 10 * PIECE);
    let mut writers: Vec<_> = (0..4).map(|number| spool.begin(task(number))).collect();
    for writer in &mut writers {
        write(writer, Stdout, &all).await;
    }
    // Eight, then half of what is left: none takes more than it leaves for those that come.
    until_taken(spool, (8 + 4 + 2 + 1) * PIECE, 4).await;
    for (number, kept) in [(0, 8), (1, 4), (2, 2), (3, 1)] {
        let mut reader = spool.read(task(number), 0, 0, false).expect("known");
        let from = (10 - kept) * PIECE;
        assert!(runs(&mut reader, Stdout).await == [(from, all[from as usize..].to_vec())]);
    }
    // The files of those that have ended make room, the longest ended first.
    writers.truncate(1);
    let mut more = spool.begin(task(9));
    write(&mut more, Stdout, &all[..4 * PIECE as usize]).await;
    let mut reader = spool.read(task(9), 0, 0, false).expect("known");
    assert!(runs(&mut reader, Stdout).await == [(0, all[..4 * PIECE as usize].to_vec())]);
    let mut gone = spool.read(task(1), 0, 0, true).expect("known");
    let nothing = Written { stream: Stdout, offset: 10 * PIECE, data: bytes::Bytes::new() };
    assert_eq!(next(&mut gone).await, Some(nothing), "how much there was is known still");
    assert_eq!(next(&mut gone).await, None);
}

#[tokio::test]
async fn files_are_bounded_and_go_with_the_task_or_its_last_reader() {
    let Fixture { spool, folder, .. } = &fixture(Limits::default());
    let mut reader = None;
    for number in 0..200 {
        let mut writer = spool.begin(task(number));
        write(&mut writer, Stdout, b"out").await;
        write(&mut writer, Stderr, b"err").await;
        drop(writer);
        reader = spool.read(task(number), 0, 0, true);
        let mut all = spool.read(task(number), 0, 0, true).expect("known");
        assert_eq!(runs(&mut all, Stderr).await, [(0, b"err".to_vec())], "{number}");
    }
    assert_eq!(spool.taken().1, super::disk::MAX_FILES);
    // Whatever kills the agent, nothing of it has a name that could stay.
    assert_eq!(fs::read_dir(folder.path().join("spool")).expect("a folder").count(), 0);
    (0..200).for_each(|number| spool.remove(task(number)));
    until_taken(spool, 2 * PIECE, 2).await;
    assert!(spool.read(task(199), 0, 0, true).is_none(), "forgotten");
    let mut reader = reader.expect("known");
    assert_eq!(runs(&mut reader, Stdout).await, [(0, b"out".to_vec())], "it reads on");
    drop(reader);
    assert_eq!(spool.taken(), (0, 0));
}

#[tokio::test]
async fn what_an_earlier_life_left_is_swept() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().join("spool");
    fs::create_dir(&spool).expect("made");
    fs::write(spool.join("left"), "over").expect("written");
    let (_spool, _thread) = Spool::open(folder.path(), Limits::default()).expect("opens");
    assert_eq!(fs::read_dir(&spool).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_disk_that_fails_stops_the_spool_and_not_the_command() {
    let Fixture { spool, folder, .. } = &fixture(Limits::default());
    fs::remove_dir(folder.path().join("spool")).expect("removed");
    let mut writer = spool.begin(task(1));
    write(&mut writer, Stdout, &numbered(0, PIECE)).await;
    drop(writer);
    let mut reader = spool.read(task(1), 0, 0, true).expect("known");
    assert_eq!(runs(&mut reader, Stdout).await, [(PIECE, Vec::new())]);
    // Nothing kept is nothing written.
    let Fixture { spool, .. } = &fixture(Limits { stream_bytes: 0, ..Limits::default() });
    let mut writer = spool.begin(task(1));
    write(&mut writer, Stderr, b"err").await;
    drop(writer);
    let mut reader = spool.read(task(1), 0, 0, true).expect("known");
    assert_eq!(runs(&mut reader, Stderr).await, [(3, Vec::new())]);
}

#[tokio::test]
async fn a_disk_that_hangs_is_waited_for_once_and_leaves_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, disk, waiting) = Spool::new(folder.path().to_owned(), Limits::default());
    let mut writer = spool.begin(task(1));
    let all = numbered(0, 2 * QUEUE as u64);
    let began = Instant::now();
    write(&mut writer, Stdout, &all).await;
    assert!((PATIENCE..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
    let again = Instant::now();
    writer.room().await;
    assert!(again.elapsed() < PATIENCE, "it is not waited for twice");
    let thread = std::thread::spawn(move || disk.run(waiting));
    // It has caught up, and what comes now is there again.
    let mut reader = spool.read(task(1), 0, 0, false).expect("known");
    let end = all.len() as u64;
    assert!(runs(&mut reader, Stdout).await == [(0, all[..QUEUE].to_vec()), (end, Vec::new())]);
    write(&mut writer, Stdout, b"again").await;
    drop(writer);
    let mut reader = spool.read(task(1), QUEUE as u64, 0, true).expect("known");
    assert_eq!(runs(&mut reader, Stdout).await, [(end, b"again".to_vec())]);
    drop((reader, spool));
    thread.join().expect("it ends with the last handle");
}
