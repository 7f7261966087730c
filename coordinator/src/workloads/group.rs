//! Putting decisions into commits that a store accepts.

use std::collections::BTreeSet;

use tamer_store::{Commit, Key, MAX_COMMIT_BYTES, Write};

use super::deed::Deed;

/// Preconditions to a commit, and writes to a commit, of 128 that a store accepts each.
const OPS: usize = 120;
/// What a key and its place in a commit take, at most, in bytes.
const OVERHEAD: usize = 256;

/// A commit being put together.
#[derive(Default)]
struct Group {
    commit: Commit,
    deeds: Vec<Deed>,
    given: BTreeSet<Key>,
    writes: usize,
    bytes: usize,
}

/// Puts decisions into commits, each with what it holds, in their order. A precondition that several
/// decisions of one commit share is in it once.
pub fn group(deeds: Vec<Deed>) -> Vec<(Commit, Vec<Deed>)> {
    let mut done = Vec::new();
    let mut group = Group::default();
    for deed in deeds {
        let writes = deed.writes();
        let bytes: usize = writes.iter().map(size).sum();
        let bytes = bytes + deed.given().len() * OVERHEAD;
        let full = group.writes + writes.len() > OPS
            || group.given.len() + deed.given().len() > OPS
            || group.bytes + bytes > MAX_COMMIT_BYTES;
        if full && !group.deeds.is_empty() {
            let Group { commit, deeds, .. } = std::mem::take(&mut group);
            done.push((commit, deeds));
        }
        group.add(deed, writes, bytes);
    }
    if !group.deeds.is_empty() {
        done.push((group.commit, group.deeds));
    }
    done
}

impl Group {
    fn add(&mut self, deed: Deed, writes: Vec<Write>, bytes: usize) {
        let mut commit = std::mem::take(&mut self.commit);
        for (key, at) in deed.given() {
            if self.given.insert(key.clone()) {
                commit = commit.modified_at(key.clone(), *at);
            }
        }
        self.writes += writes.len();
        self.bytes += bytes;
        self.commit = writes.into_iter().fold(commit, Commit::write);
        self.deeds.push(deed);
    }
}

fn size(write: &Write) -> usize {
    OVERHEAD
        + match write {
            Write::Put(_, value) => value.len(),
            Write::Delete(_) => 0,
        }
}
