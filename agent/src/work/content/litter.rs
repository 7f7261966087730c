//! Files that work leaves outside the agent's folder while it is under way, remembered so that
//! none stays for ever. One small file each, written before what it names is made.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::digest::{Digest, hex};
use crate::{folder, platform};

/// How long what has come of a file is kept for another attempt.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// The memory of them. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Litter {
    folder: PathBuf,
    /// What is in use in this life of the agent; at most as many as there are tasks that work.
    used: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// What lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file on its way, which may be of use to another attempt.
    Partial,
    /// A folder with a script that ran, which is of no use any more.
    Script,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    kind: Kind,
    path: PathBuf,
}

/// Something that is in use. It is forgotten with [`Used::gone`], and swept some day otherwise.
#[derive(Debug)]
pub struct Used {
    litter: Litter,
    path: PathBuf,
}

impl Litter {
    /// The memory in this folder, which is made when it is first needed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, used: Arc::default() }
    }

    /// Remembers what is about to be made at `path`. On disk when this returns. Blocks.
    pub fn note(&self, kind: Kind, path: &Path) -> io::Result<Used> {
        platform::create_private_folder(&self.folder)?;
        let note = Note { kind, path: path.to_owned() };
        let text = serde_json::to_vec(&note).map_err(io::Error::other)?;
        self.used().insert(path.to_owned());
        let used = Used { litter: self.clone(), path: path.to_owned() };
        let file = self.file(path);
        if !file.try_exists()? {
            folder::replace(&file, &text)?;
        }
        Ok(used)
    }

    /// Removes what is of no use any more: scripts that nobody runs, and files on their way that
    /// nobody went on with for a day. Blocks.
    pub fn sweep(&self, now: SystemTime) {
        let Ok(notes) = fs::read_dir(&self.folder) else { return };
        for note in notes.filter_map(Result::ok) {
            let read = fs::read(note.path()).ok();
            let Some(read) = read.and_then(|text| serde_json::from_slice::<Note>(&text).ok())
            else {
                continue;
            };
            if !self.used().contains(&read.path) && read.is_over(now) {
                read.remove();
                let _ = fs::remove_file(note.path());
            }
        }
    }

    fn file(&self, path: &Path) -> PathBuf {
        let mut digest = Digest::new();
        digest.update(path.as_os_str().as_encoded_bytes());
        self.folder.join(hex(&digest.finish()))
    }

    fn used(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        // Nothing panics while it is held.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    fn is_over(&self, now: SystemTime) -> bool {
        let changed = || fs::symlink_metadata(&self.path)?.modified();
        match (self.kind, changed()) {
            (Kind::Script, _) => true,
            (Kind::Partial, Ok(at)) => now.duration_since(at).is_ok_and(|age| age >= KEPT),
            (Kind::Partial, Err(error)) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// A link in the place of what was there is removed and not followed.
    fn remove(&self) {
        let removed = match self.kind {
            Kind::Partial => fs::remove_file(&self.path),
            Kind::Script => fs::remove_dir_all(&self.path),
        };
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "what work left behind stays");
        }
    }
}

impl Used {
    /// It is not there any more. Blocks.
    pub fn gone(self) {
        let _ = fs::remove_file(self.litter.file(&self.path));
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        self.litter.used().remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_and_not_in_use_is_swept() {
        let temp = tempfile::tempdir().expect("a folder");
        let litter = Litter::new(temp.path().join("litter"));
        let there = |name: &str| temp.path().join(name);
        let later = SystemTime::now() + KEPT + Duration::from_secs(60);
        let partial = litter.note(Kind::Partial, &there("partial")).expect("noted");
        fs::write(there("partial"), "x").expect("written");
        let script = litter.note(Kind::Script, &there("script")).expect("noted");
        fs::create_dir(there("script")).expect("made");
        litter.sweep(later);
        assert!(there("partial").exists() && there("script").exists(), "both are in use");
        drop((partial, script));
        litter.sweep(SystemTime::now());
        assert!(there("partial").exists(), "another attempt may go on with it");
        assert!(!there("script").exists());
        litter.sweep(later);
        assert!(!there("partial").exists());
        assert_eq!(fs::read_dir(there("litter")).expect("a folder").count(), 0);
        // What was taken away is forgotten, at once or when it is swept.
        litter.note(Kind::Partial, &there("gone")).expect("noted").gone();
        drop(litter.note(Kind::Partial, &there("lost")).expect("noted"));
        litter.sweep(SystemTime::now());
        assert_eq!(fs::read_dir(there("litter")).expect("a folder").count(), 0);
    }
}
