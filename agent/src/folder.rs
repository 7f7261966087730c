//! The agent's data folder: who may use it, its format, and files that are replaced whole.
//!
//! `run` opens it and keeps it open: the lock is held as long as the value lives.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tamer_model::{Code, Problem};

use crate::platform;
use crate::problem::chain;

/// The format of the folder. A newer one is refused.
const FORMAT: u32 = 1;

/// The folder, locked for this process.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, locks it and checks its format.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let fail = |what: &str, error: &io::Error| {
            Problem::new(
                Code::DataFolder,
                format!("cannot {what} the data folder {}: {}", path.display(), chain(error)),
            )
            .on("data")
            .remedy("run as the user that owns the folder, or choose another with --data")
        };
        platform::create_private_folder(path).map_err(|error| fail("create", &error))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(|error| fail("write to", &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Problem::new(
                    Code::DataFolder,
                    format!("another agent uses the data folder {}", path.display()),
                )
                .on("data")
                .remedy("stop the other agent, or give this one a folder of its own with --data"));
            }
            Err(TryLockError::Error(error)) => return Err(fail("lock", &error)),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        folder.check_format()?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn check_format(&self) -> Result<(), Problem> {
        let path = self.path.join("format");
        let bad = |message: String| Problem::new(Code::DataFolder, message).on("data");
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse::<u32>() {
                Ok(found) if found <= FORMAT => Ok(()),
                Ok(found) => Err(bad(format!(
                    "the data folder {} has format {found}, this agent reads up to {FORMAT}",
                    self.path.display()
                ))
                .remedy("run the newer agent that wrote it, or choose another folder with --data")),
                Err(_) => Err(bad(format!("{} does not hold a number", path.display()))
                    .remedy("restore the folder, or choose another with --data and join again")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                replace(&path, format!("{FORMAT}\n").as_bytes()).map_err(|error| {
                    bad(format!("cannot write {}: {}", path.display(), chain(&error)))
                        .remedy("make room or give the agent the right to write there")
                })
            }
            Err(error) => Err(bad(format!("cannot read {}: {}", path.display(), chain(&error)))
                .remedy("run as the user that owns the folder, or choose another with --data")),
        }
    }
}

/// Replaces a file whole and durably: a crash leaves the old content or the new. Only the owner can
/// read it.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let write = || {
        let mut file = platform::create_private_file(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&new, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&new)))?;
    path.parent().map_or(Ok(()), platform::sync_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_a_folder() {
        let temp = tempfile::tempdir().expect("a folder");
        let first = Folder::open(temp.path()).expect("opens");
        let error = Folder::open(temp.path()).expect_err("is in use");
        assert_eq!(error.code, Code::DataFolder);
        drop(first);
        Folder::open(temp.path()).expect("opens again");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let temp = tempfile::tempdir().expect("a folder");
        fs::write(temp.path().join("format"), "2\n").expect("written");
        assert_eq!(Folder::open(temp.path()).expect_err("newer").code, Code::DataFolder);
        fs::write(temp.path().join("format"), "x").expect("written");
        assert_eq!(Folder::open(temp.path()).expect_err("damaged").code, Code::DataFolder);
    }

    #[test]
    fn a_file_in_the_way_is_one_clear_problem() {
        let temp = tempfile::NamedTempFile::new().expect("a file");
        let problem = Folder::open(temp.path()).expect_err("not a folder");
        assert_eq!((problem.code, problem.field.as_deref()), (Code::DataFolder, Some("data")));
    }
}
