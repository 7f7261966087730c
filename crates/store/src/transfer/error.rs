//! What can be wrong with a file, and with moving a store.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use super::verify::Report;
use crate::{CommitError, ReadError, WatchError};

/// A line of a file that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its number; the first line is 1.
    pub line: u64,
    /// What is wrong with it.
    pub defect: Defect,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Defect {
    /// The first line is not a header.
    #[error("this is not a store file: its first line should be a `tamer-store` header")]
    NoHeader,
    /// A newer program wrote the file.
    #[error("the file has format {0}, which is newer than this program; upgrade it")]
    Newer(u32),
    /// No JSON object with the right fields.
    #[error("not understood: {0}")]
    NotUnderstood(String),
    /// Longer than any entry can be.
    #[error("the line is longer than any entry")]
    TooLong,
    /// Key or value break the limits of a store.
    #[error("the entry is over the limits of a store: {0}")]
    OverLimits(String),
    /// Key, value or revisions are not those that were written.
    #[error("the entry was changed after it was written: its checksum differs")]
    EntryChanged,
    /// Keys ascend strictly.
    #[error("the key is not after the one before it")]
    OutOfOrder,
    /// The file was cut short.
    #[error("the file ends here without its trailer: it was cut short")]
    CutShort,
    /// Lines are missing, or were added.
    #[error("the trailer counts {said} entries, and there are {found}")]
    Miscounted {
        /// What the trailer says.
        said: u64,
        /// How many lines there are.
        found: u64,
    },
    /// Some byte before the trailer is not as it was written.
    #[error("the file was changed after it was written: its checksum differs")]
    FileChanged,
    /// The trailer is the last line.
    #[error("there is something after the trailer")]
    AfterEnd,
}

/// The file cannot be read or written.
#[derive(Debug, Error)]
#[error("{doing} {path}")]
pub struct FileError {
    /// What could not be done: "reading", "writing", …
    pub doing: &'static str,
    /// With which file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Why there is no export.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store cannot be read.
    #[error("reading the store")]
    Read(#[from] ReadError),
    /// The changes made meanwhile cannot be followed.
    #[error("following the store while it changes; export again, or when it is quieter")]
    Watch(#[from] WatchError),
    /// The end of the changes cannot be marked.
    #[error("marking the end of the export in the store")]
    Mark(#[from] CommitError),
    /// More changed than is kept.
    #[error("more than {0} bytes changed during the export; export again when it is quieter")]
    TooBusy(usize),
    /// An import into this store was cut short.
    #[error("the store is half-made: an import was cut short; finish it first")]
    Unfinished,
}

/// Why an import did not finish. What it did so far is kept: the same import goes on from there.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not sound; the store was not touched.
    #[error("the file is not sound: {0}")]
    Defective(Report),
    /// The file is no longer what it was when it was checked.
    #[error("the file changed while it was imported: {0}")]
    Changed(Problem),
    /// The store is somebody's.
    #[error("the store is not empty; import into a new one")]
    NotEmpty,
    /// The store is half-made, of another file.
    #[error("an import of another file was cut short in this store; import into a new one")]
    OtherFile,
    /// The store cannot be read.
    #[error("reading the store")]
    Read(#[from] ReadError),
    /// The store does not take an entry.
    #[error("writing to the store; the same import goes on where this one stopped")]
    Commit(#[from] CommitError),
}

/// Why a file and a store cannot be compared.
#[derive(Debug, Error)]
pub enum CompareError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not sound.
    #[error("the file is not sound: {0}")]
    Defective(Problem),
    /// The store cannot be read.
    #[error("reading the store")]
    Read(#[from] ReadError),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.defect)
    }
}
