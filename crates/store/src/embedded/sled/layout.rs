//! Where things are in sled's one tree.
//!
//! ```text
//! m                            the tip: its revision and a CRC-32 of it
//! k KEY                        an entry's record, with its value if that has at most 4 KiB
//! v MODIFIED KEY PART          a part of a bigger value: 16 KiB, the last one less
//! ```
//! sled splits a page by the number of its items (16), not by their size, and rewrites a whole page
//! now and then. Parts keep a page under 512 KiB, far from what would go to a blob file, and
//! keep big values out of the pages of small ones.

use std::ops::{Bound, RangeBounds};

use ::sled::{Batch as SledBatch, Db};
use bytes::Bytes;

use super::super::{
    engine::Step,
    fault::EngineError,
    record::{self, Apart, Record},
};
use crate::{Entry, Key, Revision};

const TIP: &[u8] = b"m";
const HEAD: u8 = b'k';
const AFTER_HEADS: u8 = HEAD + 1;
const PART: u8 = b'v';
const INLINE_BYTES: usize = 4 * 1024;
const PART_BYTES: usize = 16 * 1024;

pub(super) fn head_key(key: &Key) -> Vec<u8> {
    prefixed(HEAD, key.as_bytes())
}

pub(super) fn key_of(head: &[u8]) -> Result<Key, EngineError> {
    Key::new(head.get(1..).unwrap_or_default()).map_err(|_| EngineError::DamagedKey)
}

pub(super) fn heads(start: &[u8], end: Option<&[u8]>) -> impl RangeBounds<Vec<u8>> {
    let end = end.map_or_else(|| vec![AFTER_HEADS], |end| prefixed(HEAD, end));
    (Bound::Included(prefixed(HEAD, start)), Bound::Excluded(end))
}

pub(super) fn tip(db: &Db) -> Result<Revision, EngineError> {
    let Some(tip) = db.get(TIP)? else { return Ok(Revision::ZERO) };
    crate::embedded::tip::decode(&tip)
        .ok_or_else(|| EngineError::Sled(::sled::Error::ReportableBug("a damaged tip".into())))
}

pub(super) fn put_tip(batch: &mut SledBatch, tip: Revision) {
    batch.insert(TIP, &crate::embedded::tip::encode(tip));
}

/// Replaces what was stored for a key by what is stored now, parts included.
pub(super) fn put_step(batch: &mut SledBatch, key: &Key, step: &Step) {
    if let Some(before) = &step.before {
        for part in 0..parts(before.value.len()) {
            batch.remove(part_key(key, before.modified, part));
        }
    }
    match &step.after {
        None => batch.remove(head_key(key)),
        Some(after) if parts(after.value.len()) == 0 => {
            batch.insert(head_key(key), record::encode(after));
        }
        Some(after) => {
            batch.insert(head_key(key), record::encode_apart(after));
            for (part, bytes) in after.value.chunks(PART_BYTES).enumerate() {
                batch.insert(part_key(key, after.modified, part), bytes);
            }
        }
    }
}

/// The entry of a record, with its parts fetched.
pub(super) fn load(db: &Db, key: Key, found: &[u8]) -> Result<Entry, EngineError> {
    match record::decode(key, found)? {
        Record::Whole(entry) => Ok(entry),
        Record::Apart(apart) => {
            let value = join(db, &apart)?;
            apart.with(value)
        }
    }
}

fn join(db: &Db, apart: &Apart) -> Result<Bytes, EngineError> {
    let mut value = Vec::new();
    for part in 0..parts(apart.len) {
        let found = db.get(part_key(apart.key(), apart.modified(), part))?;
        value.extend_from_slice(&found.ok_or_else(|| EngineError::Damaged(apart.key().clone()))?);
    }
    Ok(value.into())
}

/// How many parts a value of this length is kept in; none when it is kept in the record.
fn parts(len: usize) -> usize {
    if len <= INLINE_BYTES { 0 } else { len.div_ceil(PART_BYTES) }
}

fn part_key(key: &Key, modified: Revision, part: usize) -> Vec<u8> {
    let part = u16::try_from(part).expect("MAX_VALUE is 64 parts");
    let mut address = vec![PART];
    address.extend_from_slice(&modified.0.to_be_bytes());
    address.extend_from_slice(key.as_bytes());
    address.extend_from_slice(&part.to_be_bytes());
    address
}

fn prefixed(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut address = Vec::with_capacity(1 + bytes.len());
    address.push(kind);
    address.extend_from_slice(bytes);
    address
}
