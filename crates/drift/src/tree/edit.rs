//! Trees that differ a little from others: what did not change is not touched.

use std::collections::{BTreeMap, BTreeSet};

use super::chunker::{Chunker, Made};
use super::cursor::Cursor;
use super::node::Node;
use super::read::Store;
use super::{EditError, Entry, NodeBytes, Nodes, TreeError};
use crate::digest::Digest;

/// A tree that was changed.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The name of the tree now.
    pub root: Digest,
    /// The nodes that are new in it.
    pub made: Vec<(Digest, NodeBytes)>,
    /// The nodes that are no longer in it.
    pub gone: Vec<Digest>,
}

/// The tree after these changes: `Some` puts an entry, `None` removes what has the key. Reads and
/// makes as many nodes as the changes touch, times the height. It is the tree that [`super::build`]
/// makes of the same entries.
pub fn edit<E: Entry>(
    root: &Digest,
    changes: impl IntoIterator<Item = (E::Key, Option<E>)>,
    nodes: &dyn Nodes,
) -> Result<Edited, EditError> {
    let mut edits = Edits::new();
    for (key, entry) in changes {
        let body = entry.map(|entry| entry.body()).transpose()?;
        edits.insert(E::key_bytes(&key), body.map(Value::entry));
    }
    Ok(edit_bytes(Store::new::<E>(nodes), root, edits)?)
}

/// What becomes of keys of one level, in their order.
pub(super) type Edits = BTreeMap<Vec<u8>, Option<Value>>;

/// A value of a level and how many entries lie below it.
pub(super) struct Value {
    bytes: Vec<u8>,
    count: u64,
}

impl Value {
    pub(super) fn entry(bytes: Vec<u8>) -> Self {
        Self { bytes, count: 1 }
    }
}

pub(super) fn edit_bytes(
    store: Store<'_>,
    root: &Digest,
    mut edits: Edits,
) -> Result<Edited, TreeError> {
    let top = store.root(root)?;
    let mut work = Work { store, made: BTreeMap::new(), gone: BTreeSet::new() };
    for level in 0..top.level {
        edits = work.level(Cursor::at(store, top.clone(), level)?, level, edits)?.parents();
        if edits.is_empty() {
            break;
        }
    }
    if edits.is_empty() {
        return Ok(work.end(*root));
    }
    let mut tops = work.level(Cursor::at(store, top.clone(), top.level)?, top.level, edits)?.made;
    let mut level = top.level;
    while tops.len() > 1 {
        level += 1;
        tops = work.above(level, &tops);
    }
    let root = match tops.pop() {
        Some(top) => work.lowest(top.child.digest)?,
        None => work.keep(&Chunker::new(store.domain, 0).end()),
    };
    Ok(work.end(root))
}

struct Work<'a> {
    store: Store<'a>,
    made: BTreeMap<Digest, NodeBytes>,
    gone: BTreeSet<Digest>,
}

/// What became of one level: nodes that were read, by last key, and nodes in their places.
struct Level {
    read: Vec<(Vec<u8>, Digest)>,
    made: Vec<Made>,
}

impl Level {
    /// What the level above has to change. A node that came out as it was is no change.
    fn parents(self) -> Edits {
        let same: BTreeMap<Vec<u8>, Digest> = self.read.into_iter().collect();
        let mut edits: Edits = same.keys().map(|key| (key.clone(), None)).collect();
        for Made { last_key, child, .. } in self.made {
            if same.get(&last_key) == Some(&child.digest) {
                edits.remove(&last_key);
            } else {
                let value = Value { bytes: child.write(), count: child.count };
                edits.insert(last_key, Some(value));
            }
        }
        edits
    }
}

impl Work<'_> {
    /// Changes one level. Works on runs of nodes: from one with a change to the next place where
    /// a node ends as one ended before.
    fn level(
        &mut self,
        mut cursor: Cursor<'_>,
        level: u8,
        edits: Edits,
    ) -> Result<Level, TreeError> {
        let mut done = Level { read: Vec::new(), made: Vec::new() };
        let mut edits = edits.into_iter().peekable();
        while let Some((key, _)) = edits.peek() {
            cursor.seek(key)?;
            let mut chunker = Chunker::new(self.store.domain, level);
            loop {
                let (node, last) = (cursor.node().clone(), cursor.is_last());
                merge(&node, last, &mut edits, |key, value, count| {
                    done.made.extend(chunker.push(key, value, count));
                })?;
                done.read.extend(node.last_key().map(|key| (key.to_vec(), node.digest)));
                self.gone.insert(node.digest);
                if chunker.is_empty() || !cursor.next()? {
                    break;
                }
            }
            if !chunker.is_empty() {
                done.made.push(chunker.end());
            }
        }
        self.keep_all(&done.made);
        Ok(done)
    }

    /// The nodes of a level that was not there, over these.
    fn above(&mut self, level: u8, below: &[Made]) -> Vec<Made> {
        let mut chunker = Chunker::new(self.store.domain, level);
        let mut made = Vec::new();
        for Made { last_key, child, .. } in below {
            made.extend(chunker.push(last_key, &child.write(), child.count));
        }
        if !chunker.is_empty() {
            made.push(chunker.end());
        }
        self.keep_all(&made);
        made
    }

    /// The root is the lowest node that has everything below it.
    fn lowest(&mut self, mut root: Digest) -> Result<Digest, TreeError> {
        loop {
            let node = match self.made.get(&root) {
                Some(bytes) => Node::read(self.store.domain, &root, bytes.clone())?,
                None => self.store.load(&root)?,
            };
            if node.level == 0 || node.len() > 1 {
                return Ok(root);
            }
            if self.made.remove(&root).is_none() {
                self.gone.insert(root);
            }
            root = node.child(0)?.digest;
        }
    }

    fn keep(&mut self, made: &Made) -> Digest {
        self.made.insert(made.child.digest, made.bytes.clone());
        made.child.digest
    }

    fn keep_all(&mut self, made: &[Made]) {
        for made in made {
            self.keep(made);
        }
    }

    /// What was made as it was is neither new nor gone.
    fn end(mut self, root: Digest) -> Edited {
        let same: Vec<Digest> =
            self.gone.iter().filter(|digest| self.made.contains_key(digest)).copied().collect();
        for digest in same {
            self.made.remove(&digest);
            self.gone.remove(&digest);
        }
        let gone = self.gone.into_iter().collect();
        Edited { root, made: self.made.into_iter().collect(), gone }
    }
}

/// A node's entries and the changes that fall among them, in order; all changes that are left when
/// it is the last of its level.
fn merge(
    node: &Node,
    last: bool,
    edits: &mut std::iter::Peekable<impl Iterator<Item = (Vec<u8>, Option<Value>)>>,
    mut put: impl FnMut(&[u8], &[u8], u64),
) -> Result<(), TreeError> {
    for index in 0..node.len() {
        let key = node.key(index);
        while let Some((new, value)) = edits.next_if(|(edit, _)| edit.as_slice() < key) {
            value.iter().for_each(|value| put(&new, &value.bytes, value.count));
        }
        match edits.next_if(|(edit, _)| edit == key) {
            Some((_, value)) => value.iter().for_each(|new| put(key, &new.bytes, new.count)),
            None => put(key, node.value(index), node.entry_count(index)?),
        }
    }
    if last {
        for (key, value) in edits {
            value.iter().for_each(|value| put(&key, &value.bytes, value.count));
        }
    }
    Ok(())
}
