//! The files of the inventory: the picture, and when it was last seen to be so.
//!
//! The picture is written whole, with a checksum, beside the old one, and then takes its name: a
//! crash leaves one of both. 5,000 resources are some two megabytes; it is written when something
//! changed, at most once a second, and never more than a tenth of the time.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tamer_crash::point;
use tamer_drift::tree::{Memory as Nodes, NodeBytes, Picture};
use tamer_drift::{Digest, Domain, Resource};

use super::memory::{Head, Kept, Memory, Observed};
use crate::folder;
use crate::problem::chain;

/// The version of both files.
const VERSION: u32 = 1;
const MAGIC: &str = "tamer-inventory";
/// The longest head, in bytes.
const MOST_HEAD: usize = 1 << 20;
/// The most bytes of the file: what all collectors may find together is below it.
const MOST: u64 = 1 << 30;

/// How a file is replaced: its path, its new content. Blocks.
pub type Replace = Arc<dyn Fn(&Path, &[u8]) -> io::Result<()> + Send + Sync>;

/// The files.
#[derive(Clone)]
pub struct Store {
    state: PathBuf,
    observed: PathBuf,
    replace: Replace,
}

impl Store {
    /// The files in the folder of the inventory.
    pub fn new(folder: &Path) -> Self {
        Self::replacing(folder, Arc::new(folder::replace))
    }

    /// The same, with another way to replace a file: a disk that a test made.
    pub fn replacing(folder: &Path, replace: Replace) -> Self {
        Self { state: folder.join("state"), observed: folder.join("observed"), replace }
    }

    /// The picture that was kept. One that is of no use is moved aside, so that people can look at
    /// it. Blocks.
    pub fn read(&self) -> Kept {
        let read = fs::metadata(&self.state).and_then(|seen| match seen.len() {
            len if len > MOST => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too long")),
            _ => fs::read(&self.state),
        });
        let lost = match read {
            Ok(bytes) => match parse(&bytes) {
                Ok(memory) => return Kept::Whole(Box::new(memory)),
                Err(why) => why,
            },
            // The other file is written later than the first picture.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.observed.exists() => {
                return Kept::Nothing;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => "it is gone".to_owned(),
            Err(error) => chain(&error),
        };
        let aside = self.state.with_extension("damaged");
        let _ = fs::rename(&self.state, &aside);
        tracing::warn!(
            path = %self.state.display(), aside = %aside.display(), why = lost,
            "the picture of this host is lost; another one begins"
        );
        Kept::Lost(lost)
    }

    /// When the picture was last seen to be as it was kept. A file that is of no use says nothing:
    /// then the gap is longer. Blocks.
    pub fn read_observed(&self) -> Option<Observed> {
        let bytes = fs::read(&self.observed).ok()?;
        let (json, rest) = headed::<Observed>(&bytes).ok()?;
        rest.is_empty().then_some(json)
    }

    /// Replaces the picture. Blocks.
    pub fn write(&self, head: &Head, nodes: &Nodes) -> io::Result<()> {
        point("inventory.begun");
        let mut body = Vec::new();
        for (_, bytes) in nodes.iter() {
            body.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            body.extend_from_slice(bytes);
        }
        (self.replace)(&self.state, &file(head, &body)?)?;
        point("inventory.written");
        Ok(())
    }

    /// Says that the picture is seen to be as it is kept. Blocks.
    pub fn write_observed(&self, observed: Observed) -> io::Result<()> {
        (self.replace)(&self.observed, &file(&observed, &[])?)
    }
}

/// A line with the version, a checksum of what follows it and the length of the head; the head; the
/// rest.
fn file<T: Serialize>(head: &T, body: &[u8]) -> io::Result<Vec<u8>> {
    let head = serde_json::to_vec(head).map_err(io::Error::other)?;
    let mut sum = crc32fast::Hasher::new();
    sum.update(&head);
    sum.update(body);
    let mut bytes = Vec::with_capacity(head.len() + body.len() + 64);
    writeln!(bytes, "{MAGIC} {VERSION} {:08x} {}", sum.finalize(), head.len())?;
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(body);
    Ok(bytes)
}

/// The head of a file, and what follows it; or why it is of no use.
fn headed<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<(T, &[u8]), String> {
    let end = bytes.iter().take(128).position(|byte| *byte == b'\n');
    let (line, rest) = bytes.split_at(end.ok_or("it has no head")?);
    let line = String::from_utf8_lossy(line);
    let words: Vec<_> = line.split(' ').collect();
    let &[MAGIC, version, sum, len] = words.as_slice() else {
        return Err("it is no file of an inventory".to_owned());
    };
    match version.parse::<u32>() {
        Ok(VERSION) => {}
        Ok(version) => {
            return Err(format!("it has version {version}, which this agent does not read"));
        }
        Err(_) => return Err("it has no version".to_owned()),
    }
    let rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    if sum != format!("{:08x}", crc32fast::hash(rest)) {
        return Err("its checksum is another one".to_owned());
    }
    let len = len.parse().ok().filter(|len| *len <= rest.len().min(MOST_HEAD));
    let (head, body) = rest.split_at(len.ok_or("its head is too long")?);
    let head = serde_json::from_slice(head).map_err(|error| format!("its head: {error}"))?;
    Ok((head, body))
}

