//! A file of this host that is brought to the coordinator: read piece by piece, and watched for
//! changes while it is.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use tamer_model::{Code, Content, Problem};

use super::digest::{Digest, READ};
use super::fault::{off_thread, problem};
use crate::platform;
use crate::work::{Failure, Halt};

/// The most bytes of one piece, which is what one message may carry.
pub const PIECE: usize = 64 * 1024;

/// What a file is, and how it was when that was found.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    /// What it holds.
    pub content: Content,
    seen: Seen,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    size: u64,
    modified: Option<SystemTime>,
}

/// A file that is read from its beginning.
pub struct Reading {
    path: PathBuf,
    inner: Option<(File, Digest)>,
    at: u64,
}

impl Source {
    /// Finds out what the file holds, unless that is more than `limit` bytes. `read` is told how
    /// much was read.
    pub async fn look(path: &Path, limit: u64, halt: &mut Halt) -> Result<Self, Failure> {
        let (mut reading, metadata) = Reading::open(path).await?;
        let seen = regular(path, &metadata)?;
        if seen.size > limit {
            let message = format!(
                "{} has {} bytes, more than the limit of {limit}",
                path.display(),
                seen.size
            );
            let problem = Problem::new(Code::ResourceExhausted, message);
            return Err(problem.remedy("raise the limit of the fetch, or fetch less").into());
        }
        while reading.at < seen.size {
            halt.check().await?;
            reading.next(READ * 16).await?;
        }
        let digest = reading.finish().await?;
        let source =
            Self { path: path.to_owned(), content: Content { digest, size: seen.size }, seen };
        source.unchanged().await?;
        Ok(source)
    }

    /// Reads it again.
    pub async fn read(&self) -> Result<Reading, Problem> {
        Ok(Reading::open(&self.path).await?.0)
    }

    /// Fails when it is not as it was.
    pub async fn unchanged(&self) -> Result<(), Problem> {
        let path = self.path.clone();
        let now = off_thread(move || std::fs::metadata(path)).await;
        let now = now.map_err(|error| problem("look at", &self.path, &error))?;
        if regular(&self.path, &now)? == self.seen { Ok(()) } else { Err(self.changed()) }
    }

    /// What a file is told that changed.
    pub fn changed(&self) -> Problem {
        let message = format!("{} changed while it was read", self.path.display());
        Problem::new(Code::Conflict, message)
            .remedy("fetch it when nobody writes to it, or fetch a copy of it")
    }
}

fn regular(path: &Path, metadata: &Metadata) -> Result<Seen, Problem> {
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "no regular file" };
        let message = format!("{} is {what}", path.display());
        return Err(Problem::new(Code::WrongState, message).remedy("name a regular file"));
    }
    Ok(Seen { size: metadata.len(), modified: metadata.modified().ok() })
}

impl Reading {
    /// Reads the file that was seen at this very path.
    pub async fn in_place(path: &Path) -> Result<Self, Problem> {
        Ok(Self::with(path, platform::open_in_place).await?.0)
    }

    async fn open(path: &Path) -> Result<(Self, Metadata), Problem> {
        Self::with(path, platform::open_to_read).await
    }

    async fn with(
        path: &Path,
        open: impl FnOnce(&Path) -> io::Result<File> + Send + 'static,
    ) -> Result<(Self, Metadata), Problem> {
        let name = path.to_owned();
        let opened = off_thread(move || {
            let file = open(&name)?;
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let (file, metadata) = opened.await.map_err(|error| problem("open", path, &error))?;
        let inner = Some((file, Digest::new()));
        Ok((Self { path: path.to_owned(), inner, at: 0 }, metadata))
    }

    /// How much was read, in bytes.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// What comes next, at most `most` bytes; empty at the end.
    pub async fn next(&mut self, most: usize) -> Result<Bytes, Problem> {
        let (mut file, mut digest) = self.take()?;
        let read = off_thread(move || {
            let mut bytes = vec![0; most];
            let len = fill(&mut file, &mut bytes)?;
            bytes.truncate(len);
            digest.update(&bytes);
            Ok((file, digest, bytes))
        });
        let (file, digest, bytes) =
            read.await.map_err(|error| problem("read", &self.path, &error))?;
        self.inner = Some((file, digest));
        self.at += bytes.len() as u64;
        Ok(bytes.into())
    }

    /// The digest of what was read.
    pub async fn finish(mut self) -> Result<tamer_model::Fingerprint, Problem> {
        Ok(self.take()?.1.finish())
    }

    fn take(&mut self) -> Result<(File, Digest), Problem> {
        let gone = || io::Error::other("an earlier reading failed");
        self.inner.take().ok_or_else(|| problem("read", &self.path, &gone()))
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
