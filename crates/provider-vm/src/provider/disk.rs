//! The files of a machine: its disk and its seed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tamer_provider::{Fault, FaultKind, Progress, ProgressSink, Result};

use crate::faults::of_io;
use crate::machine::{DiskFile, DiskMode};
use crate::seed::Seed;
use crate::{platform, qcow2};

/// What is copied at once, and how often progress is told.
const PIECE: usize = 4 << 20;

/// What to make.
pub(super) struct Order {
    /// In which folder.
    pub folder: PathBuf,
    /// Of what.
    pub source: Option<(PathBuf, DiskMode)>,
    /// How large, in bytes.
    pub bytes: Option<u64>,
    /// What the seed holds.
    pub seed: Option<Seed>,
}

/// Makes the files. Dropped in the middle, it stops soon; what is there by then is the caller's.
pub(super) async fn make(order: Order, progress: ProgressSink) -> Result<Option<DiskFile>> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    let work = tokio::task::spawn_blocking(move || write(&order, &progress, &stop));
    match work.await {
        Ok(made) => made,
        Err(error) => {
            Err(Fault::new(FaultKind::Failed, "the disk was not made").said(error.to_string()))
        }
    }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn write(order: &Order, progress: &ProgressSink, stop: &AtomicBool) -> Result<Option<DiskFile>> {
    let made = platform::make_folder(&order.folder).and_then(|()| match &order.seed {
        Some(seed) => std::fs::write(order.folder.join("seed.img"), seed.image()?),
        None => Ok(()),
    });
    made.map_err(|error| failed(&order.folder, &error))?;
    let Some((source, mode)) = &order.source else { return Ok(None) };
    let shape = look(source)?;
    let path = match mode {
        DiskMode::Use => source.clone(),
        DiskMode::Overlay => order.folder.join("disk.qcow2"),
        DiskMode::Copy => order.folder.join(format!("disk.{}", shape.format)),
    };
    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| Fault::spec("disk", "its path is no text"))
    };
    let format = match mode {
        DiskMode::Overlay => {
            let bytes = order.bytes.unwrap_or(shape.bytes);
            if bytes < shape.bytes {
                let what = format!("the disk has {} bytes already", shape.bytes);
                return Err(Fault::spec("limits.disk_bytes", what)
                    .remedy("ask for as much or more: a disk is never cut"));
            }
            let layer = qcow2::overlay(bytes, &text(source)?, shape.format)
                .map_err(|error| Fault::spec("disk", error.to_string()))?;
            std::fs::write(&path, layer).map_err(|error| failed(&path, &error))?;
            "qcow2"
        }
        DiskMode::Copy => {
            copy(source, &path, progress, stop).map_err(|error| failed(&path, &error))?;
            shape.format
        }
        DiskMode::Use => shape.format,
    };
    Ok(Some(DiskFile { path: text(&path)?, format: format.to_owned() }))
}

/// How the disk is written and how large it is. A device of the host tells its length by its end.
fn look(source: &Path) -> Result<qcow2::Shape> {
    let read = || -> io::Result<qcow2::Shape> {
        let mut file = File::open(source)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        let mut begin = Vec::new();
        (&mut file).take(512).read_to_end(&mut begin)?;
        let length = file.seek(SeekFrom::End(0))?;
        Ok(qcow2::shape(&begin, length))
    };
    let shown = source.display();
    read().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Fault::new(FaultKind::NotFound, format!("there is no disk image {shown}"))
                .on("disk")
                .remedy("give a path that is on the host; `tamerctl image ls` shows what is there")
        }
        io::ErrorKind::PermissionDenied => {
            Fault::new(FaultKind::Permission, format!("cannot read {shown}")).on("disk")
        }
        _ => Fault::spec("disk", format!("{shown} cannot be read")).said(error.to_string()),
    })
}

