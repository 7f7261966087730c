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
