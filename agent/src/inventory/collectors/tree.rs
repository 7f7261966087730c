//! One walk over everything below a folder, beside the list that the walk before it wrote: what
//! looks as it did then is not read again.
//!
//! A million files need neither a million resources nor their paths in memory: the walk goes through
//! names in one order, the list of the last walk is in that order, and both are read side by side.
//! Memory is what the names of the folders on the way take.

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::files::{self, Content, type_of};
use crate::inventory::Worker;
use crate::platform;

/// The most entries of one folder: their names are in memory while it is walked through.
const MOST_ENTRIES: usize = 500_000;
/// The most folders within each other.
const MOST_DEEP: usize = 256;
/// The longest path below the folder, in bytes.
const MOST_PATH: usize = 16 << 10;
/// What a list begins with; another version is read as none.
const MAGIC: &[u8; 16] = b"tamer-tree   v.1";

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// Files.
    pub files: u64,
    /// Folders, without the first.
    pub folders: u64,
    /// What the files hold, in bytes.
    pub bytes: u64,
    /// Of how many the content was read.
    pub read: u64,
    /// The digest of everything.
    pub digest: [u8; 32],
    /// The digest of each thing that lies in the folder itself.
    pub parts: Vec<(String, [u8; 32])>,
    /// What could not be looked at: the first few, and how many.
    pub unseen: (Vec<String>, u64),
}

/// Walks over `folder`. The list of the last walk is read from `list`, which is replaced.
pub fn walk(folder: &Path, list: &Path, worker: &mut Worker) -> io::Result<Walked> {
    let old = Old::open(list);
    let mut new = list.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut out = BufWriter::new(platform::create_private_file(&new)?);
    out.write_all(MAGIC)?;
    let walked = Walked::default();
    let mut walk = Walk { old, out, before: Vec::new(), walked, worker };
    let all = walk.folder(folder, &mut Vec::new(), 0)?;
    walk.walked.digest = all;
    // It saves work and no more, so it need not outlive a crash: it is not synced.
    walk.out.flush()?;
    fs::rename(&new, list)?;
    Ok(walk.walked)
}

struct Walk<'a> {
    old: Old,
    out: BufWriter<File>,
    /// The path that was written last.
    before: Vec<u8>,
    walked: Walked,
    worker: &'a mut Worker,
}

impl Walk<'_> {
    /// Walks through a folder, and digests what is in it. `path` is the way to it, its parts
    /// divided by zeros, so that the order of bytes is that of the walk.
    fn folder(&mut self, folder: &Path, path: &mut Vec<u8>, deep: usize) -> io::Result<[u8; 32]> {
        let names = if deep > MOST_DEEP { Err(too_much()) } else { names(folder) };
        let names = match names {
            Ok(names) => names,
            Err(error) if deep == 0 => return Err(error),
            Err(error) => {
                self.unseen(folder, &error);
                return Ok([0; 32]);
            }
        };
        let mut hasher = blake3::Hasher::new();
        for name in names {
            self.worker.breathe();
            let at = folder.join(&name);
            let before = path.len();
            path.push(0);
            path.extend_from_slice(name.as_encoded_bytes());
            if let Some(digest) = self.thing(&at, path, deep)? {
                hasher.update(&(name.len() as u64).to_le_bytes());
                hasher.update(name.as_encoded_bytes());
                hasher.update(&digest);
                if deep == 0 {
                    self.walked.parts.push((name.to_string_lossy().into_owned(), digest));
                }
            }
            path.truncate(before);
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// Digests one thing; nothing, when it is gone meanwhile.
    fn thing(
        &mut self,
        at: &Path,
        path: &mut Vec<u8>,
        deep: usize,
    ) -> io::Result<Option<[u8; 32]>> {
        let seen = match at.symlink_metadata() {
            Ok(seen) if path.len() <= MOST_PATH => seen,
            Ok(_) => {
                self.unseen(at, &too_much());
                return Ok(None);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                self.unseen(at, &error);
                return Ok(None);
            }
        };
        let inside = if seen.is_dir() {
            self.walked.folders += 1;
            self.folder(at, path, deep + 1)?
        } else if seen.is_file() {
            self.walked.files += 1;
            self.walked.bytes += seen.len();
            match self.content(at, path, &seen)? {
                Some(content) => content.0,
                None => return Ok(None),
            }
        } else {
            let target = fs::read_link(at).unwrap_or_default();
            *blake3::hash(target.as_os_str().as_encoded_bytes()).as_bytes()
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(type_of(&seen).as_bytes());
        for (name, value) in platform::owner_of(&seen) {
            hasher.update(format!("\n{name}={value}").as_bytes());
        }
        hasher.update(b"\n").update(&inside);
        Ok(Some(*hasher.finalize().as_bytes()))
    }

    /// The content of a file: as the last walk found it, or as it is read now.
    fn content(&mut self, at: &Path, path: &[u8], seen: &Metadata) -> io::Result<Option<Content>> {
        let stamp = short(&platform::stamp(seen));
        let known = self.old.at(path).filter(|entry| entry.stamp == stamp);
        let content = match known {
            Some(entry) => entry.content,
            None if seen.len() > files::MOST_READ => {
                Content(*blake3::hash(&seen.len().to_le_bytes()).as_bytes())
            }
            None => match files::read(at, self.worker) {
                Ok(content) => {
                    self.walked.read += 1;
                    content
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => {
                    self.unseen(at, &error);
                    return Ok(None);
                }
            },
        };
        if platform::is_settled(seen) {
            self.write(path, stamp, content)?;
        }
        Ok(Some(content))
    }

    /// One entry: how many bytes of its path are those of the one before, the rest, and what is
    /// known of it.
    fn write(&mut self, path: &[u8], stamp: [u8; 8], content: Content) -> io::Result<()> {
        let same = path.iter().zip(&self.before).take_while(|(one, other)| one == other).count();
        // Both are at most `MOST_PATH`.
        self.out.write_all(&(same as u16).to_le_bytes())?;
        self.out.write_all(&((path.len() - same) as u16).to_le_bytes())?;
        self.out.write_all(&path[same..])?;
        self.out.write_all(&stamp)?;
        self.out.write_all(&content.0)?;
        self.before.clear();
        self.before.extend_from_slice(path);
        Ok(())
    }

    fn unseen(&mut self, at: &Path, error: &io::Error) {
        let (texts, count) = &mut self.walked.unseen;
        *count += 1;
        if texts.len() < 4 {
            texts.push(format!("{}: {error}", at.display()));
        }
    }
}

/// The list of the last walk, read along with this one. What is damaged, or ends early, is as if it
/// ended there: then content is read again, and no more.
struct Old {
    file: Option<BufReader<File>>,
    entry: Entry,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    path: Vec<u8>,
    stamp: [u8; 8],
    content: Content,
}

impl Old {
    fn open(list: &Path) -> Self {
        let open = || {
            let mut file = BufReader::new(File::open(list).ok()?);
            let mut magic = [0; MAGIC.len()];
            file.read_exact(&mut magic).ok()?;
            (&magic == MAGIC).then_some(file)
        };
        Self { file: open(), entry: Entry::default() }
    }

    /// What is known of this path; all before it are passed by.
    fn at(&mut self, path: &[u8]) -> Option<&Entry> {
        while self.file.is_some() && self.entry.path.as_slice() < path {
            if self.next().is_none() {
                self.file = None;
            }
        }
        (self.file.is_some() && self.entry.path == path).then_some(&self.entry)
    }

    fn next(&mut self) -> Option<()> {
        let file = self.file.as_mut()?;
        let mut head = [0; 4];
        file.read_exact(&mut head).ok()?;
        let same = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let rest = usize::from(u16::from_le_bytes([head[2], head[3]]));
        if same > self.entry.path.len() || same + rest > MOST_PATH {
            return None;
        }
        let before = self.entry.path.clone();
        self.entry.path.resize(same + rest, 0);
        file.read_exact(&mut self.entry.path[same..]).ok()?;
        file.read_exact(&mut self.entry.stamp).ok()?;
        file.read_exact(&mut self.entry.content.0).ok()?;
        // Out of order it is not what was written.
        (self.entry.path > before).then_some(())
    }
}

/// A stamp in eight bytes.
fn short(stamp: &platform::Stamp) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    for part in stamp {
        hasher.update(&part.to_le_bytes());
    }
    let mut short = [0; 8];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    short
}

/// The names in a folder, in order.
fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        if names.len() == MOST_ENTRIES {
            return Err(too_much());
        }
        names.push(entry?.file_name());
    }
    names.sort_unstable_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(names)
}

