//! A revision as twelve bytes that cannot be mistaken: big-endian, then their CRC-32.
//!
//! Beside the engine's own files lies `tip`, rewritten in place after each sync and never synced
//! itself. It may be behind what the engine holds, and is never ahead of what was synced. An engine
//! that opens with less has lost acknowledged commits (sled cuts its log at the first damage it
//! finds, without a word), and that is found by comparing the two.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use crate::Revision;

pub(crate) struct TipFile(File);

pub(crate) fn encode(revision: Revision) -> [u8; 12] {
    let number = revision.0.to_be_bytes();
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&number);
    bytes[8..].copy_from_slice(&crc32fast::hash(&number).to_be_bytes());
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> Option<Revision> {
    let bytes = <&[u8; 12]>::try_from(bytes).ok()?;
    let (number, sum) = bytes.split_first_chunk::<8>()?;
    (crc32fast::hash(number).to_be_bytes() == sum).then_some(Revision(u64::from_be_bytes(*number)))
}

impl TipFile {
    pub fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join("tip");
        File::options().read(true).write(true).create(true).truncate(false).open(path).map(Self)
    }

    /// The revision last recorded. None when there is none, or it was cut off by a power cut: then
    /// there is nothing to compare with.
    pub fn read(&mut self) -> io::Result<Option<Revision>> {
        let mut bytes = Vec::new();
        self.0.seek(SeekFrom::Start(0))?;
        self.0.read_to_end(&mut bytes)?;
        Ok(decode(&bytes))
    }

    pub fn record(&mut self, revision: Revision) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(&encode(revision))
    }
}
