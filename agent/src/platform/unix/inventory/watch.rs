//! Watches files and folders through inotify(7). What it tells is a hint and no more: each look
//! finds what there is, and the full passes find what no hint told.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::unix::AsyncFd;

use crate::inventory::Marked;

/// The most folders that are watched: a fraction of what a user may (fs.inotify.max_user_watches is
/// 8,192 at least). Whoever finds no room is asked at intervals.
const MOST: usize = 2048;
/// How many folders up a path is looked for that is not there yet.
const MOST_UP: usize = 32;

/// Watches for several readers, by number.
pub struct Watch {
    inotify: AsyncFd<Fd>,
    /// What each watched folder means to whom.
    folders: BTreeMap<i32, Folder>,
}

struct Folder {
    descriptor: WatchDescriptor,
    /// Who is told when something happens to this name in it; of no name, to any.
    readers: BTreeSet<(usize, Option<OsString>)>,
}

struct Fd(Inotify);

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Watch {
    /// Watches nothing yet. Needs a runtime.
    pub fn new() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Self { inotify: registered(Fd(inotify))?, folders: BTreeMap::new() })
    }

    /// From now on `reader` is told of these files and folders, and of no others. Of a folder
    /// everything that happens in it counts, not below. What is not there is waited for. False when
    /// not all of it can be watched.
    pub fn want(&mut self, reader: usize, marks: &[PathBuf]) -> bool {
        let before: Vec<_> = self.folders.keys().copied().collect();
        for folder in self.folders.values_mut() {
            folder.readers.retain(|(other, _)| *other != reader);
        }
        let mut all = true;
        for mark in marks {
            all &= self.add(reader, mark);
        }
        for key in before {
            if self.folders.get(&key).is_some_and(|folder| folder.readers.is_empty())
                && let Some(folder) = self.folders.remove(&key)
            {
                // It may be gone already, and its watch with it.
                let _ = self.inotify.get_ref().0.rm_watch(folder.descriptor);
            }
        }
        all
    }

    /// Waits until something happened, and says to whom it matters. Cancel-safe: what was not read
    /// is there the next time.
    pub async fn changed(&mut self) -> io::Result<Marked> {
        loop {
            let mut ready = self.inotify.readable().await?;
            let read = ready.try_io(|fd| Ok(fd.get_ref().0.read_events()?));
            let marked = match read {
                Ok(events) => self.marked(&events?),
                Err(_would_block) => continue,
            };
            match marked {
                Marked::Some(readers) if readers.is_empty() => {}
                marked => return Ok(marked),
            }
        }
    }

    fn add(&mut self, reader: usize, mark: &Path) -> bool {
        let mut at = mark;
        let mut name = None;
        for _ in 0..MOST_UP {
            if at.is_dir() {
                return self.watch(reader, at, name);
            }
            // Of a file, and of what is not there, its folder is watched for its name: files are
            // replaced more often than they are written.
            name = at.file_name().map(OsString::from);
            match at.parent() {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        false
    }

    fn watch(&mut self, reader: usize, folder: &Path, name: Option<OsString>) -> bool {
        let what = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        let Ok(descriptor) = self.inotify.get_ref().0.add_watch(folder, what) else { return false };
        let key = descriptor.as_raw();
        if !self.folders.contains_key(&key) && self.folders.len() >= MOST {
            let _ = self.inotify.get_ref().0.rm_watch(descriptor);
            return false;
        }
        let new = || Folder { descriptor, readers: BTreeSet::new() };
        self.folders.entry(key).or_insert_with(new).readers.insert((reader, name));
        true
    }

    fn marked(&mut self, events: &[InotifyEvent]) -> Marked {
        let mut readers = BTreeSet::new();
        for event in events {
            if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                return Marked::All;
            }
            let key = event.wd.as_raw();
            let Some(folder) = self.folders.get(&key) else { continue };
            // Of the folder itself everybody is told.
            let of = |name: &Option<OsString>| {
                event.name.is_none() || name.is_none() || *name == event.name
            };
            readers.extend(folder.readers.iter().filter(|(_, name)| of(name)).map(|(one, _)| *one));
            if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                self.folders.remove(&key);
            }
        }
        Marked::Some(readers)
    }
}

#[expect(deprecated, reason = "what it owns is open as long as it lives; the other way is unsafe")]
fn registered(inotify: Fd) -> io::Result<AsyncFd<Fd>> {
    AsyncFd::new(inotify)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn told(watch: &mut Watch) -> Marked {
        let told = timeout(Duration::from_secs(10), watch.changed()).await;
        told.expect("in time").expect("heard")
    }

    async fn quiet(watch: &mut Watch) {
        let told = timeout(Duration::from_millis(50), watch.changed()).await;
        assert!(told.is_err(), "{told:?}");
    }

    fn one(reader: usize) -> Marked {
        Marked::Some([reader].into())
    }

    #[tokio::test]
    async fn readers_hear_of_their_own_alone() {
        let temp = tempfile::tempdir().expect("a folder");
        let at = |path: &str| temp.path().join(path);
        fs::create_dir(at("d")).expect("made");
        fs::write(at("file"), "1").expect("written");
        let mut watch = Watch::new().expect("watching");
        assert!(watch.want(1, &[at("file")]));
        assert!(watch.want(2, &[at("d")]));
        assert!(watch.want(3, &[at("new/deep/file")]));
        fs::write(at("file"), "2").expect("written");
        assert_eq!(told(&mut watch).await, one(1));
        // Replaced, as packages do.
        fs::write(at("file.new"), "3").expect("written");
        fs::rename(at("file.new"), at("file")).expect("renamed");
        assert_eq!(told(&mut watch).await, one(1));
        fs::write(at("d/x"), "1").expect("written");
        assert_eq!(told(&mut watch).await, one(2));
        fs::write(at("other"), "1").expect("written");
        quiet(&mut watch).await;
        // It is waited for, part by part.
        fs::create_dir_all(at("new/deep")).expect("made");
        assert_eq!(told(&mut watch).await, one(3));
        assert!(watch.want(3, &[at("new/deep/file")]));
        fs::write(at("new/deep/file"), "1").expect("written");
        assert_eq!(told(&mut watch).await, one(3));
    }

    #[tokio::test]
    async fn what_is_not_wanted_any_more_is_not_watched() {
        let temp = tempfile::tempdir().expect("a folder");
        fs::create_dir(temp.path().join("d")).expect("made");
        let mut watch = Watch::new().expect("watching");
        watch.want(1, &[temp.path().join("d")]);
        watch.want(1, &[]);
        assert!(watch.folders.is_empty());
        fs::write(temp.path().join("d/x"), "1").expect("written");
        quiet(&mut watch).await;
        // And one whose folder goes hears of it once more.
        watch.want(2, &[temp.path().join("d")]);
        fs::remove_dir_all(temp.path().join("d")).expect("removed");
        assert_eq!(told(&mut watch).await, one(2));
    }
}