/// Copies what is not zero: a disk is mostly empty.
fn copy(from: &Path, to: &Path, progress: &ProgressSink, stop: &AtomicBool) -> io::Result<()> {
    let mut source = File::open(from)?;
    let total = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    let mut target = File::create_new(to)?;
    target.set_len(total)?;
    let mut piece = vec![0; PIECE];
    let mut done = 0;
    while done < total {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "it was cancelled"));
        }
        let length = usize::try_from(total - done).map_or(PIECE, |left| left.min(PIECE));
        source.read_exact(&mut piece[..length])?;
        if piece[..length].iter().any(|byte| *byte != 0) {
            target.seek(SeekFrom::Start(done))?;
            target.write_all(&piece[..length])?;
        }
        done += length as u64;
        progress.tell(Progress {
            what: format!("copying {}", from.display()),
            done_bytes: Some(done),
            total_bytes: Some(total),
        });
    }
    target.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> Fault {
    let kind = match of_io(error) {
        // It is our own disk that fails, not libvirt.
        FaultKind::Unavailable => FaultKind::Failed,
        kind => kind,
    };
    Fault::new(kind, format!("cannot write {}", path.display())).said(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tamer_provider::FaultKind;

    use super::*;

    struct Shelf(tempfile::TempDir);

    impl Shelf {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn file(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, content).expect("written");
            path
        }

        async fn make(
            &self,
            source: &Path,
            mode: DiskMode,
            bytes: Option<u64>,
        ) -> Result<Option<DiskFile>> {
            let folder = self.0.path().join("machine");
            let source = Some((source.to_owned(), mode));
            let order = Order { folder, source, bytes, seed: None };
            make(order, ProgressSink::none()).await
        }
    }

    /// What QEMU's own tool says of a disk; none when it is not installed.
    #[expect(clippy::print_stderr, reason = "a test that skips tells the person who runs it")]
    fn told(arguments: &[&str]) -> Option<String> {
        match Command::new("qemu-img").args(arguments).output() {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(
                    output.status.success(),
                    "{text}{}",
                    String::from_utf8_lossy(&output.stderr)
                );
                Some(text)
            }
            Err(error) => {
                let required = std::env::var_os("TAMER_REQUIRE_PEERS").is_some_and(|v| v == "1");
                assert!(!required, "TAMER_REQUIRE_PEERS=1, and qemu-utils is missing: {error}");
                eprintln!("SKIPPED: qemu-utils is not installed");
                None
            }
        }
    }

    #[tokio::test]
    async fn a_layer_is_what_qemu_takes_for_one() {
        let shelf = Shelf::new();
        let base = shelf.file("base.img", &[b'x'; 3 << 20]);
        let made = shelf.make(&base, DiskMode::Overlay, Some(5 << 30)).await.expect("made");
        let made = made.expect("a disk");
        assert_eq!(made.format, "qcow2");
        if let Some(text) = told(&["check", "--output=json", &made.path]) {
            assert!(text.contains("\"check-errors\": 0"), "{text}");
            let text = told(&["info", "--output=json", &made.path]).expect("it was there");
            let info: serde_json::Value = serde_json::from_str(&text).expect("json");
            assert_eq!(info["virtual-size"], 5_u64 << 30, "{text}");
            assert_eq!(info["backing-filename"], base.to_str().expect("text"), "{text}");
            assert_eq!(info["backing-filename-format"], "raw", "{text}");
            let flat = shelf.0.path().join("flat");
            let flat = flat.to_str().expect("text");
            told(&["convert", "-O", "raw", &made.path, flat]).expect("it was there");
            let mut begin = Vec::new();
            File::open(flat).expect("made").take(4 << 20).read_to_end(&mut begin).expect("read");
            assert!(begin[..3 << 20].iter().all(|byte| *byte == b'x'), "the base shows through");
            assert!(begin[3 << 20..].iter().all(|byte| *byte == 0), "and nothing after it");
        }
    }

    #[tokio::test]
    async fn a_copy_is_the_same_and_leaves_its_source_alone() {
        let shelf = Shelf::new();
        let mut content = vec![0; (9 << 20) + 512];
        content[5 << 20] = 7;
        *content.last_mut().expect("not empty") = 9;
        let base = shelf.file("base.img", &content);
        let made = shelf.make(&base, DiskMode::Copy, None).await.expect("made").expect("a disk");
        assert_eq!(made.format, "raw");
        assert!(std::fs::read(&made.path).expect("read") == content, "the copy is another");
        let used = shelf.make(&base, DiskMode::Use, None).await.expect("made").expect("a disk");
        assert_eq!(Path::new(&used.path), base);
    }

    #[tokio::test]
    async fn what_cannot_be_is_refused_by_its_field() {
        let shelf = Shelf::new();
        let base = shelf.file("base.img", &[0; 4096]);
        let none = shelf.0.path().join("none");
        for (source, bytes, kind, field) in [
            (&none, None, FaultKind::NotFound, "disk"),
            (&shelf.0.path().to_owned(), None, FaultKind::InvalidSpec, "disk"),
            (&base, Some(512), FaultKind::InvalidSpec, "limits.disk_bytes"),
        ] {
            let fault = shelf.make(source, DiskMode::Overlay, bytes).await.expect_err("refused");
            assert_eq!((fault.kind, fault.field.as_deref()), (kind, Some(field)), "{fault:?}");
        }
    }
}
