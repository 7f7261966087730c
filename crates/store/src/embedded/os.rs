//! What differs between operating systems: privacy of files, and syncing a folder.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{create_private, create_private_dir, sync_dir};
#[cfg(windows)]
pub(crate) use windows::{create_private, create_private_dir, sync_dir};
