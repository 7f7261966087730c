//! Gives an engine an image, as `docker load` does, without a client program.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// How long an engine may be silent: it unpacks two megabytes meanwhile.
const SILENT: Duration = Duration::from_secs(60);

/// Loads an image archive into the engine on this socket. An error holds what the engine said.
pub fn load(socket: &Path, archive: &[u8]) -> Result<()> {
    let mut stream = UnixStream::connect(socket).context("the engine's socket")?;
    stream.set_read_timeout(Some(SILENT))?;
    stream.set_write_timeout(Some(SILENT))?;
    let head = format!(
        "POST /v1.41/images/load HTTP/1.0\r\nHost: engine\r\nContent-Type: application/x-tar\r\n\
         Content-Length: {}\r\n\r\n",
        archive.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(archive)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    // An engine that cannot take it says so in the body, after it said that all is well.
    let well = answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200");
    ensure!(well && answer.contains("Loaded image"), "the image was not loaded: {answer}");
    Ok(())
}
