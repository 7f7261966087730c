//! The files of a host, as the test itself knows them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

/// Files: enough for many nodes, and for a first picture that takes its time.
const FILES: usize = 2_000;
/// The folders that they lie in.
const SHELVES: usize = 4;

/// What lies there: each file, and which writing of it.
pub type Held = BTreeMap<String, u64>;

/// A folder and what is in it.
pub struct Disk {
    root: PathBuf,
    held: Held,
    /// Writings so far. No two are alike, so that no file looks like another one that moved.
    written: u64,
}

impl Disk {
    /// Makes it.
    pub fn make(root: PathBuf) -> Self {
        let mut disk = Self { root, held: Held::new(), written: 0 };
        for shelf in 0..SHELVES {
            fs::create_dir_all(disk.root.join(format!("s{shelf}"))).expect("a folder");
        }
        for _ in 0..FILES {
            disk.create();
        }
        disk
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn held(&self) -> &Held {
        &self.held
    }

    /// What an agent has to look at.
    pub fn patterns(&self) -> String {
        let shelves = (0..SHELVES).map(|shelf| format!("{}/s{shelf}/*", self.root.display()));
        shelves.collect::<Vec<_>>().join(",")
    }

    /// Makes, writes over, deletes and puts back so many files, and makes one more, so that something
    /// has changed in any case. `baseline` is what they are put back to.
    pub fn edit(&mut self, draws: &mut Rng, many: usize, baseline: &Held) {
        for _ in 0..many {
            match draws.u8(..8) {
                0 | 1 => self.create(),
                2 | 3 => self.remove(draws),
                4 => self.put_back(draws, baseline),
                _ => self.write_over(draws),
            }
        }
        self.create();
    }

    fn create(&mut self) {
        let number = self.written;
        let path = self.root.join(format!("s{}/f{number:06}", number % SHELVES as u64));
        self.write(path.display().to_string());
    }

    fn remove(&mut self, draws: &mut Rng) {
        let path = self.any(draws);
        fs::remove_file(&path).expect("a file");
        self.held.remove(&path);
    }

    fn write_over(&mut self, draws: &mut Rng) {
        let path = self.any(draws);
        self.write(path);
    }

    fn put_back(&mut self, draws: &mut Rng, baseline: &Held) {
        let changed: Vec<_> =
            baseline.iter().filter(|(path, was)| self.held.get(*path) != Some(*was)).collect();
        let Some((path, was)) = draws.choice(changed) else { return };
        fs::write(path, content(path, *was)).expect("a file");
        self.held.insert(path.clone(), *was);
    }

    fn any(&self, draws: &mut Rng) -> String {
        let at = draws.usize(..self.held.len());
        self.held.keys().nth(at).expect("within").clone()
    }

    fn write(&mut self, path: String) {
        self.written += 1;
        fs::write(&path, content(&path, self.written)).expect("a file");
        self.held.insert(path, self.written);
    }
}

/// The digest that an agent tells of a file.
pub fn digest(path: &str, writing: u64) -> String {
    blake3::hash(content(path, writing).as_bytes()).to_hex().to_string()
}

/// The digests of all of them.
pub fn digests(held: &Held) -> BTreeMap<String, String> {
    held.iter().map(|(path, writing)| (path.clone(), digest(path, *writing))).collect()
}

/// How files differ, in the words of a report.
pub fn differ(before: &Held, after: &Held) -> BTreeMap<String, String> {
    let mut differ = BTreeMap::new();
    for path in before.keys().chain(after.keys()) {
        let how = match (before.get(path), after.get(path)) {
            (None, _) => "created",
            (_, None) => "deleted",
            (before, after) if before == after => continue,
            (Some(_), Some(_)) => "changed",
        };
        differ.insert(path.clone(), how.to_owned());
    }
    differ
}

fn content(path: &str, writing: u64) -> String {
    format!("{path} {writing}\n")
}
