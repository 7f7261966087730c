//! A file that is on its way: what has come of it is kept, so that an attempt goes on where the one
//! before it ended, and nobody sees it before it is whole.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tamer_model::{Content, Problem};

use super::digest::{Digest, READ};
use super::fault::{off_thread, problem};
use crate::platform;
use crate::work::{Failure, Halt};

/// How much of what is there is read before it is looked whether to go on, in bytes.
const STEP: u64 = 16 * READ as u64;

/// The file, open, and what is known of it.
pub struct Partial {
    path: PathBuf,
    content: Content,
    /// With a write under way it is there.
    file: Option<Written>,
    /// How much was there at the opening.
    resumed: u64,
}

/// What was written.
struct Written {
    file: File,
    digest: Digest,
    at: u64,
}

impl Partial {
    /// Opens the file at `path`, or makes it, for its owner alone; reads what is there of it.
    pub async fn open(path: &Path, content: Content, halt: &mut Halt) -> Result<Self, Failure> {
        let mut partial = Self { path: path.to_owned(), content, file: None, resumed: 0 };
        let name = path.to_owned();
        let opened = off_thread(move || {
            let file = platform::open_partial(&name)?;
            let mut there = file.metadata()?.len();
            if there > content.size {
                // More than is to come: it is none of that.
                file.set_len(0)?;
                there = 0;
            }
            platform::reserve(&file, content.size)?;
            Ok((Written { file, digest: Digest::new(), at: 0 }, there))
        });
        let (mut written, there) = opened.await.map_err(|error| partial.failed("write", &error))?;
        while written.at < there {
            halt.check().await?;
            let read = off_thread(move || written.read(there).map(|()| written));
            written = read.await.map_err(|error| partial.failed("read", &error))?;
        }
        partial.resumed = there;
        partial.file = Some(written);
        Ok(partial)
    }

    /// How much of it is there, in bytes.
    pub fn at(&self) -> u64 {
        self.file.as_ref().map_or(0, |written| written.at)
    }

    /// Whether some of it was there at the opening.
    pub fn was_resumed(&self) -> bool {
        self.resumed > 0
    }

    /// Writes what comes next.
    pub async fn write(&mut self, pieces: Vec<Bytes>) -> Result<(), Problem> {
        self.with("write", move |written| written.append(&pieces)).await
    }

    /// Forgets what is there and begins anew.
    pub async fn restart(&mut self) -> Result<(), Problem> {
        self.resumed = 0;
        self.with("empty", |written| {
            written.file.set_len(0)?;
            written.file.seek(SeekFrom::Start(0))?;
            (written.digest, written.at) = (Digest::new(), 0);
            Ok(())
        })
        .await
    }

    /// Whether it is whole and what it should be.
    pub fn is_right(&self) -> bool {
        let right = |written: &Written| {
            written.at == self.content.size
                && written.digest.clone().finish() == self.content.digest
        };
        self.file.as_ref().is_some_and(right)
    }

    /// Gives it `finish`ing touches, makes it durable, and puts it into its place at once.
    pub async fn place(
        mut self,
        target: &Path,
        finish: impl FnOnce(&File) -> io::Result<()> + Send + 'static,
    ) -> Result<(), Problem> {
        self.with("finish", move |written| {
            finish(&written.file)?;
            written.file.sync_all()
        })
        .await?;
        // Windows does not move an open file.
        self.file = None;
        let (from, to) = (self.path.clone(), target.to_owned());
        let moved = off_thread(move || {
            fs::rename(&from, &to)?;
            to.parent().map_or(Ok(()), platform::sync_folder)
        });
        moved.await.map_err(|error| problem("put into its place", target, &error))
    }

    /// Removes it. What is not there needs no removing.
    pub async fn remove(mut self) {
        self.file = None;
        let path = self.path.clone();
        if let Err(error) = off_thread(move || fs::remove_file(path)).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a file in the making stays");
        }
    }

    async fn with(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Written) -> io::Result<()> + Send + 'static,
    ) -> Result<(), Problem> {
        let gone = || io::Error::other("an earlier step of it failed");
        let mut written = self.file.take().ok_or_else(|| problem(what, &self.path, &gone()))?;
        let done = off_thread(move || work(&mut written).map(|()| written)).await;
        self.file = Some(done.map_err(|error| problem(what, &self.path, &error))?);
        Ok(())
    }

    fn failed(&self, what: &str, error: &io::Error) -> Problem {
        problem(what, &self.path, error)
    }
}

impl Written {
    /// Reads some of what is there already, which ends at `there`.
    fn read(&mut self, there: u64) -> io::Result<()> {
        let most = STEP.min(there - self.at);
        match self.digest.read(&mut self.file, most)? {
            // It became shorter under our hands.
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.at += read;
                Ok(())
            }
        }
    }

    fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        for piece in pieces {
            self.file.write_all(piece)?;
            self.digest.update(piece);
            self.at += piece.len() as u64;
        }
        Ok(())
    }
}
