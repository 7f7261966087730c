//! Windows: what the coordinator needs of it to build and to be tried there.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a folder and the ones above it; it inherits its access list.
pub fn make_private_dir(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)
}

/// Opens a file, making it if it is not there.
pub fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Makes a new file, whatever was there.
pub fn create_private(path: &Path) -> io::Result<File> {
    File::create(path)
}

/// NTFS makes a renaming durable by itself.
pub fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// Windows syncs a file at a time.
pub fn sync_disk_of(_dir: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Windows has no such limit.
pub fn raise_file_limit() {}

/// Waits for Ctrl-C.
pub async fn stop_requested() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// There is no service manager to tell.
pub fn notify_ready() {}

/// There is no service manager to tell.
pub fn notify_stopping() {}
