//! Writing a file so that it is there in full or not at all, and for its owner only.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    Summary,
    error::FileError,
    line::{self, End, FORMAT, Header, Trailer},
};
use crate::{
    Entry, Revision,
    embedded::{create_private, sync_dir},
};

/// A file being written beside where it will be. Dropped before `finish`, it goes.
pub(super) struct Draft {
    /// Where it will be.
    target: PathBuf,
    path: PathBuf,
    output: BufWriter<File>,
    sum: crc32fast::Hasher,
    entries: u64,
    line: Vec<u8>,
}

impl Draft {
    /// Starts the file that will be `target`; `suffix` tells apart the drafts of one target.
    pub fn new(target: &Path, suffix: &str) -> Result<Self, FileError> {
        let mut name = target.file_name().map_or_else(OsString::new, ToOwned::to_owned);
        name.push(suffix);
        let path = target.with_file_name(name);
        let create = || -> io::Result<File> {
            // What a killed export left.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => create_private(&path),
            }
        };
        let output = BufWriter::new(create().map_err(failed("creating", &path))?);
        let (target, sum) = (target.to_owned(), crc32fast::Hasher::new());
        let mut draft = Self { target, path, output, sum, entries: 0, line: Vec::new() };
        draft.header().map_err(failed("writing", &draft.path))?;
        Ok(draft)
    }

    pub fn append(&mut self, entries: &[Entry]) -> Result<(), FileError> {
        for entry in entries {
            self.line.clear();
            let written = line::write_entry(entry, &mut self.line).map_err(io::Error::from);
            written.and_then(|()| self.put()).map_err(failed("writing", &self.path))?;
            self.entries += 1;
        }
        Ok(())
    }

    /// The draft as it is, to be read again.
    pub fn flushed(&mut self) -> Result<&Path, FileError> {
        self.output.flush().map_err(failed("writing", &self.path))?;
        Ok(&self.path)
    }

    /// Adds the trailer, makes the file durable, and puts it where it belongs.
    pub fn finish(mut self, revision: Revision) -> Result<Summary, FileError> {
        self.seal(revision).map_err(failed("writing", &self.path))?;
        Ok(Summary { entries: self.entries, revision })
    }

    fn seal(&mut self, revision: Revision) -> io::Result<()> {
        let end = End::new(self.sum.clone(), self.entries, revision.0);
        self.line.clear();
        serde_json::to_writer(&mut self.line, &Trailer { end })?;
        self.line.push(b'\n');
        self.put()?;
        self.output.flush()?;
        self.output.get_ref().sync_all()?;
        fs::rename(&self.path, &self.target)?;
        match self.target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
            Some(_) | None => sync_dir(Path::new(".")),
        }
    }

    fn header(&mut self) -> io::Result<()> {
        let made = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let by = concat!("tamer ", env!("CARGO_PKG_VERSION")).to_owned();
        serde_json::to_writer(&mut self.line, &Header { format: FORMAT, made, by })?;
        self.line.push(b'\n');
        self.put()
    }

    fn put(&mut self) -> io::Result<()> {
        self.sum.update(&self.line);
        self.output.write_all(&self.line)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After `finish` there is nothing of this name; otherwise it is of no use to anybody.
        let _ = fs::remove_file(&self.path);
    }
}

pub(super) fn failed(
    doing: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |source| FileError { doing, path, source }
}
