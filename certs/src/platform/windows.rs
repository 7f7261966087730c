//! Windows: a file inherits the access list of its folder, so whoever makes the data folder has to
//! make it private (owner, SYSTEM, Administrators); that keeps the keys in it private.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file with the access list of its folder. Fails when it exists.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Never: what the folder's list says is not in a file's metadata.
pub(crate) fn is_exposed(_: &Metadata) -> bool {
    false
}

/// Nothing to do: NTFS journals renames.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