fn too_much() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "it has too many entries, or lies too deep")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::inventory::Pace;

    fn age(path: &Path) {
        let old = SystemTime::now() - Duration::from_secs(3600);
        File::options().write(true).open(path).expect("open").set_modified(old).expect("aged");
    }

    fn put(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        age(&path);
    }

    fn go(folder: &Path, list: &Path) -> Walked {
        walk(folder, list, &mut Pace::free().worker()).expect("walked")
    }

    /// Walks until nothing is read any more: times of files that were just made are not believed.
    fn warm(folder: &Path, list: &Path) -> Walked {
        let begin = std::time::Instant::now();
        loop {
            let walked = go(folder, list);
            if walked.read == 0 {
                return walked;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "{walked:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn what_did_not_change_is_not_read_again() {
        let (temp, lists) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let (folder, list) = (temp.path(), lists.path().join("list"));
        // Names whose order with `/` is not the order of the walk.
        for path in ["a/x", "a/y/z", "a-b", "a.c/d", "b", "ä/1", "a/y.z"] {
            put(folder, path, path);
        }
        let first = go(folder, &list);
        assert_eq!((first.files, first.folders, first.read), (7, 4, 7));
        assert_eq!(warm(folder, &list), Walked { read: 0, ..first.clone() });
        put(folder, "a/y/z", "other");
        put(folder, "0", "new");
        fs::remove_file(folder.join("b")).expect("removed");
        let later = go(folder, &list);
        assert_eq!((later.files, later.read), (7, 2));
        let differ = |part: &&(String, [u8; 32])| !first.parts.contains(part);
        let names: Vec<_> =
            later.parts.iter().filter(differ).map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["0", "a"]);
    }

    #[test]
    fn a_damaged_list_costs_reading_and_no_more() {
        let (temp, lists) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let (folder, list) = (temp.path(), lists.path().join("list"));
        for number in 0..50 {
            put(folder, &format!("{}/{number}", number % 7), "text");
        }
        let expected = warm(folder, &list).digest;
        let whole = fs::read(&list).expect("there");
        assert!(whole.len() > 50 * 40, "all of them are on the list");
        for at in (0..whole.len()).step_by(37) {
            fs::write(&list, &whole[..at]).expect("cut");
            assert_eq!(go(folder, &list).digest, expected, "cut at {at}");
        }
        fs::write(&list, [MAGIC.as_slice(), &[255; 4000]].concat()).expect("garbage");
        assert_eq!(go(folder, &list).digest, expected);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let lists = tempfile::tempdir().expect("a folder");
        let walked =
            walk(&lists.path().join("no"), &lists.path().join("list"), &mut Pace::free().worker());
        assert_eq!(walked.expect_err("none").kind(), io::ErrorKind::NotFound);
    }
}
