//! Contents that were got and are kept for a while: the script of many batches travels once.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tamer_model::{Content, MAX_SCRIPT_BYTES, Problem};

use super::digest::{Digest, READ, hex};
use super::download::download;
use super::fault::{off_thread, problem};
use super::partial::Partial;
use super::transfers::Transfers;
use crate::platform;
use crate::work::{Failure, Halt, Job};

/// Bytes that are kept: a few of the largest scripts, thousands of usual ones. One is kept whatever
/// its size, for as long as it takes to use it.
const KEPT: u64 = 4 * MAX_SCRIPT_BYTES;
/// The ending of a file on its way.
const PART: &str = "part";

/// The folder of contents. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    transfers: Transfers,
}

impl Cache {
    /// In this folder, which is made when it is first needed.
    pub fn new(folder: PathBuf, transfers: Transfers) -> Self {
        Self { folder, transfers }
    }

    /// Copies the content into `target`, an empty file; gets it when it is not here.
    pub async fn copy(
        &self,
        job: &mut Job,
        content: Content,
        target: &Path,
        halt: &mut Halt,
    ) -> Result<(), Failure> {
        let file = self.folder.join(hex(&content.digest));
        let _turn = self.transfers.turn(&file, halt).await?;
        // What is here needs no place: it is here also while the coordinator is away.
        if !self.copy_right(&file, target, content).await? {
            let place = self.transfers.place(halt).await?;
            self.get(job, content, &file, halt).await?;
            drop(place);
            if !self.copy_right(&file, target, content).await? {
                let error = io::Error::other("it is not what was just written");
                return Err(problem("read", &file, &error).into());
            }
        }
        Ok(())
    }

    /// Copies the content if it is here and right; one that is not right is removed.
    async fn copy_right(
        &self,
        file: &Path,
        target: &Path,
        content: Content,
    ) -> Result<bool, Problem> {
        let (from, to) = (file.to_owned(), target.to_owned());
        let copied = off_thread(move || copy_right(&from, &to, content)).await;
        copied.map_err(|error| problem("write", target, &error))
    }

    async fn get(
        &self,
        job: &mut Job,
        content: Content,
        file: &Path,
        halt: &mut Halt,
    ) -> Result<(), Failure> {
        let (folder, keep) = (self.folder.clone(), file.to_owned());
        let room = off_thread(move || {
            platform::create_private_folder(&folder)?;
            make_room(&folder, &keep, KEPT.saturating_sub(content.size))
        });
        room.await.map_err(|error| problem("make room in", &self.folder, &error))?;
        let part = file.with_extension(PART);
        let mut partial = Partial::open(&part, content, halt).await?;
        match download(&self.transfers, job, content, &mut partial, halt).await {
            Ok(()) => Ok(partial.place(file, |_| Ok(())).await?),
            Err(failure @ Failure::Halted(_)) => Err(failure),
            Err(failure @ Failure::Problem(_)) => {
                partial.remove().await;
                Err(failure)
            }
        }
    }
}

/// Copies a file and says whether it was the content. What was not is removed.
fn copy_right(from: &Path, to: &Path, content: Content) -> io::Result<bool> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut target = File::options().write(true).truncate(true).open(to)?;
    let mut digest = Digest::new();
    let mut copying = io::Read::take(&mut source, content.size.saturating_add(1));
    let mut buffer = vec![0; READ];
    loop {
        let len = io::Read::read(&mut copying, &mut buffer)?;
        if len == 0 {
            break;
        }
        digest.update(&buffer[..len]);
        io::Write::write_all(&mut target, &buffer[..len])?;
    }
    let right = digest.finish() == content.digest;
    if right {
        // The least recently used goes first. That it cannot be told costs a transfer some day.
        let _ = source.set_modified(SystemTime::now());
    } else {
        fs::remove_file(from)?;
    }
    Ok(right)
}

/// Removes what was not used for longest until the rest fits; `keep` and what is on its way to it
/// stay.
fn make_room(folder: &Path, keep: &Path, limit: u64) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if entry.path().with_extension("") != keep {
            kept.push((metadata.modified()?, metadata.len(), entry.path()));
        }
    }
    kept.sort_unstable();
    let mut bytes: u64 = kept.iter().map(|(_, len, _)| len).sum();
    for (_, len, path) in kept {
        if bytes <= limit {
            break;
        }
        match fs::remove_file(&path) {
            Ok(()) => bytes -= len,
            // In use on Windows, or gone already: another time.
            Err(error) => tracing::debug!(path = %path.display(), %error, "a content stays"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn content(bytes: &[u8]) -> Content {
        let mut digest = Digest::new();
        digest.update(bytes);
        Content { digest: digest.finish(), size: bytes.len() as u64 }
    }

    #[test]
    fn only_what_is_right_is_copied_and_what_is_not_goes() {
        let temp = tempfile::tempdir().expect("a folder");
        let (from, to) = (temp.path().join("from"), temp.path().join("to"));
        fs::write(&to, "old and long").expect("written");
        assert!(!copy_right(&from, &to, content(b"new")).expect("not there"));
        fs::write(&from, "new").expect("written");
        assert!(copy_right(&from, &to, content(b"new")).expect("copied"));
        assert_eq!(fs::read(&to).expect("read"), b"new");
        fs::write(&from, "rotten").expect("written");
        assert!(!copy_right(&from, &to, content(b"new")).expect("looked at"));
        assert!(!from.exists());
    }

    #[test]
    fn what_was_used_last_stays() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = |name: &str| temp.path().join(name);
        for (age, name) in ["a", "b", "c", "d", "d.part"].iter().enumerate() {
            fs::write(path(name), "0123456789").expect("written");
            let file = File::options().write(true).open(path(name)).expect("there");
            let at = SystemTime::now() - Duration::from_secs(100 - age as u64);
            file.set_modified(at).expect("set");
        }
        make_room(temp.path(), &path("d"), 20).expect("made");
        assert!(!path("a").exists() && path("b").exists() && path("d.part").exists());
        make_room(temp.path(), &path("d"), 0).expect("made");
        assert!(!path("b").exists() && !path("c").exists() && path("d").exists());
    }
}
