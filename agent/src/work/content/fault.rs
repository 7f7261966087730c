//! What the system says of files, as people should read it.

use std::io::{self, ErrorKind};
use std::path::Path;

use tamer_model::{Code, Problem};

use crate::problem::chain;

/// The problem behind `error`, which came when it was tried to `what` the file or folder `path`.
pub fn problem(what: &str, path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot {what} {}: {}", path.display(), chain(error));
    let (code, remedy) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            (Code::ResourceExhausted, "make room on the host's disk there, and try again")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => (
            Code::PermissionDenied,
            "give the agent's user the right to it, or choose another place",
        ),
        ErrorKind::NotFound => (Code::NotFound, "check the path on the host"),
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty => {
            (Code::WrongState, "name a file, in a folder of the host")
        }
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
            (Code::InvalidField, "choose a name that the host's file system takes")
        }
        ErrorKind::ExecutableFileBusy | ErrorKind::ResourceBusy => {
            (Code::Busy, "end the program that uses it, and try again")
        }
        // There are many more, and new ones come: what the system says is in the message.
        _ => (Code::TechnologyFailed, "look at the host: its system refused for its own reason"),
    };
    Problem::new(code, message).remedy(remedy)
}

/// Runs what blocks on the disk where it holds up nothing else. Not cancelled when it is dropped:
/// what was begun is done.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(io::Error::other(error)),
    }
}
