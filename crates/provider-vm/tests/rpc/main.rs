//! The client of libvirt's protocol against a real daemon: its in-memory test driver, where
//! machines live at once, and QEMU.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may")]

mod daemon;
mod memory;
mod qemu;
mod storage;

use std::future::Future;
use std::time::Duration;

use tamer_peers::libvirt::{Libvirt, installed};
use tamer_provider_vm::rpc::Connection;
use tempfile::TempDir;

/// A guest without hardware support takes some seconds to boot, on a busy machine many.
const LIMIT: Duration = Duration::from_secs(120);

/// A daemon of the test's own, or nothing where libvirt is not installed.
fn daemon() -> Option<(TempDir, Libvirt)> {
    if !installed() {
        return None;
    }
    // The path of a socket has no more than 107 bytes.
    let folder = tempfile::Builder::new().prefix("rpc").tempdir_in("/tmp").unwrap();
    let libvirt = Libvirt::start(folder.path()).unwrap();
    Some((folder, libvirt))
}

async fn open(libvirt: &Libvirt, uri: &str) -> Connection {
    soon(Connection::open(&libvirt.socket(), uri)).await.unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("not in time")
}
