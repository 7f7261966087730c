//! What files hold, read in pieces: a file may be larger than memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use tamer_model::{Content, Fingerprint, Problem};

/// Bytes that are read at once.
const AT_ONCE: usize = 256 * 1024;

/// What the files of a batch hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests(pub BTreeMap<PathBuf, Content>);

impl Digests {
    /// Reads all of them.
    pub async fn of(files: Vec<PathBuf>) -> Result<Self, Problem> {
        // Without files no thread is needed, and most batches have none.
        if files.is_empty() {
            return Ok(Self::default());
        }
        let read_all = move || {
            let read = |path: PathBuf| {
                let content = read(&path).map_err(|error| unreadable(&path, &error))?;
                Ok((path, content))
            };
            files.into_iter().map(read).collect::<Result<_, _>>().map(Self)
        };
        tokio::task::spawn_blocking(read_all).await.unwrap_or_else(|error| {
            Err(Problem::new(tamer_model::Code::Internal, format!("reading the files: {error}")))
        })
    }

    /// What one of them holds.
    pub fn get(&self, path: &Path) -> Result<Content, Problem> {
        self.0.get(path).copied().ok_or_else(|| {
            unreadable(path, &io::Error::other("it was not read before it was needed"))
        })
    }
}

/// What a file holds.
pub fn read(path: &Path) -> io::Result<Content> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    of_reader(file, &mut Context::new(&SHA256))
}

/// What a reader gives, after what `hash` was given before.
pub(super) fn of_reader(mut from: impl Read, hash: &mut Context) -> io::Result<Content> {
    let mut buffer = vec![0; AT_ONCE];
    let mut size = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(Content { digest: finished(hash), size }),
            Ok(read) => {
                hash.update(&buffer[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest of what was hashed so far.
pub(super) fn finished(hash: &Context) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.clone().finish().as_ref());
    Fingerprint::from_bytes(bytes)
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::field("file", format!("cannot read {}: {error}", path.display()))
        .remedy("check the path and its permissions; nothing was started")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_named_by_what_they_hold() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        std::fs::write(&path, "abc").expect("writes");
        let digests = Digests::of(vec![path.clone()]).await.expect("reads");
        let content = digests.get(&path).expect("is there");
        assert_eq!(content.size, 3);
        assert_eq!(
            content.digest.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        for wrong in [folder.path().to_owned(), folder.path().join("y")] {
            let problem = Digests::of(vec![wrong.clone()]).await.expect_err("no file");
            assert_eq!(problem.field.as_deref(), Some("file"));
            assert!(digests.get(&wrong).is_err());
        }
    }
}
