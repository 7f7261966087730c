//! Files of the agent. What is made in `%ProgramData%` inherits its access list, which gives users
//! no right to write; the folder's own list is the installer's to narrow.

use std::fs::{self, File};
use std::io;
use std::os::windows::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where the agent keeps its data unless it is told otherwise.
pub fn default_data_folder() -> PathBuf {
    let root = std::env::var_os("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into());
    PathBuf::from(root).join("Tamer").join("agent")
}

/// Makes a folder and those above it.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Makes or empties a file.
pub fn create_private_file(path: &Path) -> io::Result<File> {
    File::create(path)
}

/// Reads exactly what fits into `data`, from this offset of the file on.
pub fn read_at(file: &File, mut data: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !data.is_empty() {
        match file.seek_read(data, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (data, offset) = (&mut data[read..], offset + read as u64),
        }
    }
    Ok(())
}

/// Writes all of `data` from this offset of the file on.
pub fn write_at(file: &File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    while !data.is_empty() {
        match file.seek_write(data, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => (data, offset) = (&data[written..], offset + written as u64),
        }
    }
    Ok(())
}

/// NTFS writes names to its log with the rename; a folder cannot be synced.
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