fn parse(bytes: &[u8]) -> Result<Memory, String> {
    let (head, mut body) = headed::<Head>(bytes)?;
    let mut nodes = Nodes::new();
    while let Some((len, rest)) = body.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let (node, rest) = rest.split_at_checked(len).ok_or("it ends within a node")?;
        nodes.put(Digest::of(Domain::HOST, node), NodeBytes::from(node));
        body = rest;
    }
    if !body.is_empty() {
        return Err("it ends within a length".to_owned());
    }
    let picture =
        Picture::<Resource>::open(&head.root, &nodes).map_err(|error| error.to_string())?;
    Ok(Memory { head, picture })
}

#[cfg(test)]
mod tests {
    use tamer_drift::Kind;
    use tamer_model::Timestamp;

    use super::*;
    use crate::inventory::host;

    fn memory(count: u32) -> Memory {
        let mut memory = Memory::resume(Kept::Nothing, None, [7; 16]);
        for number in 0..count {
            let one = host(Kind::User, &format!("u{number}")).int("uid", number).done();
            memory.picture.put(&one).expect("good");
        }
        memory.head.root = memory.picture.root();
        memory.head.at = Timestamp::from_millis(1000);
        memory
    }

    fn whole(kept: Kept) -> Memory {
        match kept {
            Kept::Whole(memory) => *memory,
            Kept::Nothing => panic!("nothing"),
            Kept::Lost(why) => panic!("{why}"),
        }
    }

    #[test]
    fn what_is_written_is_read_and_goes_on_with_a_gap() {
        let temp = tempfile::tempdir().expect("a folder");
        let store = Store::new(temp.path());
        assert!(matches!(store.read(), Kept::Nothing));
        let mut first = memory(300);
        store.write(&first.head, first.picture.nodes()).expect("written");
        let read = whole(store.read());
        assert_eq!(read.head, first.head);
        let observed = Observed { epoch: [7; 16], at: Timestamp::from_millis(5000) };
        store.write_observed(observed).expect("written");
        let read = whole(store.read());
        let resumed = Memory::resume(Kept::Whole(Box::new(read)), store.read_observed(), [9; 16]);
        assert_eq!((resumed.head.epoch, resumed.head.counter), ([7; 16], first.head.counter + 1));
        let gap = resumed.head.gap.expect("a gap");
        assert_eq!(gap.from, Timestamp::from_millis(5000));
        assert_eq!(resumed.head.before, Some(first.head.root));
    }

    #[test]
    fn damage_begins_another_epoch_and_is_told() {
        let temp = tempfile::tempdir().expect("a folder");
        let store = Store::new(temp.path());
        let mut first = memory(40);
        store.write(&first.head, first.picture.nodes()).expect("written");
        store
            .write_observed(Observed { epoch: [7; 16], at: Timestamp::from_millis(9) })
            .expect("written");
        let path = temp.path().join("state");
        let bytes = fs::read(&path).expect("there");
        let lost = |bytes: &[u8], what: &str| {
            fs::write(&path, bytes).expect("written");
            let Kept::Lost(why) = store.read() else { panic!("{what} was believed") };
            assert!(!path.exists(), "it was moved aside");
            let resumed = Memory::resume(Kept::Lost(why), store.read_observed(), [9; 16]);
            assert_eq!((resumed.head.epoch, resumed.head.counter), ([9; 16], 1));
            let gap = resumed.head.gap.expect("a gap");
            assert!(gap.why.contains("lost") && gap.from == Timestamp::from_millis(9), "{gap:?}");
        };
        for at in (0..bytes.len()).step_by(101) {
            let mut bad = bytes.clone();
            bad[at] ^= 0x40;
            lost(&bad, &format!("a byte at {at}"));
            lost(&bytes[..at], &format!("a cut at {at}"));
        }
        lost(b"tamer-inventory 2 00000000 0\n", "a newer one");
        let Kept::Lost(_) = store.read() else { panic!("one that is gone was never there") };
    }

    #[test]
    fn gaps_that_nobody_heard_of_become_one() {
        let at = Timestamp::from_millis;
        let earlier =
            super::super::told::Gap { changed: 3, ..super::super::told::Gap::since(at(5), "a") };
        let gap = super::super::told::Gap::since(at(9), "b").after(Some(earlier));
        assert_eq!((gap.from, gap.changed), (at(5), 3));
        assert!(gap.why.contains('a') && gap.why.contains('b'));
    }
}
