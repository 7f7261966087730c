//! Files on their way, with everything that can happen to one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tamer_model::{Code, Content, FetchFile, Outcome, PushFile, TaskEnd, Work};
use tamer_proto::wire::agent_message::Message as Said;
use tamer_proto::wire::coordinator_message::Message;
use tamer_proto::wire::{self, TaskProgress};

use crate::contents::{bytes, content, skipped, task};
use crate::coordinator::{Coordinator, Host, LIMIT};

const MIB: usize = 1024 * 1024;

fn push(content: Content, path: &Path) -> PushFile {
    let path = path.display().to_string();
    PushFile { content, path, mode: None, owner: None, folders: false, timeout_ms: None }
}

fn fetch(path: &Path) -> FetchFile {
    FetchFile { path: path.display().to_string(), limit: 64 << 20, timeout_ms: None }
}

async fn host() -> Host {
    Host::start(0, 3).await
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[track_caller]
fn succeeded(end: &TaskEnd) {
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?}");
    assert!(end.started_at.is_some() && end.duration_ms.is_some(), "{end:?}");
}

/// The code of a failure, which has a remedy.
#[track_caller]
fn code(end: &TaskEnd) -> Code {
    assert_eq!(end.outcome, Outcome::Failed { exit_code: None, signal: None }, "{end:?}");
    let problem = end.problem.as_ref().expect("a problem");
    assert_eq!(end.reason.as_ref(), Some(&problem.message));
    problem.code
}

fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").path()).collect()
}

fn progress(said: &[Said]) -> Vec<&TaskProgress> {
    let moved = said.iter().filter_map(|said| match said {
        Said::TaskProgress(progress) => Some(progress),
        _ => None,
    });
    moved.collect()
}

async fn cancel(coordinator: &Coordinator, number: u8) {
    let task = Some(task(number).into());
    coordinator.say(Message::CancelTask(wire::CancelTask { task })).await;
}

/// Waits until something of a file is beside its place; returns how much.
async fn some_came(folder: &Path) -> u64 {
    let begin = std::time::Instant::now();
    loop {
        let sizes =
            names(folder).into_iter().filter_map(|path| Some(fs::metadata(path).ok()?.len()));
        match sizes.max() {
            Some(size) if size > 0 => return size,
            _ => assert!(begin.elapsed() < LIMIT, "nothing came"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_file_is_put_once() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let text = bytes(3 * MIB + 7);
    let path = temp.path().join("motd");
    let spec = PushFile { mode: Some(0o640), ..push(coordinator.contents.hold(&text), &path) };
    let (end, output) = coordinator.run(task(1), Work::Push(spec.clone())).await;
    succeeded(&end);
    assert_eq!(output.stdout.head, format!("{}: written, 3145735 bytes\n", spec.path).as_bytes());
    assert_eq!(fs::read(&path).expect("read"), text);
    assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o640);
    assert_eq!(names(temp.path()), std::slice::from_ref(&path), "nothing else stays");

    // It is there: nothing moves, and only what was asked for changes.
    let spec = PushFile { mode: Some(0o600), ..spec };
    let (end, output) = coordinator.run(task(2), Work::Push(spec)).await;
    succeeded(&end);
    assert_eq!(end.reason.as_deref(), Some("already there"));
    assert!(output.stdout.head.ends_with(b": already there\n"));
    assert_eq!(coordinator.contents.asked(), [0]);
    assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);

    // One that replaces it has its mode, and an empty one is a file too.
    let empty = coordinator.contents.hold(b"");
    succeeded(&coordinator.run(task(3), Work::Push(push(empty, &path))).await.0);
    assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
    assert_eq!(fs::read(&path).expect("read"), b"");
}

#[tokio::test]
async fn what_is_wrong_with_a_place_is_told_and_changes_nothing() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let held = coordinator.contents.hold(b"new");
    let lost = temp.path().join("a/b/c");
    let (end, _) = coordinator.run(task(1), Work::Push(push(held, &lost))).await;
    assert_eq!(code(&end), Code::NotFound);
    let remedy = end.problem.and_then(|problem| problem.remedy).expect("a remedy");
    assert!(remedy.contains("--folders"), "{remedy}");
    let spec = PushFile { folders: true, ..push(held, &lost) };
    succeeded(&coordinator.run(task(2), Work::Push(spec)).await.0);
    assert_eq!(fs::read(&lost).expect("read"), b"new");

    let at_folder = push(held, &temp.path().join("a/b"));
    assert_eq!(code(&coordinator.run(task(3), Work::Push(at_folder)).await.0), Code::WrongState);
    let below_file = push(held, &lost.join("x"));
    assert_eq!(code(&coordinator.run(task(4), Work::Push(below_file)).await.0), Code::WrongState);
    let owner = Some("no-such-user".to_owned());
    let spec = PushFile { owner, ..push(held, &temp.path().join("x")) };
    assert_eq!(code(&coordinator.run(task(5), Work::Push(spec)).await.0), Code::NotFound);
    let elsewhere = PushFile { path: r"C:\x".to_owned(), ..push(held, &lost) };
    assert_eq!(code(&coordinator.run(task(6), Work::Push(elsewhere)).await.0), Code::InvalidField);
    let unknown = push(content(b"unknown"), &temp.path().join("x"));
    assert_eq!(code(&coordinator.run(task(7), Work::Push(unknown)).await.0), Code::NotFound);
    assert_eq!(names(temp.path()), [temp.path().join("a")]);

    // A link is replaced, and what it leads to is not touched.
    let link = temp.path().join("link");
    std::os::unix::fs::symlink(&lost, &link).expect("linked");
    let other = coordinator.contents.hold(b"other");
    succeeded(&coordinator.run(task(8), Work::Push(push(other, &link))).await.0);
    assert_eq!(fs::read(&lost).expect("read"), b"new");
    assert!(fs::symlink_metadata(&link).expect("there").is_file());
}

