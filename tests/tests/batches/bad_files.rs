//! Bad input, continued: files that change on their way, and a disk that is full.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tamer_tests::Process;

use crate::scene::{SOON, Scene};
use crate::told::{task, text};

/// Changes bytes all over a file for as long as `work` takes.
fn while_changing<T>(path: &str, work: impl FnOnce() -> T) -> T {
    let file = fs::File::options().write(true).open(path).expect("the file");
    let size = file.metadata().expect("its size").len();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0u64;
            while !done.load(Ordering::Relaxed) {
                round += 1;
                // Far apart, so that every part of the file changes many times while it is read.
                for at in (0..size).step_by(64 * 1024) {
                    file.write_all_at(&round.to_le_bytes(), at).expect("a write");
                }
            }
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        worked
    })
}

/// The file changes between the moment its digest was made and the moment it is sent.
pub fn changed_here(scene: &mut Scene) {
    let before = scene.newest();
    let local = scene.file("restless", vec![b'x'; 8 << 20]);
    let push = format!("{local}:{}", scene.path("never"));
    let line = ["run", "--host", "host1", "--push", &push];
    let told = while_changing(&local, || scene.ctl.refused(1, &line));
    assert!(text(&told, "message").contains("changed"), "{told:#}");
    assert_eq!(scene.newest(), before, "nothing was made");
    assert!(!Path::new(&scene.path("never")).exists());
}

/// The host's file changes while it is brought.
pub fn changed_there(scene: &mut Scene) {
    let remote = scene.file("busy.log", vec![b'x'; 32 << 20]);
    let to = scene.path("brought");
    let line = ["--host", "host1", "--fetch", &remote, "--to", &to];
    let batch = while_changing(&remote, || scene.run(1, &line));
    let problem = &task(&batch, "host1")["problem"];
    assert!(text(problem, "message").contains("changed"), "{batch:#}");
    assert!(!text(problem, "remedy").is_empty(), "{batch:#}");
    assert!(!Path::new(&to).join("host1/busy.log").exists(), "no half of it is kept");
}

/// A small disk of the target, which only root can make.
pub fn disk_full(scene: &mut Scene) {
    let disk = scene.path("disk");
    fs::create_dir(&disk).expect("a folder");
    let Some(_mount) = Mount::new(&disk) else {
        println!("SKIPPED: only root can mount a small disk");
        return;
    };
    let local = scene.file("large", vec![b'x'; 3 << 20]);
    let batch = scene.run(1, &["--host", "host1", "--push", &format!("{local}:{disk}/large")]);
    let problem = &task(&batch, "host1")["problem"];
    assert_eq!(text(problem, "code"), "resource-exhausted", "{batch:#}");
    assert!(!text(problem, "remedy").is_empty(), "{batch:#}");
    assert_eq!(fs::read_dir(&disk).expect("it").count(), 0, "nothing half-made is left");
    let small = scene.file("small", "x");
    scene.run(0, &["--host", "host1", "--push", &format!("{small}:{disk}/small")]);
}

/// A file system in memory of one MiB. It goes with this value.
struct Mount(String);

impl Mount {
    fn new(path: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs", path]);
        let ended = Process::tool("mount", &mut mount).finish(SOON);
        (ended.code() == 0).then(|| Self(path.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}
