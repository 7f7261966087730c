//! The socket of a daemon on this machine.

use std::path::Path;

use tokio::net::UnixStream;

use super::{Connection, RpcError};

impl Connection {
    /// Connects to the daemon of this socket and opens the hypervisor of this URI:
    /// `qemu:///system`. Must be called in a tokio runtime, which drives the connection as long as
    /// it is used.
    pub async fn open(socket: &Path, uri: &str) -> Result<Self, RpcError> {
        Self::over(UnixStream::connect(socket).await?, uri).await
    }
}
