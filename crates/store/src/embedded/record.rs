//! How one entry looks on disk, the same in every engine.
//!
//! ```text
//! byte 0      kind: 1 the value follows; 2 the value is elsewhere, its length (u32) follows
//! bytes 1-8   created (u64)
//! bytes 9-16  modified (u64)
//! bytes 17-20 CRC-32 of key, created, modified and value
//! bytes 21-   value, or length
//! ```
//! Numbers are big-endian. The key is part of the sum, so a record under the wrong key is found.
//! A future layout takes another kind, and this version says that it is newer.

use bytes::Bytes;

use super::fault::EngineError;
use crate::{Entry, Key, Revision};

const INLINE: u8 = 1;
const APART: u8 = 2;
const HEADER: usize = 21;

/// A record whose value may still have to be fetched.
pub(crate) enum Record {
    Whole(Entry),
    Apart(Apart),
}

/// All of an entry but its value.
pub(crate) struct Apart {
    key: Key,
    created: Revision,
    modified: Revision,
    sum: u32,
    pub len: usize,
}

/// The record of an entry, value included.
pub(crate) fn encode(entry: &Entry) -> Vec<u8> {
    let mut record = header(INLINE, entry, entry.value.len());
    record.extend_from_slice(&entry.value);
    record
}

/// The record of an entry whose value is stored elsewhere.
pub(crate) fn encode_apart(entry: &Entry) -> Vec<u8> {
    let mut record = header(APART, entry, 4);
    let len = u32::try_from(entry.value.len()).expect("a value has at most MAX_VALUE bytes");
    record.extend_from_slice(&len.to_be_bytes());
    record
}

/// Reads a record back.
pub(crate) fn decode(key: Key, record: &[u8]) -> Result<Record, EngineError> {
    let (Some(header), Some(body)) = (record.first_chunk::<HEADER>(), record.get(HEADER..)) else {
        return Err(EngineError::Damaged(key));
    };
    let apart = |key, len| Apart {
        key,
        created: Revision(u64::from_be_bytes(field(header, 1))),
        modified: Revision(u64::from_be_bytes(field(header, 9))),
        sum: u32::from_be_bytes(field(header, 17)),
        len,
    };
    match (header[0], <[u8; 4]>::try_from(body)) {
        (INLINE, _) => {
            let value = Bytes::copy_from_slice(body);
            apart(key, value.len()).with(value).map(Record::Whole)
        }
        (APART, Ok(len)) => Ok(Record::Apart(apart(key, u32::from_be_bytes(len) as usize))),
        (APART, Err(_)) | (0, _) => Err(EngineError::Damaged(key)),
        (_, _) => Err(EngineError::Newer(key)),
    }
}

/// Reads a record that an engine always stores whole.
pub(crate) fn decode_whole(key: Key, record: &[u8]) -> Result<Entry, EngineError> {
    match decode(key, record)? {
        Record::Whole(entry) => Ok(entry),
        Record::Apart(apart) => Err(EngineError::Damaged(apart.key)),
    }
}

impl Apart {
    /// The entry, once its value is at hand.
    pub fn with(self, value: Bytes) -> Result<Entry, EngineError> {
        let Self { key, created, modified, sum, len } = self;
        let entry = Entry { key, value, created, modified };
        if entry.value.len() == len && checksum(&entry) == sum {
            Ok(entry)
        } else {
            Err(EngineError::Damaged(entry.key))
        }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    pub fn modified(&self) -> Revision {
        self.modified
    }
}

/// CRC-32 over all of an entry; files of the `transfer` module carry the same sum.
pub(crate) fn checksum(entry: &Entry) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(entry.key.as_bytes());
    sum.update(&entry.created.0.to_be_bytes());
    sum.update(&entry.modified.0.to_be_bytes());
    sum.update(&entry.value);
    sum.finalize()
}

fn header(kind: u8, entry: &Entry, body: usize) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER + body);
    record.push(kind);
    record.extend_from_slice(&entry.created.0.to_be_bytes());
    record.extend_from_slice(&entry.modified.0.to_be_bytes());
    record.extend_from_slice(&checksum(entry).to_be_bytes());
    record
}

fn field<const N: usize>(header: &[u8; HEADER], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&header[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may")]
    use super::*;

    #[test]
    fn any_flipped_bit_is_found() {
        let key = Key::new("a").unwrap();
        let value = Bytes::from_static(b"value");
        let entry = Entry { key: key.clone(), value, created: Revision(1), modified: Revision(2) };
        let record = encode(&entry);
        assert_eq!(decode_whole(key.clone(), &record).unwrap(), entry);
        for bit in 0..record.len() * 8 {
            let mut bad = record.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_whole(key.clone(), &bad).is_err(), "bit {bit}");
        }
        assert!(decode_whole(Key::new("b").unwrap(), &record).is_err(), "another key's record");
        assert!(decode_whole(key, &record[..10]).is_err(), "cut short");
    }
}
