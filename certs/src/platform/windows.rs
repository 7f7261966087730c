//! Windows: a file inherits the access list of its folder, so the data folder's list (owner,
//! SYSTEM and Administrators, set when it is made) is what keeps a key private.

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
