//! Windows: a file's rights are those of its folder, and NTFS journals names by itself.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Makes a folder, and those it is in.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Makes a new file.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

/// Nothing to do: a directory cannot be flushed, and its changes are journalled in order.
pub(crate) fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}
