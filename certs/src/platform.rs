//! What differs between systems: private files and durable folders.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{create_private, is_exposed, sync_folder};
#[cfg(windows)]
pub(crate) use windows::{create_private, is_exposed, sync_folder};
