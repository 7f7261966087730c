//! Names of the files of nodes, and how they are read and written.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tamer_drift::Digest;
use tamer_model::{Code, Problem};

use crate::platform;

/// zstd's level. The next three save 2 % more and take a third longer.
const LEVEL: i32 = 1;
/// The longest node, in bytes: a message of an agent carries it whole.
pub const MAX_NODE: usize = 1 << 20;
const NEW: &str = ".new";
/// With more files than this the whole disk is synced instead, where the system can: one by one they
/// take milliseconds each, and a first snapshot of ten thousand hosts is fifty thousand of them.
const MANY: usize = 64;

/// The folder of the nodes.
pub struct Folder(PathBuf);

/// What a file of a node holds.
pub enum Read {
    Absent,
    Bytes(Vec<u8>),
    /// Not what was written, and why.
    Broken(String),
}

impl Folder {
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let folder = Self(path.to_owned());
        platform::make_private_dir(path).map_err(|error| folder.failed(&error))?;
        Ok(folder)
    }

    pub fn has(&self, digest: &Digest) -> bool {
        self.path(digest).exists()
    }

    pub fn read(&self, digest: &Digest) -> Result<Read, Problem> {
        match fs::read(self.path(digest)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Read::Absent),
            Err(error) => Err(self.failed(&error)),
            // The bound keeps a frame that is not ours from filling the memory.
            Ok(frame) => Ok(zstd::bulk::decompress(&frame, MAX_NODE)
                .map_or_else(|error| Read::Broken(error.to_string()), Read::Bytes)),
        }
    }

    /// Writes under another name first: what has the name of a node is one, unless the power went.
    pub fn write(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Problem> {
        let write = || -> io::Result<()> {
            let frame = zstd::bulk::compress(bytes, LEVEL)?;
            let path = self.path(digest);
            if let Some(shelf) = path.parent().filter(|shelf| !shelf.exists()) {
                platform::make_private_dir(shelf)?;
            }
            // Two that write the same node at once write to files of their own.
            let draft = path.with_extension(format!("{}{NEW}", fastrand::u64(..)));
            let written = platform::create_private(&draft).and_then(|mut f| f.write_all(&frame));
            tamer_crash::point("write-node.written");
            written.and_then(|()| fs::rename(&draft, &path)).inspect_err(|_| {
                let _ = fs::remove_file(&draft);
            })
        };
        write().map_err(|error| self.failed(&error))
    }

    /// Syncs these nodes and the folders that they are in. One that was removed meanwhile is left
    /// out.
    pub fn sync(&self, digests: &BTreeSet<Digest>) -> Result<(), Problem> {
        let sync = || -> io::Result<()> {
            if digests.len() > MANY && platform::sync_disk_of(&self.0)? {
                return Ok(());
            }
            let mut shelves = BTreeSet::new();
            for digest in digests {
                let path = self.path(digest);
                match File::options().append(true).open(&path) {
                    Ok(file) => file.sync_all()?,
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
                shelves.extend(path.parent().map(Path::to_owned));
            }
            shelves.iter().try_for_each(|shelf| platform::sync_dir(shelf))?;
            platform::sync_dir(&self.0)
        };
        if digests.is_empty() {
            return Ok(());
        }
        sync().map_err(|error| self.failed(&error))
    }

    pub fn remove(&self, digest: &Digest) -> Result<(), Problem> {
        self.remove_file(&self.path(digest))
    }

    /// Removes a file that may be gone already.
    pub fn remove_file(&self, path: &Path) -> Result<(), Problem> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The files of one of the 256 shelves: nodes, and drafts of some that nobody finished.
    pub fn shelf(&self, number: u8) -> Result<(Vec<Digest>, Vec<PathBuf>), Problem> {
        let name = format!("{number:02x}");
        let (mut nodes, mut drafts) = (Vec::new(), Vec::new());
        let files = match fs::read_dir(self.0.join(&name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((nodes, drafts)),
            files => files.map_err(|error| self.failed(&error))?,
        };
        for file in files {
            let file = file.map_err(|error| self.failed(&error))?;
            let rest = file.file_name().to_string_lossy().into_owned();
            match format!("{name}{rest}").parse() {
                Ok(digest) => nodes.push(digest),
                Err(_) if rest.ends_with(NEW) => drafts.push(file.path()),
                // Somebody else's.
                Err(_) => {}
            }
        }
        Ok((nodes, drafts))
    }

    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.to_string();
        self.0.join(&hex[..2]).join(&hex[2..])
    }

    fn failed(&self, error: &io::Error) -> Problem {
        if crate::contents::is_full(error) {
            let message = format!("no room on the coordinator's disk for an inventory: {error}");
            return Problem::new(Code::ResourceExhausted, message)
                .remedy("free space on the coordinator's disk, or remove snapshots");
        }
        let message = format!("the coordinator's folder {} failed: {error}", self.0.display());
        Problem::new(Code::DataFolder, message)
            .remedy("the coordinator's user needs the right to it, and its disk must be sound")
    }
}
