//! Reading what other programs write: never more than a bound, whatever a file says of its size.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text of a file of at most so many bytes. What is no UTF-8 is shown as such.
pub fn text(path: &Path, most: usize) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&bytes(path, most)?).into_owned())
}

/// The same; nothing when there is no such file.
pub fn text_if_any(path: &Path, most: usize) -> io::Result<Option<String>> {
    match text(path, most) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The content of a file of at most so many bytes. One that is longer is refused.
pub fn bytes(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    // Asked before it is opened: to open a pipe may take for ever, and a device may never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {} KiB", most >> 10),
        ));
    }
    Ok(bytes)
}
