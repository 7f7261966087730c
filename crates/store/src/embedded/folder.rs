//! The data folder: whose it is, what is in it, and every way it can be refused.
//!
//! ```text
//! lock      locked while a process has the store open
//! format    {"format":1,"engine":"sled"}: written last when a store is made, so that a folder
//!           without it is one whose making was cut short, or none of ours
//! tip       see `tip`
//! sled/     the engine's own; for redb the file store.redb
//! ```

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    EngineKind,
    fault::EngineError,
    os::{create_private_dir, sync_dir},
};
use crate::{Fault, Revision};

/// The layout this version writes and the newest it reads.
const FORMAT: u32 = 1;

/// Why a data folder cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// One process at a time has a store open.
    #[error("{dir} is in use: another process has this store open; stop it first")]
    Locked {
        /// The data folder.
        dir: PathBuf,
    },
    /// A newer program has been here.
    #[error(
        "{dir} was written by a newer version (format {found}; this one reads up to {FORMAT}); \
         upgrade this program"
    )]
    Newer {
        /// The data folder.
        dir: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A folder keeps the engine it was made with.
    #[error(
        "{dir} holds a `{found}` store and cannot be opened as `{wanted}`; configure `{found}`, or \
         `store export` it and `store import` the file into a new folder"
    )]
    OtherEngine {
        /// The data folder.
        dir: PathBuf,
        /// The engine that made it.
        found: String,
        /// The engine asked for.
        wanted: EngineKind,
    },
    /// Somebody else's files are in the folder.
    #[error("{dir} has files in it that are no store ({found}); choose an empty or absent folder")]
    NotAStore {
        /// The data folder.
        dir: PathBuf,
        /// One of the files.
        found: String,
    },
    /// The folder cannot be read and written.
    #[error("{dir} cannot be used: {doing}; the account this runs as must own it")]
    Unusable {
        /// The data folder.
        dir: PathBuf,
        /// What could not be done.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The disk is full.
    #[error("{dir} cannot be opened: the disk is full; free space on it")]
    Full {
        /// The data folder.
        dir: PathBuf,
        /// The engine's error.
        #[source]
        source: Fault,
    },
    /// The engine cannot make sense of its files, or some are missing.
    #[error(
        "the store in {dir} is damaged; move the folder away and restore a backup into a new one \
         with `store import`"
    )]
    Damaged {
        /// The data folder.
        dir: PathBuf,
        /// What the engine said.
        #[source]
        source: Fault,
    },
    /// The engine opened, but acknowledged commits are missing.
    #[error(
        "the store in {dir} is damaged: it ends at revision {found}, and revision {known} had been \
         acknowledged; move the folder away and restore a backup into a new one with `store import`"
    )]
    Lost {
        /// The data folder.
        dir: PathBuf,
        /// The last revision found.
        found: Revision,
        /// The last revision known to have been synced.
        known: Revision,
    },
}

/// A locked data folder. The lock goes when this is dropped.
pub(crate) struct Folder {
    pub dir: PathBuf,
    /// A store was made here before, in full.
    pub made: bool,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Format {
    format: u32,
    engine: String,
}

#[derive(Debug, Error)]
#[error("the data of the `{0}` engine is missing")]
struct Missing(EngineKind);

#[derive(Debug, Error)]
#[error("the file `format` cannot be understood")]
struct BadFormat(#[source] serde_json::Error);

impl Folder {
    /// Locks the folder and makes sure that `engine` may use it.
    pub fn claim(dir: &Path, engine: EngineKind) -> Result<Self, OpenError> {
        let dir = dir.to_owned();
        create_private_dir(&dir).map_err(unusable(&dir, "making it"))?;
        refuse_strangers(&dir)?;
        let lock = lock(&dir)?;
        let made = match fs::read(dir.join("format")) {
            Ok(format) => accept(&dir, &format, engine).map(|()| true)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(unusable(&dir, "reading `format` in it")(error)),
        };
        let folder = Self { dir, made, _lock: lock };
        if made && !folder.data(engine).exists() {
            return Err(folder.damaged(Missing(engine)));
        }
        Ok(folder)
    }

    /// Where the engine's own files are.
    pub fn data(&self, engine: EngineKind) -> PathBuf {
        self.dir.join(match engine {
            EngineKind::Sled => "sled",
            EngineKind::Redb => "store.redb",
        })
    }

    /// Says durably that the store is made: its files, their names, and the folder's own name.
    pub fn seal(&mut self, engine: EngineKind) -> Result<(), OpenError> {
        let write = || -> io::Result<()> {
            let format = Format { format: FORMAT, engine: engine.name().to_owned() };
            let mut text = serde_json::to_vec(&format)?;
            text.push(b'\n');
            let fresh = self.dir.join("format.new");
            let mut file = File::create(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            sync_dir(&self.dir)?;
            fs::rename(&fresh, self.dir.join("format"))?;
            sync_dir(&self.dir)?;
            sync_parents(&self.dir)
        };
        write().map_err(|error| self.failed(EngineError::from_io(error)))?;
        self.made = true;
        Ok(())
    }

    /// What an engine's failure to open means.
    pub fn failed(&self, error: EngineError) -> OpenError {
        match error {
            EngineError::Full(_) => {
                OpenError::Full { dir: self.dir.clone(), source: Fault::new(error) }
            }
            EngineError::Io(source)
                if matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                unusable(&self.dir, "opening its files")(source)
            }
            error => self.damaged(error),
        }
    }

    pub fn damaged(&self, error: impl std::error::Error + Send + Sync + 'static) -> OpenError {
        OpenError::Damaged { dir: self.dir.clone(), source: Fault::new(error) }
    }
}

fn unusable(dir: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    let dir = dir.to_owned();
    move |source| OpenError::Unusable { dir, doing, source }
}

/// The folder's own name, and those of folders made on the way to it.
fn sync_parents(dir: &Path) -> io::Result<()> {
    for parent in std::path::absolute(dir)?.ancestors().skip(1) {
        match sync_dir(parent) {
            // Not readable, so not made by us, and so are those above it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
            synced => synced?,
        }
    }
    Ok(())
}

/// A folder without `format` may hold what a store's making leaves when it is cut short, no more.
fn refuse_strangers(dir: &Path) -> Result<(), OpenError> {
    const OURS: [&str; 6] = ["lock", "format", "format.new", "tip", "sled", "store.redb"];
    if dir.join("format").exists() {
        return Ok(());
    }
    for entry in fs::read_dir(dir).map_err(unusable(dir, "listing it"))? {
        let found = entry.map_err(unusable(dir, "listing it"))?.file_name();
        let found = found.to_string_lossy().into_owned();
        if !OURS.contains(&found.as_str()) && found != "lost+found" {
            return Err(OpenError::NotAStore { dir: dir.to_owned(), found });
        }
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let mut options = File::options();
    let opened = options.write(true).create(true).truncate(false).open(dir.join("lock"));
    let file = opened.map_err(unusable(dir, "writing in it"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unusable(dir, "locking it")(error)),
    }
}

fn accept(dir: &Path, format: &[u8], engine: EngineKind) -> Result<(), OpenError> {
    let dir = dir.to_owned();
    let found: Format = serde_json::from_slice(format).map_err(|error| OpenError::Damaged {
        dir: dir.clone(),
        source: Fault::new(BadFormat(error)),
    })?;
    if found.format > FORMAT {
        return Err(OpenError::Newer { dir, found: found.format });
    }
    if found.engine != engine.name() {
        return Err(OpenError::OtherEngine { dir, found: found.engine, wanted: engine });
    }
    Ok(())
}
