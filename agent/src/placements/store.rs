//! The two files of the placements: what is kept, and when a coordinator was last heard.
//!
//! Both are small and are replaced whole: with 1,000 placements the first has less than a megabyte,
//! and to write and sync that took 12 ms where a file of a tenth took as long: it is the syncs that
//! count. It is less than one start of an instance, and what happens at the same time shares one
//! write. A log would save little, and would have to be compacted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tamer_crash::point;
use tamer_model::{Code, Problem, Timestamp};

use super::kept::Kept;
use crate::folder;
use crate::problem::chain;

/// The version of both files.
const VERSION: u32 = 1;
const MAGIC: &str = "tamer-placements";

/// How a file is replaced: its path, its new content. Resolves when it is on the disk.
pub type Replace =
    Arc<dyn Fn(PathBuf, Vec<u8>) -> BoxFuture<'static, io::Result<()>> + Send + Sync>;

/// The files.
#[derive(Clone)]
pub struct Store {
    kept: PathBuf,
    contact: PathBuf,
    replace: Replace,
}

/// What was known of the coordinator when it was last written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastContact {
    /// When that was.
    pub at: Timestamp,
    /// For how long no coordinator had been heard then, in milliseconds.
    pub silent_ms: u64,
}

/// Why the files are of no use.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refused.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How that shows.
        why: String,
    },
    /// A newer agent wrote it.
    #[error("{} has version {version}, this agent reads up to {VERSION}", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl Store {
    /// The files of the agent's `folder`.
    pub fn new(folder: &Path) -> Self {
        Self::replacing(folder, blocking(folder::replace))
    }

    /// The same, with another way to replace a file.
    pub fn replacing(folder: &Path, replace: Replace) -> Self {
        let (kept, contact) = (folder.join("placements"), folder.join("placements.contact"));
        Self { kept, contact, replace }
    }

    /// What is kept. A file that is not there is of an agent that kept none. Blocks.
    pub fn read(&self) -> Result<Vec<Kept>, StoreError> {
        Ok(read(&self.kept)?.unwrap_or_default())
    }

    /// The last contact that was written down. Blocks.
    pub fn read_contact(&self) -> Result<Option<LastContact>, StoreError> {
        read(&self.contact)
    }

    /// Replaces what is kept.
    pub async fn write<'a>(&self, kept: impl Iterator<Item = &'a Kept>) -> Result<(), StoreError> {
        let kept: Vec<_> = kept.collect();
        let bytes = bytes(&kept, &self.kept)?;
        self.put(&self.kept, bytes).await
    }

    /// Replaces the last contact.
    pub async fn write_contact(&self, contact: LastContact) -> Result<(), StoreError> {
        let bytes = bytes(&contact, &self.contact)?;
        self.put(&self.contact, bytes).await
    }

    async fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), StoreError> {
        let written = (self.replace)(path.to_owned(), bytes).await;
        written.map_err(io_error("write", path))
    }
}

/// Replaces files on a thread that may block.
pub fn blocking(
    replace: impl Fn(&Path, &[u8]) -> io::Result<()> + Send + Sync + 'static,
) -> Replace {
    let replace = Arc::new(replace);
    Arc::new(move |to, bytes| {
        let replace = replace.clone();
        let write = move || {
            point("placements.begun");
            let written = replace(&to, &bytes);
            point("placements.written");
            written
        };
        // A writer that panics is a bug; what the file holds is then not known, as after an error.
        let broke = |error| Err(io::Error::other(format!("the writer broke: {error}")));
        async move { tokio::task::spawn_blocking(write).await.unwrap_or_else(broke) }.boxed()
    })
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let remedy = match &error {
            StoreError::Io { .. } => "make room, and give the agent the right to write there",
            StoreError::Damaged { .. } => {
                "restore the file; or move it away: the coordinator sends what shall run again, \
                 and instances are recognised by their labels"
            }
            StoreError::Newer { .. } => "run the newer agent that wrote it",
        };
        Self::new(Code::DataFolder, chain(&error)).on("data").remedy(remedy)
    }
}

