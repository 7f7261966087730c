//! Files that only their owner may read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the agent keeps its data unless it is told otherwise.
pub fn default_data_folder() -> PathBuf {
    PathBuf::from("/var/lib/tamer-agent")
}

/// Makes a folder, and those above it, for the owner alone.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes or empties a file for the owner alone.
pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Reads exactly what fits into `data`, from this offset of the file on.
pub fn read_at(file: &File, data: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(data, offset)
}

/// Writes all of `data` from this offset of the file on.
pub fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(data, offset)
}

/// Makes the names in a folder durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