#[tokio::test]
async fn a_file_that_is_cut_goes_on_where_it_was() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let text = bytes(8 * MIB);
    let path = temp.path().join("big");
    let held = coordinator.contents.hold(&text);
    coordinator.contents.stall(Some(2 << 20));
    coordinator.start(task(1), Work::Push(push(held, &path))).await;
    coordinator.begun(task(1)).await;
    some_came(temp.path()).await;
    coordinator.contents.stall(None);
    coordinator.cut().await;
    let (end, _) = coordinator.end(task(1)).await;
    succeeded(&end);
    assert_eq!(fs::read(&path).expect("read"), text);
    let asked = coordinator.contents.asked();
    assert!(matches!(asked[..], [0, from] if from > 0), "{asked:?}");
    let moved = coordinator.until(0, |said| {
        progress(said).last().map(|progress| (progress.done, progress.total, progress.task.clone()))
    });
    assert_eq!(moved.await, (8 << 20, 8 << 20, Some(task(1).into())));
}

#[tokio::test]
async fn bytes_that_are_wrong_are_put_nowhere() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let right = content(&bytes(MIB));
    coordinator.contents.hold_wrong(right, &vec![7; MIB]);
    let path = temp.path().join("file");
    fs::write(&path, "old").expect("written");
    let (end, _) = coordinator.run(task(1), Work::Push(push(right, &path))).await;
    assert_eq!(code(&end), Code::StoreFailed);
    assert_eq!(fs::read(&path).expect("read"), b"old");
    assert_eq!(names(temp.path()), std::slice::from_ref(&path));
    // More than there should be.
    coordinator.contents.hold_wrong(right, &bytes(2 * MIB));
    assert_eq!(
        code(&coordinator.run(task(2), Work::Push(push(right, &path))).await.0),
        Code::StoreFailed
    );
    assert_eq!(names(temp.path()), [path]);
}

