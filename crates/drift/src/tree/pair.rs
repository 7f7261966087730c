//! Two trees side by side, past everything that they share.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::sync::Arc;

use super::node::Node;
use super::read::Store;
use super::{Entry, Nodes, TreeError};
use crate::digest::Digest;

/// An entry that is not the same in both trees. At least one side has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<E> {
    /// What the first tree has.
    pub before: Option<E>,
    /// What the second tree has.
    pub after: Option<E>,
}

/// The entries that differ between two trees, in the order of their keys; `None` is a tree without
/// entries. Reads no node that both trees share but those beside a difference, so the time follows
/// the difference.
pub fn differences<'a, E: Entry>(
    before: Option<&Digest>,
    after: Option<&Digest>,
    nodes: &'a dyn Nodes,
) -> Result<Differences<'a, E>, TreeError> {
    let store = Store::new::<E>(nodes);
    let same = before == after;
    let side = |root: Option<&Digest>| Side::new(store, root.filter(|_| !same));
    let (before, after) = (side(before)?, side(after)?);
    Ok(Differences { before, after, ended: false, sort: PhantomData })
}

/// What [`differences`] finds. Ends after an error.
pub struct Differences<'a, E> {
    before: Side<'a>,
    after: Side<'a>,
    ended: bool,
    sort: PhantomData<fn() -> E>,
}

impl<E: Entry> Iterator for Differences<'_, E> {
    type Item = Result<Pair<E>, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = if self.ended { None } else { self.step().transpose() };
        self.ended = !matches!(pair, Some(Ok(_)));
        pair
    }
}

impl<E: Entry> Differences<'_, E> {
    /// Goes on to the next difference. A subtree that is the same on both sides is passed; any
    /// other is entered, the higher first, so that equal ones come to stand side by side.
    fn step(&mut self) -> Result<Option<Pair<E>>, TreeError> {
        loop {
            match (self.before.head()?, self.after.head()?) {
                (Head::End, Head::End) => return Ok(None),
                (Head::Subtree(a), Head::Subtree(b)) if a.digest == b.digest => {
                    self.before.pass();
                    self.after.pass();
                }
                (Head::Subtree(a), Head::Subtree(b)) => {
                    if a.level >= b.level {
                        self.before.enter()?;
                    }
                    if b.level >= a.level {
                        self.after.enter()?;
                    }
                }
                (Head::Subtree(_), Head::Entry | Head::End) => self.before.enter()?,
                (Head::Entry | Head::End, Head::Subtree(_)) => self.after.enter()?,
                (Head::Entry, Head::End) => return self.gone().map(Some),
                (Head::End, Head::Entry) => return self.came().map(Some),
                (Head::Entry, Head::Entry) => {
                    if let Some(pair) = self.entries()? {
                        return Ok(Some(pair));
                    }
                }
            }
        }
    }

    fn entries(&mut self) -> Result<Option<Pair<E>>, TreeError> {
        match self.before.key().cmp(self.after.key()) {
            Ordering::Less => self.gone().map(Some),
            Ordering::Greater => self.came().map(Some),
            Ordering::Equal if self.before.value() == self.after.value() => {
                self.before.pass();
                self.after.pass();
                Ok(None)
            }
            Ordering::Equal => {
                let (before, after) = (self.before.take()?, self.after.take()?);
                Ok(Some(Pair { before: Some(before), after: Some(after) }))
            }
        }
    }

    fn gone(&mut self) -> Result<Pair<E>, TreeError> {
        Ok(Pair { before: Some(self.before.take()?), after: None })
    }

    fn came(&mut self) -> Result<Pair<E>, TreeError> {
        Ok(Pair { before: None, after: Some(self.after.take()?) })
    }
}

/// What comes next on one side.
enum Head {
    Subtree(Ahead),
    Entry,
    End,
}

struct Ahead {
    digest: Digest,
    level: u8,
}

/// One tree, read from left to right. Nodes that are passed are never read.
struct Side<'a> {
    store: Store<'a>,
    /// From the root down; the index is what comes next. As long as the tree is high.
    path: Vec<(Arc<Node>, usize)>,
}

impl<'a> Side<'a> {
    fn new(store: Store<'a>, root: Option<&Digest>) -> Result<Self, TreeError> {
        let root = root.map(|root| store.root(root)).transpose()?;
        let mut side = Self { store, path: root.into_iter().map(|root| (root, 0)).collect() };
        side.leave();
        Ok(side)
    }

    fn head(&self) -> Result<Head, TreeError> {
        match self.path.last() {
            None => Ok(Head::End),
            Some((node, _)) if node.level == 0 => Ok(Head::Entry),
            Some((node, index)) => {
                let digest = node.child(*index)?.digest;
                Ok(Head::Subtree(Ahead { digest, level: node.level }))
            }
        }
    }

    fn key(&self) -> &[u8] {
        self.path.last().map_or(&[], |(node, index)| node.key(*index))
    }

    fn value(&self) -> &[u8] {
        self.path.last().map_or(&[], |(node, index)| node.value(*index))
    }

    fn take<E: Entry>(&mut self) -> Result<E, TreeError> {
        let (node, index) = self.path.last().expect("an entry comes next");
        let entry = node.entry(*index)?;
        self.pass();
        Ok(entry)
    }

    fn pass(&mut self) {
        if let Some((_, index)) = self.path.last_mut() {
            *index += 1;
        }
        self.leave();
    }

    fn enter(&mut self) -> Result<(), TreeError> {
        let (node, index) = self.path.last_mut().expect("a subtree comes next");
        let child = self.store.child(node, *index)?;
        *index += 1;
        self.path.push((child, 0));
        Ok(())
    }

    /// Out of nodes that are at their end.
    fn leave(&mut self) {
        while self.path.last().is_some_and(|(node, index)| *index == node.len()) {
            self.path.pop();
        }
    }
}
