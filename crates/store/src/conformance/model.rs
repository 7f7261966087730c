//! A store beside a map: any sequence of commands must look the same on both.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Outcome, Subject, same};
use crate::{Commit, CommitError, Entry, Event, Key, Prefix, Range, Revision, Store, Watch};

/// One thing to do to a store. Keys are few, so that commands meet.
#[derive(Clone, Debug)]
pub enum Command {
    /// Puts (a value of this many bytes) and deletes (none), at most one a key, all at once.
    Write(Vec<(u8, Option<u16>)>),
    /// Puts if the key is absent.
    PutIfAbsent(u8),
    /// Deletes if the key exists.
    DeleteIfThere(u8),
    /// Puts if the key was last modified so many changes of it ago; 0 is now.
    PutIfModified(u8, u8),
    /// Reads all keys with the same first letter, so many to a page.
    List(u8, u8),
    /// Closes the store and opens it again, where that can be done.
    Reopen,
}

/// What a store must look like.
#[derive(Default)]
struct Model {
    entries: BTreeMap<Key, Entry>,
    /// Revisions each key was modified at, latest last.
    past: BTreeMap<Key, Vec<Revision>>,
    writes: u8,
}

/// Does `commands` to a fresh store and compares it with the model all the way.
///
/// # Errors
/// With the first difference.
pub async fn replay(
    subject: &dyn Subject,
    commands: &[Command],
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut store = subject.fresh().await;
    let mut model = Model::default();
    let mut watch = follow(&store).await?;
    for command in commands {
        if let Command::Reopen = command {
            match subject.reopen(store).await {
                Some(opened) => store = opened,
                None => return Ok(()),
            }
            watch = follow(&store).await?;
        } else {
            model.step(&store, &mut watch, command).await?;
        }
    }
    model.compare(&store, &Prefix::everything(), 1000).await
}

async fn follow(store: &Store) -> Result<Watch, Box<dyn std::error::Error + Send + Sync>> {
    let from = store.revision().await?.next();
    Ok(store.watch(Prefix::everything(), from).await?)
}

fn key(index: u8) -> Key {
    let letter = char::from(b'a' + index % 4);
    Key::new(format!("{letter}/{}", index % 12)).expect("it is short")
}

impl Model {
    async fn step(&mut self, store: &Store, watch: &mut Watch, command: &Command) -> Outcome {
        let commit = match command {
            Command::Write(writes) => self.writes(writes),
            Command::PutIfAbsent(at) => Commit::new().absent(key(*at)).put(key(*at), self.value(3)),
            Command::DeleteIfThere(at) => Commit::new().exists(key(*at)).delete(key(*at)),
            Command::PutIfModified(at, ago) => {
                let key = key(*at);
                let past = self.past.get(&key).map_or(&[][..], Vec::as_slice);
                let at = past.iter().rev().nth((*ago).into()).copied().unwrap_or_default();
                Commit::new().modified_at(key.clone(), at).put(key, self.value(5))
            }
            Command::List(at, limit) => {
                let prefix = Prefix::new(&key(*at).as_bytes()[..1])?;
                return self.compare(store, &prefix, (*limit).max(1).into()).await;
            }
            Command::Reopen => return Ok(()),
        };
        self.commit(store, watch, commit).await
    }

    fn value(&mut self, size: u16) -> Bytes {
        self.writes = self.writes.wrapping_add(1);
        vec![self.writes; size.into()].into()
    }

    fn writes(&mut self, writes: &[(u8, Option<u16>)]) -> Commit {
        let mut each = BTreeMap::new();
        for (at, size) in writes {
            each.insert(key(*at), size.map(|size| self.value(size)));
        }
        each.into_iter().fold(Commit::new(), |commit, (key, value)| match value {
            Some(value) => commit.put(key, value),
            None => commit.delete(key),
        })
    }

    async fn commit(&mut self, store: &Store, watch: &mut Watch, commit: Commit) -> Outcome {
        let mut conditions = commit.preconditions().iter();
        let broken = conditions.find(|it| !it.holds(self.entries.get(it.key())));
        let revision = match (store.commit(commit.clone()).await, broken) {
            (Ok(revision), None) => revision,
            (Err(CommitError::Conflict { key }), Some(broken)) => {
                return same("key in conflict", &key, broken.key());
            }
            (seen, wanted) => {
                return Err(format!("saw {seen:?}, wanted conflict: {wanted:?}").into());
            }
        };
        let wanted = self.apply(&commit, revision);
        if !wanted.is_empty() {
            same("events", watch.next().await?, wanted)?;
        }
        for write in commit.writes() {
            let seen = store.get(write.key()).await?;
            same("what was written", seen.as_ref(), self.entries.get(write.key()))?;
        }
        Ok(())
    }

    fn apply(&mut self, commit: &Commit, revision: Revision) -> Vec<Event> {
        let change = |write: &crate::Write| match write {
            crate::Write::Put(key, value) => {
                let created = self.entries.get(key).map_or(revision, |entry| entry.created);
                let (key, value) = (key.clone(), value.clone());
                let entry = Entry { key, value, created, modified: revision };
                self.past.entry(entry.key.clone()).or_default().push(revision);
                self.entries.insert(entry.key.clone(), entry.clone());
                Some(crate::Change::Put(entry))
            }
            crate::Write::Delete(key) => {
                self.entries.remove(key).map(|_| crate::Change::Delete(key.clone()))
            }
        };
        let changes = commit.writes().iter().filter_map(change);
        changes.map(|change| Event { revision, change }).collect()
    }

    async fn compare(&self, store: &Store, prefix: &Prefix, limit: u32) -> Outcome {
        let mut rest = Some(Range::prefix(prefix).limit(limit));
        let mut wanted = self.entries.values().filter(|entry| prefix.contains(&entry.key));
        while let Some(range) = rest {
            let page = store.range(range).await?;
            for entry in &page.entries {
                same("the next entry", Some(entry), wanted.next())?;
            }
            rest = page.next;
        }
        same("what is missing", wanted.next(), None)
    }
}