#[tokio::test]
async fn a_cancel_leaves_nothing_and_a_timeout_what_another_attempt_needs() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let text = bytes(4 * MIB);
    let path = temp.path().join("big");
    let held = coordinator.contents.hold(&text);
    coordinator.contents.stall(Some(1 << 20));
    coordinator.start(task(1), Work::Push(push(held, &path))).await;
    some_came(temp.path()).await;
    cancel(coordinator, 1).await;
    let (end, _) = coordinator.end(task(1)).await;
    assert_eq!(end.outcome, Outcome::Cancelled, "{end:?}");
    assert_eq!(names(temp.path()), [] as [PathBuf; 0]);

    let spec = PushFile { timeout_ms: Some(1000), ..push(held, &path) };
    let (end, _) = coordinator.run(task(2), Work::Push(spec.clone())).await;
    assert_eq!(end.outcome, Outcome::TimedOut, "{end:?}");
    assert!(!path.exists());
    let kept = some_came(temp.path()).await;
    // Bytes that a power cut took are found wrong, and all comes anew.
    let partial = names(temp.path()).remove(0);
    assert_eq!(fs::metadata(&partial).expect("there").mode() & 0o7777, 0o600);
    coordinator.contents.stall(None);
    let (end, _) = coordinator.run(task(2).attempt(1), Work::Push(spec.clone())).await;
    succeeded(&end);
    assert_eq!(fs::read(&path).expect("read"), text);
    assert_eq!(coordinator.contents.asked(), [0, 0, kept]);

    fs::write(&partial, vec![0; MIB]).expect("written");
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o600)).expect("set");
    fs::remove_file(&path).expect("removed");
    succeeded(&coordinator.run(task(2).attempt(2), Work::Push(spec)).await.0);
    assert_eq!(fs::read(&path).expect("read"), text);
    assert_eq!(coordinator.contents.asked(), [0, 0, kept, 1 << 20, 0]);
    assert_eq!(names(temp.path()), [path]);
}

#[tokio::test]
async fn a_few_move_at_once_and_the_others_wait_and_can_be_cancelled() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let held = coordinator.contents.hold(&bytes(2 * MIB));
    coordinator.contents.stall(Some(1 << 20));
    for number in 0..6 {
        let path = temp.path().join(number.to_string());
        fs::create_dir(&path).expect("made");
        coordinator.start(task(number), Work::Push(push(held, &path.join("file")))).await;
    }
    for number in 0..4 {
        coordinator.begun(task(number)).await;
    }
    cancel(coordinator, 5).await;
    assert_eq!(coordinator.end(task(5)).await.0.outcome, Outcome::NeverStarted);
    coordinator.contents.stall(None);
    cancel(coordinator, 0).await;
    assert_eq!(coordinator.end(task(0)).await.0.outcome, Outcome::Cancelled);
    succeeded(&coordinator.end(task(4)).await.0);
    for number in 1..4 {
        cancel(coordinator, number).await;
        coordinator.end(task(number)).await;
    }
}

/// A file system of a megabyte, or nothing where none can be mounted.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let temp = folder();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(temp.path());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(temp))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_disk_that_is_full_is_told_and_nothing_stays_on_it() {
    let Some(small) = Small::mount() else {
        skipped("a small file system can be mounted by root alone");
        return;
    };
    let host = host().await;
    let coordinator = &host.coordinator;
    let place = small.0.path();
    fs::write(place.join("file"), "old").expect("written");
    let held = coordinator.contents.hold(&bytes(2 * MIB));
    let (end, _) = coordinator.run(task(1), Work::Push(push(held, &place.join("file")))).await;
    assert_eq!(code(&end), Code::ResourceExhausted);
    let problem = end.problem.expect("a problem");
    assert!(problem.message.contains(&place.display().to_string()), "{problem}");
    assert!(problem.remedy.is_some());
    assert_eq!(names(place), [place.join("file")]);
    assert_eq!(fs::read(place.join("file")).expect("read"), b"old");
    assert_eq!(coordinator.contents.asked(), [] as [u64; 0], "it was known before anything moved");
}

#[tokio::test]
async fn a_file_is_brought_and_what_it_was_is_told() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let text = bytes(3 * MIB + 5);
    let path = temp.path().join("log");
    fs::write(&path, &text).expect("written");
    let what = content(&text);
    let (end, output) = coordinator.run(task(1), Work::Fetch(fetch(&path))).await;
    succeeded(&end);
    assert_eq!(end.fetched, Some(what));
    assert_eq!(output.stdout.head, format!("{}: 3145733 bytes\n", path.display()).as_bytes());
    assert_eq!(coordinator.contents.brought(what), text);
    // It is there; and of another only what lacks is sent.
    succeeded(&coordinator.run(task(2), Work::Fetch(fetch(&path))).await.0);
    coordinator.contents.has(what, &text[..MIB + 3]);
    succeeded(&coordinator.run(task(3), Work::Fetch(fetch(&path))).await.0);
    assert_eq!(coordinator.contents.brought(what), text);
    assert_eq!(coordinator.contents.asked(), [0, what.size, MIB as u64 + 3]);

    fs::write(temp.path().join("empty"), "").expect("written");
    let (end, _) = coordinator.run(task(4), Work::Fetch(fetch(&temp.path().join("empty")))).await;
    succeeded(&end);
    assert_eq!(end.fetched, Some(content(b"")));
}

