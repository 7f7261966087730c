//! One node: its bytes, and what they say.
//!
//! A version, the level (zero for a leaf), how many entries, then for each its key and its value,
//! both with their lengths. The value of an inner node's entry is the child's digest and how many
//! entries lie below it; its key is the child's last.

use super::cut::{MAX_ENTRIES, MAX_NODE_BYTES, ends};
use super::entry::MAX_KEY_BYTES;
use super::{Entry, NodeBytes, TreeError};
use crate::canonical::{Malformed, Reader, VERSION, Writer};
use crate::digest::{Digest, Domain};

/// The highest level. A node that is not the last of its level has two children at least, so no
/// honest tree comes near.
pub const MAX_LEVEL: u8 = 40;

/// Whether bytes that somebody sent are the node of a digest, with all that is in it. What lies
/// below an inner node is not looked at.
pub fn check<E: Entry>(digest: &Digest, bytes: &NodeBytes) -> Result<(), TreeError> {
    let node = Node::read(E::DOMAIN, digest, bytes.clone())?;
    node.check_entries::<E>()
}

/// A node that was read.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) digest: Digest,
    pub(super) level: u8,
    bytes: NodeBytes,
    spans: Vec<Span>,
    /// The key before the first, where there is one: every key here is higher.
    pub(super) lower: Option<Vec<u8>>,
}

/// Where an entry lies in the bytes.
#[derive(Debug, Clone, Copy)]
struct Span {
    key: usize,
    key_end: usize,
    value: usize,
    value_end: usize,
}

/// What an inner node says of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) digest: Digest,
    /// How many entries lie below.
    pub(super) count: u64,
}

impl Child {
    pub(super) fn write(self) -> Vec<u8> {
        let mut to = Writer::new();
        to.raw(self.digest.as_bytes());
        to.number(self.count);
        to.into_bytes()
    }

    fn read(value: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(value);
        let child = Self { digest: Digest::from_bytes(from.array()?), count: from.number()? };
        from.end()?;
        Ok(child)
    }
}

impl Node {
    /// The node of a digest, if the bytes are its.
    pub(super) fn read(
        domain: Domain,
        digest: &Digest,
        bytes: NodeBytes,
    ) -> Result<Self, TreeError> {
        if Digest::of(domain, &bytes) != *digest {
            return Err(TreeError::Damaged(*digest));
        }
        Self::parse(*digest, bytes).map_err(|Malformed { at, what }| TreeError::Malformed {
            digest: *digest,
            at,
            what,
        })
    }

    fn parse(digest: Digest, bytes: NodeBytes) -> Result<Self, Malformed> {
        let mut from = Reader::new(&bytes);
        from.version(VERSION)?;
        let level = from.byte()?;
        let entries = from.count()?;
        if level > MAX_LEVEL || entries > MAX_ENTRIES || bytes.len() > MAX_NODE_BYTES {
            return Err(from.refuse("a node outside the bounds"));
        }
        if level > 0 && entries == 0 {
            return Err(from.refuse("an inner node without children"));
        }
        let spans = read_spans(&mut from, level, entries)?;
        from.end()?;
        Ok(Self { digest, level, bytes, spans, lower: None })
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn key(&self, index: usize) -> &[u8] {
        let span = self.spans[index];
        &self.bytes[span.key..span.key_end]
    }

    pub(super) fn value(&self, index: usize) -> &[u8] {
        let span = self.spans[index];
        &self.bytes[span.value..span.value_end]
    }

    pub(super) fn last_key(&self) -> Option<&[u8]> {
        self.len().checked_sub(1).map(|last| self.key(last))
    }

    pub(super) fn bytes(&self) -> &NodeBytes {
        &self.bytes
    }

    /// What an inner node says of a child. Only asked of inner nodes, which were read as such.
    pub(super) fn child(&self, index: usize) -> Result<Child, TreeError> {
        Child::read(self.value(index)).map_err(|wrong| self.malformed(wrong.what))
    }

    /// How many entries an entry stands for.
    pub(super) fn entry_count(&self, index: usize) -> Result<u64, TreeError> {
        if self.level == 0 { Ok(1) } else { self.child(index).map(|child| child.count) }
    }

    /// How many entries lie below.
    pub(super) fn count(&self) -> Result<u64, TreeError> {
        (0..self.len()).try_fold(0u64, |sum, index| {
            let count = self.entry_count(index)?;
            sum.checked_add(count).ok_or_else(|| self.malformed("counts too great"))
        })
    }

    /// The first entry whose key is at least this one; as many as there are when none is.
    pub(super) fn find(&self, key: &[u8]) -> usize {
        self.spans.partition_point(|span| &self.bytes[span.key..span.key_end] < key)
    }

    pub(super) fn malformed(&self, what: &'static str) -> TreeError {
        TreeError::Malformed { digest: self.digest, at: 0, what }
    }

    /// That a leaf holds entries and nothing else.
    pub(super) fn check_entries<E: Entry>(&self) -> Result<(), TreeError> {
        let entries = if self.level == 0 { self.len() } else { 0 };
        (0..entries).try_for_each(|index| self.entry::<E>(index).map(drop))
    }

    /// An entry of a leaf.
    pub(super) fn entry<E: Entry>(&self, index: usize) -> Result<E, TreeError> {
        let (key, span) = (self.key(index), self.spans[index]);
        E::read(key, self.value(index)).map_err(|Malformed { at, what }| {
            let begin = if E::read_key(key).is_err() { span.key } else { span.value };
            TreeError::Malformed { digest: self.digest, at: begin + at, what }
        })
    }

    /// That the node ends where nodes end; the last of its level may end early.
    pub(super) fn check_end(&self, last: bool) -> Result<(), TreeError> {
        let Some(begin) = self.spans.first().map(|span| span.key) else { return Ok(()) };
        let begin = begin - length_bytes(self.key(0).len());
        for (index, span) in self.spans.iter().enumerate() {
            let is_last = index + 1 == self.len();
            let ends = ends(self.level, index + 1, span.value_end - begin, self.key(index));
            if ends != is_last && !(is_last && last) {
                return Err(self.malformed("a node that does not end where it should"));
            }
        }
        Ok(())
    }
}

fn read_spans(from: &mut Reader<'_>, level: u8, entries: usize) -> Result<Vec<Span>, Malformed> {
    let mut spans = Vec::with_capacity(entries);
    let mut last: &[u8] = &[];
    for _ in 0..entries {
        let key = from.bytes()?;
        let key_end = from.at();
        if key.len() > MAX_KEY_BYTES || key <= last {
            return Err(from.refuse("keys out of order"));
        }
        last = key;
        let value = from.bytes()?;
        if level > 0 && Child::read(value)?.count == 0 {
            return Err(from.refuse("a child without entries"));
        }
        spans.push(Span {
            key: key_end - key.len(),
            key_end,
            value: from.at() - value.len(),
            value_end: from.at(),
        });
    }
    Ok(spans)
}

/// How many bytes a length takes.
fn length_bytes(length: usize) -> usize {
    let mut to = Writer::new();
    to.count(length);
    to.len()
}
