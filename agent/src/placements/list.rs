//! A list of what is wanted, gathered from its messages.

use std::collections::BTreeMap;

use tamer_model::{PlacementId, PlacementOrder, Problem};

use super::{MAX_PLACEMENTS, Wanted};

/// What one placement is named as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// It shall run; here is how.
    Put(Box<PlacementOrder>),
    /// It shall run, and is here.
    Keep,
    /// It shall run, and is told in a way that nobody here understands.
    Bad(Problem),
    /// It shall go.
    Gone(String),
}

/// What is wanted, to be taken over at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether what is not named shall go.
    pub whole: bool,
    /// What is named.
    pub named: BTreeMap<PlacementId, Named>,
}

/// The messages of a list that is not complete yet.
#[derive(Debug, Default)]
pub struct Gathering(Option<Change>);

impl Gathering {
    /// Takes one message. What comes of it is to be taken over at once: of a whole list nothing
    /// before its last message, so that nothing is begun before it is known what has to stop first.
    pub fn take(&mut self, wanted: Wanted) -> Option<Change> {
        let Wanted { begins, complete, put, bad, keep, gone } = wanted;
        if begins {
            self.0 = Some(Change { whole: true, ..Change::default() });
        }
        let mut change = self.0.take().unwrap_or_default();
        let named = put
            .into_iter()
            .map(|order| (order.id, Named::Put(Box::new(order))))
            .chain(keep.into_iter().map(|id| (id, Named::Keep)))
            .chain(bad.into_iter().map(|(id, problem)| (id, Named::Bad(problem))))
            .chain(gone.into_iter().map(|(id, cause)| (id, Named::Gone(cause))));
        for (id, named) in named {
            // A list that long is nobody's wish: what is beyond stays unnamed only for hosts that
            // are told twice as many as they take.
            if change.named.len() < 2 * MAX_PLACEMENTS || change.named.contains_key(&id) {
                change.named.insert(id, named);
            } else {
                tracing::warn!(%id, "the list of placements is too long: this one is left out");
            }
        }
        if change.whole && !complete {
            self.0 = Some(change);
            return None;
        }
        Some(change)
    }

    /// The session is over: what it did not complete counts for nothing.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placements::kept::testing::order;

    fn id(number: u8) -> PlacementId {
        order(number).id
    }

    #[test]
    fn a_list_counts_when_it_is_complete() {
        let mut gathering = Gathering::default();
        let first = Wanted { begins: true, put: vec![order(1)], ..Wanted::default() };
        assert_eq!(gathering.take(first), None);
        let last = Wanted { complete: true, keep: vec![id(2)], ..Wanted::default() };
        let change = gathering.take(last).expect("complete");
        assert!(change.whole);
        assert_eq!(change.named.keys().copied().collect::<Vec<_>>(), [id(1), id(2)]);
        let gone = vec![(id(3), "x".to_owned())];
        let change = gathering.take(Wanted { gone, ..Wanted::default() }).expect("at once");
        assert!(!change.whole && change.named.len() == 1);
    }

    #[test]
    fn a_list_that_was_not_completed_removes_nothing() {
        let mut gathering = Gathering::default();
        let first = || Wanted { begins: true, put: vec![order(1)], ..Wanted::default() };
        assert_eq!(gathering.take(first()), None);
        gathering.forget();
        let change = gathering.take(Wanted { keep: vec![id(2)], ..Wanted::default() });
        assert!(!change.expect("at once").whole);
        // And one that begins anew has nothing of the one before.
        assert_eq!(gathering.take(first()), None);
        let again = Wanted { begins: true, complete: true, ..Wanted::default() };
        let change = gathering.take(again).expect("complete");
        assert!(change.whole && change.named.is_empty());
    }
}