/// One line with the version and a checksum, then JSON.
fn bytes<T: Serialize>(value: &T, path: &Path) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(value)
        .map_err(|error| io_error("write", path)(io::Error::other(error)))?;
    let mut bytes = format!("{MAGIC} {VERSION} {:08x}\n", crc32fast::hash(&json)).into_bytes();
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => parse(&bytes, path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path)(error)),
    }
}

fn parse<T: for<'a> Deserialize<'a>>(bytes: &[u8], path: &Path) -> Result<T, StoreError> {
    let damaged = |why: &str| StoreError::Damaged { path: path.to_owned(), why: why.to_owned() };
    let end = bytes.iter().take(128).position(|byte| *byte == b'\n');
    let (head, json) = bytes.split_at(end.ok_or_else(|| damaged("it has no head"))?);
    let head = String::from_utf8_lossy(head);
    let mut words = head.split(' ');
    if words.next() != Some(MAGIC) {
        return Err(damaged("it is no file of placements"));
    }
    let version = words.next().and_then(|word| word.parse::<u32>().ok());
    match version.ok_or_else(|| damaged("it has no version"))? {
        VERSION => {}
        version if version > VERSION => {
            return Err(StoreError::Newer { path: path.to_owned(), version });
        }
        _ => return Err(damaged("it has a version that there never was")),
    }
    let sum = words.next().and_then(|word| u32::from_str_radix(word, 16).ok());
    let json = json.strip_prefix(b"\n").unwrap_or(json);
    if sum != Some(crc32fast::hash(json)) {
        return Err(damaged("its checksum is another one"));
    }
    serde_json::from_slice(json).map_err(|error| damaged(&error.to_string()))
}

fn io_error(what: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placements::kept::testing::order;

    #[tokio::test]
    async fn what_is_written_is_read() {
        let temp = tempfile::tempdir().expect("a folder");
        let store = Store::new(temp.path());
        assert_eq!(store.read().expect("none"), []);
        assert_eq!(store.read_contact().expect("none"), None);
        let kept = [Kept::new(order(1)), Kept::new(order(2))];
        store.write(kept.iter()).await.expect("written");
        let contact = LastContact { at: Timestamp::from_millis(7), silent_ms: 8 };
        store.write_contact(contact).await.expect("written");
        let store = Store::new(temp.path());
        let len = std::fs::metadata(temp.path().join("placements")).expect("there").len();
        assert!(len < 2 * 1024, "{len} bytes for two");
        assert_eq!(store.read().expect("both"), kept);
        assert_eq!(store.read_contact().expect("written"), Some(contact));
    }

    #[tokio::test]
    async fn damage_is_told_with_the_file_and_never_believed() {
        let temp = tempfile::tempdir().expect("a folder");
        let store = Store::new(temp.path());
        store.write([Kept::new(order(1))].iter()).await.expect("written");
        let path = temp.path().join("placements");
        let whole = std::fs::read(&path).expect("read");
        for at in (0..whole.len()).step_by(3) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).expect("written");
            // A letter of the checksum may be written in two ways.
            match store.read() {
                Ok(kept) => assert_eq!(kept, [Kept::new(order(1))], "byte {at}"),
                Err(error) => assert!(error.to_string().contains("placements"), "{error}"),
            }
            std::fs::write(&path, &whole[..at]).expect("written");
            let error = store.read().expect_err("a part");
            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn a_newer_file_is_left_alone() {
        let temp = tempfile::tempdir().expect("a folder");
        std::fs::write(temp.path().join("placements"), "tamer-placements 2 x\n").expect("written");
        let error = Store::new(temp.path()).read().expect_err("newer");
        assert!(matches!(error, StoreError::Newer { version: 2, .. }), "{error}");
        let problem = Problem::from(error);
        assert_eq!((problem.code, problem.field.as_deref()), (Code::DataFolder, Some("data")));
    }
}
