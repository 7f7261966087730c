//! Writing small files so that a reader sees the old one or the new one, whole, even after a
//! power cut. Called for the authority and for credentials.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::{crypto, platform};

/// The most bytes read of a key or certificate file. Ours are below 4 KiB.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Replaces `path` with `content`: written beside it (mode 0600 where there are modes), synced,
/// renamed, and the folder synced.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let beside = folder.join(format!(".{name}.{:016x}", u64::from_be_bytes(crypto::random())));
    let written = write_synced(&beside, content).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    }
    written.and_then(|()| platform::sync_folder(folder))
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = platform::create_private(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Reads a file of ours whole; one that is too large to be ours is an error.
pub(crate) fn read(path: &Path) -> io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let metadata = fs::metadata(path)?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 KiB"));
    }
    fs::read(path).map(zeroize::Zeroizing::new)
}

/// Warns when others than the owner may read the private file `path`.
pub(crate) fn warn_if_exposed(path: &Path) {
    if fs::metadata(path).is_ok_and(|metadata| platform::is_exposed(&metadata)) {
        tracing::warn!(path = %path.display(), "a private key can be read by others; chmod 600 it");
    }
}
