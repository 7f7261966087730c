//! Where no libvirt runs: everything is told as not there.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use crate::rpc::{Connection, RpcError};

/// There is no daemon to connect to.
pub async fn connect(_socket: &Path, _uri: &str) -> Result<Connection, RpcError> {
    Err(RpcError::Io(io::Error::new(io::ErrorKind::Unsupported, "libvirt does not run on Windows")))
}

/// There is none.
pub fn kvm_can_be_opened() -> bool {
    false
}

/// Makes a folder, with those above it.
pub fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// What tells this file from another of the same path: when it was made.
pub fn identity(metadata: &Metadata) -> u64 {
    let made = metadata.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    made.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
