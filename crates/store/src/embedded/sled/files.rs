//! sled's files, and the syncs that sled leaves out.
//!
//! In its folder sled keeps `db` (the log that is the data), `conf` (written once), `snap.*` (an
//! index of the log, written and synced when a store is opened) and `blobs/` (unused, see `layout`).

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::super::{
    fault::EngineError,
    os::{create_private_dir, sync_dir},
};

/// The file that holds the data, open so that a failed write-back shows at the next sync even if
/// somebody else's sync saw it too.
pub(super) struct Files {
    db: File,
}

impl Files {
    /// Before sled opens the folder. What a killed process had written may be in the page cache
    /// only; sled would sync an index that speaks of it before the data itself, so the data is
    /// synced first. An index that was being written when the process died keeps sled from opening
    /// (its issue 1527) and is only an index: it goes.
    pub fn prepare(dir: &Path) -> Result<(), EngineError> {
        create_private_dir(dir).map_err(EngineError::from_io)?;
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "generating") {
                fs::remove_file(&path)?;
            }
        }
        sync_all(dir)
    }

    /// After sled opened the folder: what it wrote to open it, and the names of new files.
    pub fn settle(dir: &Path) -> Result<Self, EngineError> {
        sync_all(dir)?;
        let db = File::options().read(true).write(true).open(dir.join("db"))?;
        Ok(Self { db })
    }

    /// What `flush` leaves out on Linux. `fdatasync` writes the data, the file's new length, and
    /// empties the disk's cache.
    pub fn sync(&self) -> Result<(), EngineError> {
        self.db.sync_data().map_err(EngineError::from_io)
    }
}

fn sync_all(dir: &Path) -> Result<(), EngineError> {
    let work = || -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                sync_dir(&path)?;
            } else {
                File::options().read(true).write(true).open(&path)?.sync_all()?;
            }
        }
        sync_dir(dir)
    };
    work().map_err(EngineError::from_io)
}
