//! Where libvirt runs.

use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

use crate::rpc::{Connection, RpcError};

/// Connects to the daemon of this socket.
pub async fn connect(socket: &Path, uri: &str) -> Result<Connection, RpcError> {
    Connection::open(socket, uri).await
}

/// Whether the processor's help can be had by this process.
pub fn kvm_can_be_opened() -> bool {
    File::options().read(true).write(true).open("/dev/kvm").is_ok()
}

/// Makes a folder, with those above it, that other users can pass but not list: QEMU has a user of
/// its own.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o711).create(path)
}

/// What tells this file from another of the same path.
pub fn identity(metadata: &Metadata) -> u64 {
    metadata.ino()
}
