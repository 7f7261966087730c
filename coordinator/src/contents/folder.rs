//! Names of files, and what they say when a coordinator starts.

use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use tamer_model::{Code, Fingerprint, Problem, Timestamp};

use crate::platform;

const PART: &str = ".part";

/// The folder of the contents.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

/// A file that was found in it.
pub struct Found {
    pub digest: Fingerprint,
    pub whole: bool,
    pub size: u64,
    /// When it was last written or asked for.
    pub used_at: Timestamp,
}

impl Folder {
    /// Makes the folder if it is not there, and lists what is in it. A file with another name is
    /// somebody else's, and left alone.
    pub fn open(path: &Path) -> Result<(Self, Vec<Found>), Problem> {
        let folder = Self(path.to_owned());
        let list = || -> io::Result<Vec<Found>> {
            platform::make_private_dir(path)?;
            let mut found = Vec::new();
            for shelf in fs::read_dir(path)? {
                let shelf = shelf?.path();
                if !shelf.is_dir() {
                    continue;
                }
                for file in fs::read_dir(shelf)? {
                    found.extend(recognise(&file?)?);
                }
            }
            Ok(found)
        };
        let found = list().map_err(|error| folder.failed(&error))?;
        Ok((folder, found))
    }

    /// Where a whole content is.
    pub fn whole(&self, digest: &Fingerprint) -> PathBuf {
        let hex = data_encoding::HEXLOWER.encode(digest.as_bytes());
        self.0.join(&hex[..2]).join(hex)
    }

    /// Where the parts of one are gathered.
    pub fn part(&self, digest: &Fingerprint) -> PathBuf {
        let mut name = self.whole(digest).into_os_string();
        name.push(PART);
        name.into()
    }

    /// Opens the file for parts, cut to `length` bytes.
    pub fn open_part(&self, digest: &Fingerprint, length: u64) -> io::Result<File> {
        let path = self.part(digest);
        if let Some(shelf) = path.parent().filter(|shelf| !shelf.exists()) {
            platform::make_private_dir(shelf)?;
            platform::sync_dir(&self.0)?;
        }
        let file = platform::open_private(&path)?;
        file.set_len(length)?;
        Ok(file)
    }

    /// Turns a part, which was synced, into a whole content for good.
    pub fn complete(&self, digest: &Fingerprint) -> io::Result<()> {
        let whole = self.whole(digest);
        fs::rename(self.part(digest), &whole)?;
        whole.parent().map_or(Ok(()), platform::sync_dir)
    }

    /// Notes on disk that a whole content was asked for.
    pub fn touch(&self, digest: &Fingerprint) -> io::Result<()> {
        let file = File::options().append(true).open(self.whole(digest))?;
        file.set_modified(std::time::SystemTime::now())
    }

    /// Removes a file that may be gone already.
    pub fn remove(&self, path: &Path) -> Result<(), Problem> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What whoever sends or gets a content is told about a failure of the disk.
    pub fn failed(&self, error: &io::Error) -> Problem {
        if is_full(error) {
            let message = format!("no room on the coordinator's disk for the content: {error}");
            return Problem::new(Code::ResourceExhausted, message)
                .remedy("free space on the coordinator's disk, and send it again");
        }
        let message = format!("the coordinator's folder {} failed: {error}", self.0.display());
        Problem::new(Code::DataFolder, message)
            .remedy("the coordinator's user needs the right to it, and its disk must be sound")
    }
}

/// Whether the disk, or this user's share of it, is used up.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

fn recognise(file: &DirEntry) -> io::Result<Option<Found>> {
    let name = file.file_name();
    let name = name.to_string_lossy();
    let (hex, whole) = name.strip_suffix(PART).map_or((&*name, true), |hex| (hex, false));
    let digest = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok();
    let Some(digest) = digest.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) else {
        return Ok(None);
    };
    let metadata = file.metadata()?;
    let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Some(Found {
        digest: Fingerprint::from_bytes(digest),
        whole,
        size: metadata.len(),
        used_at: Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
    }))
}
