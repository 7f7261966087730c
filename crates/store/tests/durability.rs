//! What the kernel sees: each answer comes after a sync of the right file that began after the
//! last write to it had returned.
//!
//! Needs `strace`. TAMER_SKIP_STRACE=1 skips it, aloud.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod child;

use std::{collections::HashMap, env, fs, process::Command};

use child::{Orders, open, say};
use tamer_store::{Commit, EngineKind, Key, MAX_VALUE};
use tempfile::tempdir;
use tokio::runtime::Runtime;

const COMMITS: usize = 40;

#[test]
#[ignore = "runs as a child process"]
fn child() {
    let Some(orders) = Orders::received() else { return };
    Runtime::new().unwrap().block_on(async {
        let store = open(&orders.dir, orders.engine).await;
        for index in 0..COMMITS {
            store.commit(commit(index)).await.unwrap();
            say(&format!("acknowledged {index}"));
        }
        store.close().await;
    });
}

/// Mostly small ones, some of the biggest value, some of as many big records as fit.
fn commit(index: usize) -> Commit {
    let key = |name: usize| Key::new(format!("key/{name}")).unwrap();
    let value = |size| vec![index as u8; size];
    match index % 10 {
        4 => (0..120).fold(Commit::new(), |all, name| all.put(key(name * 17), value(10_000))),
        9 => Commit::new().put(key(index % 15), value(MAX_VALUE)),
        _ => Commit::new().put(key(index % 15), value(100)),
    }
}

#[test]
fn sled_syncs_its_log_before_each_answer() {
    let Some((trace, file)) = check(EngineKind::Sled, "sled/db") else { return };
    // Less than one segment between syncs: see the header of the sled module.
    let most = most_between_syncs(&trace, &file);
    assert!(most < 8 * 1024 * 1024, "{most} bytes were written between two syncs");
}

#[test]
fn redb_syncs_its_file_before_each_answer() {
    check(EngineKind::Redb, "store.redb");
}

/// Traces a child and judges it; gives the trace and the data file for more. None if skipped.
fn check(engine: EngineKind, data: &str) -> Option<(String, String)> {
    if env::var_os("TAMER_SKIP_STRACE").is_some_and(|it| it == "1") {
        eprintln!("SKIPPED: TAMER_SKIP_STRACE=1, so nobody checked that {engine} syncs");
        return None;
    }
    assert!(
        Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success()),
        "strace is needed: `apt-get install strace`, or set TAMER_SKIP_STRACE=1 to go without"
    );
    let dir = tempdir().unwrap();
    let trace = dir.path().join("trace");
    let orders = Orders { dir: dir.path().join("data"), engine, seed: 0 };
    let calls = "trace=write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,msync,mmap";
    let strace = ["strace", "-f", "-y", "-s", "32", "-e", calls, "-o", trace.to_str().unwrap()];
    let output = orders.command(&strace).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let file = orders.dir.join(data).to_str().unwrap().to_owned();
    let trace = fs::read_to_string(trace).unwrap();
    assert_eq!(judge(&trace, &file), COMMITS, "every answer was seen");
    Some((trace, file))
}

/// The most bytes written to a file from one sync's beginning to the next's.
fn most_between_syncs(trace: &str, file: &str) -> usize {
    let on_file = format!("<{file}>");
    let (mut most, mut bytes) = (0, 0);
    for line in trace.lines().filter(|line| line.contains(&on_file)) {
        if line.contains(" fdatasync(") {
            bytes = 0;
        } else if let Some((_, arguments)) = line.split_once(" pwrite64(") {
            // `FD<PATH>, "DATA"..., SIZE, OFFSET`
            let size = arguments.rsplit(", ").nth(1).and_then(|size| size.parse::<usize>().ok());
            bytes += size.unwrap();
            most = most.max(bytes);
        }
    }
    most
}

/// A system call's beginning or end, on one thread.
struct Call<'a> {
    thread: &'a str,
    text: &'a str,
    begins: bool,
    ends: bool,
}

impl<'a> Call<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (thread, text) = line.split_once(' ')?;
        let text = text.trim_start();
        let begins = !text.starts_with("<...");
        let ends = !text.ends_with("<unfinished ...>");
        Some(Self { thread, text, begins, ends })
    }
}

/// Goes through a trace, fails at an answer that was too early, and counts the answers.
fn judge(trace: &str, file: &str) -> usize {
    let on_file = format!("<{file}>");
    // What each thread is in the middle of, and in which line it began.
    let mut under_way: HashMap<&str, (usize, &str)> = HashMap::new();
    let (mut last_write, mut synced_from, mut writes, mut answers) = (0, 0, 0, 0);
    for (number, line) in trace.lines().enumerate() {
        let Some(call) = Call::parse(line) else { continue };
        if call.begins {
            under_way.insert(call.thread, (number, call.text));
        }
        let Some((began, text)) = under_way.get(call.thread).copied() else { continue };
        let name = text.split('(').next().unwrap_or_default();
        let ours = text.contains(&on_file);
        assert!(!(ours && name == "mmap" && text.contains("MAP_SHARED")), "mapped: {line}");
        match name {
            "write" if call.begins && text.contains("\"acknowledged ") => {
                assert!(writes > 0, "line {number}: an answer without a write before it");
                assert!(
                    synced_from > last_write,
                    "line {number}: the last write was in line {last_write}, and the last sync \
                     that is done began in line {synced_from}"
                );
                answers += 1;
                writes = 0;
            }
            "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" if ours => {
                // Counted when it begins and when it ends: a sync must not overlap it. Lengths are
                // not judged: `fdatasync` writes them too, and redb gives back unused space, which
                // holds nothing, after its sync.
                last_write = number;
                writes += 1;
            }
            "fsync" | "fdatasync" if ours && call.ends => {
                assert!(line.trim_end().ends_with("= 0"), "a failed sync: {line}");
                synced_from = synced_from.max(began);
            }
            _ => {}
        }
        if call.ends {
            under_way.remove(call.thread);
        }
    }
    answers
}

#[test]
fn the_judge_sees_a_missing_or_early_sync() {
    const WRITE: &str = "1 pwrite64(3</d/db>, \"\"..., 5, 0) = 5\n";
    const SYNC: &str = "1 fdatasync(4</d/db>) = 0\n";
    const OTHER: &str = "1 fdatasync(4</d/tip>) = 0\n";
    const ANSWER: &str = "2 write(1<pipe:[1]>, \"acknowledged 0\\n\", 15) = 15\n";
    const BEGUN: &str = "1 fdatasync(4</d/db> <unfinished ...>\n";
    const DONE: &str = "1 <... fdatasync resumed>) = 0\n";
    const LATE: &str = "3 pwrite64(3</d/db>, \"\"..., 5, 0) = 5\n";
    let fine = |parts: &[&str]| {
        let trace = parts.concat();
        std::panic::catch_unwind(|| judge(&trace, "/d/db")).is_ok()
    };
    assert!(fine(&[WRITE, SYNC, ANSWER]));
    assert!(fine(&[WRITE, BEGUN, DONE, ANSWER]));
    assert!(!fine(&[WRITE, ANSWER]), "no sync");
    assert!(!fine(&[WRITE, OTHER, ANSWER]), "another file");
    assert!(!fine(&[SYNC, WRITE, ANSWER]), "before the write");
    assert!(!fine(&[WRITE, BEGUN, ANSWER, DONE]), "not done");
    assert!(!fine(&[WRITE, BEGUN, LATE, DONE, ANSWER]), "begun before the last write");
    assert!(!fine(&[ANSWER]), "no write");
}
