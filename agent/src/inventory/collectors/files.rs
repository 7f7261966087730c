//! Chosen files and folders: what they are, whose they are, and a digest of what is in them. The
//! content is read again only when size, times or place on the disk have changed.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tamer_drift::{Kind, Value};

use crate::inventory::{Cover, Found, Hider, Look, Pattern, Stop, Worker, host};
use crate::platform;

/// Content of more bytes than this is not read: such a file shows by its size alone.
pub const MOST_READ: u64 = 64 << 20;
/// The most folders that are watched.
const MOST_MARKS: usize = 256;

/// Looks at files.
pub struct Files {
    patterns: Vec<Pattern>,
    hider: Hider,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What each file held when it looked like this. As many as there are resources of it.
    read: HashMap<PathBuf, (platform::Stamp, Content)>,
    /// The folders of what was found.
    folders: BTreeSet<PathBuf>,
}

/// The digest of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Content(pub [u8; 32]);

impl Files {
    /// Looks at what these patterns find.
    pub fn new(patterns: Vec<Pattern>, hider: Hider) -> Self {
        Self { patterns, hider, state: Mutex::default() }
    }

    fn put(
        &self,
        path: &Path,
        state: &mut State,
        found: &mut Found,
        worker: &mut Worker,
    ) -> Result<(), Stop> {
        let id = path.display().to_string();
        let missed = |found: &mut Found, error: &io::Error| {
            let key = host(Kind::File, &id).done().key;
            found.miss(Cover::Key(key), format!("{id}: {error}"));
        };
        let seen = match path.symlink_metadata() {
            Ok(seen) => seen,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                missed(found, &error);
                return Ok(());
            }
        };
        let mut made = host(Kind::File, &id).text("type", type_of(&seen));
        for (name, value) in platform::owner_of(&seen) {
            made = made.put(name, value);
        }
        if seen.is_symlink() {
            let target = std::fs::read_link(path).unwrap_or_default();
            made = made.text("target", target.display().to_string());
        }
        if seen.is_file() {
            made = made.int("size_bytes", seen.len());
            match content(path, &seen, state, worker) {
                // What not everybody may read could be guessed from a plain digest of it.
                Ok(Some(content)) if platform::is_private(&seen) => {
                    made = made.put("digest", self.hider.hide(content.0));
                }
                Ok(Some(content)) => {
                    made = made.text("digest", blake3::Hash::from(content.0).to_hex());
                }
                Ok(None) => made = made.put("digest", Value::from("not read: it is too large")),
                Err(error) => {
                    missed(found, &error);
                    return Ok(());
                }
            }
        }
        found.put(made.done())?;
        Ok(())
    }
}

impl Look for Files {
    fn marks(&self) -> Vec<PathBuf> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bases = self.patterns.iter().map(|pattern| pattern.base().to_owned());
        bases.chain(state.folders.iter().cloned()).take(MOST_MARKS).collect()
    }

    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let mut paths = BTreeSet::new();
        for pattern in &self.patterns {
            let matches = pattern.find();
            paths.extend(matches.paths);
            for (folder, error) in matches.unseen {
                let folder = folder.display().to_string();
                found.miss(Cover::Prefix(Kind::File, folder.clone()), format!("{folder}: {error}"));
            }
        }
        // Only one look runs at a time, so nobody waits for the lock but `marks`, which is asked
        // between looks.
        let mut state =
            std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner));
        state.read.retain(|path, _| paths.contains(path));
        state.folders = paths.iter().filter_map(|path| path.parent()).map(Path::to_owned).collect();
        let mut put_all = || {
            paths.iter().try_for_each(|path| {
                worker.breathe();
                self.put(path, &mut state, found, worker)
            })
        };
        let done = put_all();
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        done
    }
}

/// What of the file system it is.
pub fn type_of(seen: &Metadata) -> &'static str {
    match seen {
        seen if seen.is_symlink() => "link",
        seen if seen.is_dir() => "folder",
        seen if seen.is_file() => "file",
        _ => "other",
    }
}

/// The content that was read when the file looked as it does now, or what is read now.
fn content(
    path: &Path,
    seen: &Metadata,
    state: &mut State,
    worker: &mut Worker,
) -> io::Result<Option<Content>> {
    let stamp = platform::stamp(seen);
    if let Some((then, content)) = state.read.get(path)
        && *then == stamp
    {
        return Ok(Some(*content));
    }
    if seen.len() > MOST_READ {
        return Ok(None);
    }
    let content = read(path, worker)?;
    // One that was just written may be written again within the same tick of the clock.
    if platform::is_settled(seen) {
        state.read.insert(path.to_owned(), (stamp, content));
    } else {
        state.read.remove(path);
    }
    Ok(Some(content))
}

/// Reads and digests a file.
pub fn read(path: &Path, worker: &mut Worker) -> io::Result<Content> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; 64 << 10];
    let mut left = MOST_READ;
    loop {
        worker.breathe();
        match file.read(&mut piece)? {
            0 => return Ok(Content(*hasher.finalize().as_bytes())),
            // It grew while it was read; what was found is told, and it changes the next time.
            read if read as u64 > left => return Ok(Content(*hasher.finalize().as_bytes())),
            read => {
                left -= read as u64;
                hasher.update(&piece[..read]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tamer_drift::Resource;

    use super::*;
    use crate::inventory::Pace;

    fn look(files: &Files) -> Vec<Resource> {
        let mut found = Found::within(Default::default());
        files.look(&mut found, &mut Pace::free().worker()).expect("looked");
        assert!(found.is_complete(), "{:?}", found.problem());
        found.resources().cloned().collect()
    }

    fn of(temp: &Path, pattern: &str) -> Files {
        let pattern = temp.join(pattern).display().to_string().parse().expect("a pattern");
        Files::new(vec![pattern], Hider::new([1; 32]))
    }

    #[test]
    fn a_file_is_found_changed_and_gone() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = temp.path().join("a.conf");
        let files = of(temp.path(), "*.conf");
        assert_eq!(look(&files), []);
        fs::write(&path, "one").expect("written");
        let first = look(&files);
        assert_eq!(first.len(), 1);
        assert_eq!(first, look(&files), "it holds still");
        // As long as the one before, and written within the same moment.
        fs::write(&path, "two").expect("written");
        let second = look(&files);
        assert_ne!(first[0].properties["digest"], second[0].properties["digest"]);
        assert!(files.marks().contains(&temp.path().to_owned()));
        fs::remove_file(&path).expect("removed");
        assert_eq!(look(&files), []);
        assert!(files.state.lock().expect("no panic").read.is_empty(), "nothing is kept of it");
    }

    #[test]
    fn content_that_did_not_change_is_not_read_again() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = temp.path().join("a");
        fs::write(&path, "one").expect("written");
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        File::options().write(true).open(&path).expect("open").set_modified(old).expect("aged");
        let seen = path.symlink_metadata().expect("seen");
        let mut state = State::default();
        let known = (platform::stamp(&seen), Content([9; 32]));
        state.read.insert(path.clone(), known);
        let mut worker = Pace::free().worker();
        let told = content(&path, &seen, &mut state, &mut worker).expect("known");
        assert_eq!(told, Some(Content([9; 32])), "what was read then");
        fs::write(&path, "two").expect("written");
        let seen = path.symlink_metadata().expect("seen");
        let told = content(&path, &seen, &mut state, &mut worker).expect("read");
        assert_eq!(told, Some(Content(*blake3::hash(b"two").as_bytes())));
    }
}