#[tokio::test]
async fn what_cannot_be_brought_says_why() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let path = temp.path().join("file");
    fs::write(&path, "12345").expect("written");
    let small = FetchFile { limit: 4, ..fetch(&path) };
    let (end, _) = coordinator.run(task(1), Work::Fetch(small)).await;
    assert_eq!(code(&end), Code::ResourceExhausted);
    let fails = [
        (temp.path().join("none"), Code::NotFound),
        (temp.path().to_owned(), Code::WrongState),
        (path.join("below"), Code::WrongState),
        (PathBuf::from("/dev/zero"), Code::WrongState),
    ];
    let fifo = temp.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("made");
    for (number, (path, expected)) in (2..).zip(fails.into_iter().chain([(fifo, Code::WrongState)]))
    {
        let (end, _) = coordinator.run(task(number), Work::Fetch(fetch(&path))).await;
        assert_eq!(code(&end), expected, "{}", path.display());
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_brought_is_told() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let path = temp.path().join("log");
    // More than the windows of a connection hold, so that the agent reads on when it has changed.
    let text = bytes(4 * MIB);
    fs::write(&path, &text).expect("written");
    coordinator.contents.stall(Some(128 * 1024));
    coordinator.start(task(1), Work::Fetch(fetch(&path))).await;
    let begin = std::time::Instant::now();
    while coordinator.contents.brought(content(&text)).is_empty() {
        assert!(begin.elapsed() < LIMIT, "nothing came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fs::write(&path, vec![7; 4 * MIB]).expect("written");
    coordinator.contents.stall(None);
    coordinator.cut().await;
    let (end, _) = coordinator.end(task(1)).await;
    assert_eq!(code(&end), Code::Conflict, "{end:?}");
    let what = content(&text);
    assert!((coordinator.contents.brought(what).len() as u64) < what.size, "it got no end");
}

#[tokio::test]
async fn a_fetch_that_is_cut_goes_on_and_one_that_is_cancelled_ends() {
    let (host, temp) = (host().await, folder());
    let coordinator = &host.coordinator;
    let path = temp.path().join("log");
    let text = bytes(4 * MIB);
    fs::write(&path, &text).expect("written");
    coordinator.contents.stall(Some(1 << 20));
    let came = |more: usize| {
        let coordinator = coordinator.clone();
        let what = content(&text);
        async move {
            let begin = std::time::Instant::now();
            while coordinator.contents.brought(what).len() < more {
                assert!(begin.elapsed() < LIMIT, "nothing came");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    coordinator.start(task(1), Work::Fetch(fetch(&path))).await;
    came(MIB).await;
    cancel(coordinator, 1).await;
    assert_eq!(coordinator.end(task(1)).await.0.outcome, Outcome::Cancelled);
    coordinator.start(task(2), Work::Fetch(fetch(&path))).await;
    came(2 * MIB).await;
    coordinator.contents.stall(None);
    coordinator.cut().await;
    succeeded(&coordinator.end(task(2)).await.0);
    assert_eq!(coordinator.contents.brought(content(&text)), text);
    assert_eq!(coordinator.contents.asked(), [0, 1 << 20, 2 << 20]);
}

#[tokio::test]
async fn a_host_takes_what_its_owner_allows() {
    let accept = ("TAMER_AGENT_TASKS_ACCEPT", "commands,scripts");
    let host = Host::with(0, 3, &[accept]).await;
    let (end, _) =
        host.coordinator.run(task(1), Work::Fetch(fetch(Path::new("/etc/passwd")))).await;
    assert_eq!(end.outcome, Outcome::Refused);
    let reason = end.reason.expect("a reason");
    assert!(reason.contains("tasks.accept") && reason.contains("files"), "{reason}");
    let command = tamer_model::CommandSpec::new(["true"]);
    succeeded(&host.coordinator.run(task(2), Work::Command(command)).await.0);
}
