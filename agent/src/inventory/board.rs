//! The newest picture, for whoever tells the coordinator.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_drift::Digest;
use tokio::sync::watch;

use super::told::Told;

/// Holds the newest picture. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<Arc<Told>>,
    /// Its root, or that of the one before while another is written down.
    root: Option<Digest>,
    /// Whether somebody wanted it meanwhile.
    missed: bool,
    /// Whether somebody took it to tell it, so that its counter is used up.
    taken: bool,
}

impl Board {
    pub(super) fn new() -> Self {
        let revision = watch::Sender::new(0);
        Self(Arc::new(Inner { state: Mutex::default(), revision }))
    }

    /// Goes up whenever there is something new to tell.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.0.revision.subscribe()
    }

    /// The newest picture, to tell it.
    pub fn take(&self) -> Option<Arc<Told>> {
        let mut state = self.state();
        state.taken |= state.newest.is_some();
        state.missed |= state.newest.is_none();
        state.newest.clone()
    }

    /// The root of the newest picture.
    pub fn root(&self) -> Option<Digest> {
        self.state().root
    }

    /// Takes the newest picture away, so that nobody begins to tell it while another is written
    /// down. Says whether it was taken to be told.
    pub(super) fn close(&self) -> bool {
        let mut state = self.state();
        state.newest = None;
        state.taken
    }

    /// This one is the newest. `new`: it is to be told.
    pub(super) fn put(&self, told: Arc<Told>, taken: bool, new: bool) {
        let mut state = self.state();
        state.root = Some(told.root);
        state.newest = Some(told);
        state.taken = taken;
        let missed = std::mem::take(&mut state.missed);
        drop(state);
        if new || missed {
            self.0.revision.send_modify(|revision| *revision += 1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tamer_drift::tree::Memory;
    use tamer_model::Timestamp;

    use super::*;

    fn told(counter: u64) -> Arc<Told> {
        Arc::new(Told {
            epoch: [1; 16],
            counter,
            root: Digest::from_bytes([2; 32]),
            before: None,
            at: Timestamp::from_millis(1),
            took_ms: 1,
            resources: 0,
            sources: Vec::new(),
            gap: None,
            nodes: Memory::new(),
        })
    }

    #[test]
    fn who_asks_while_another_is_written_hears_of_it_and_the_root_stays() {
        let board = Board::new();
        let mut revision = board.revision();
        board.put(told(1), false, true);
        revision.mark_unchanged();
        assert!(!board.close(), "nobody took it");
        assert_eq!(board.root(), Some(Digest::from_bytes([2; 32])));
        board.put(told(1), false, false);
        assert!(!revision.has_changed().expect("it lives"), "it is nothing new");
        board.close();
        assert!(board.take().is_none());
        board.put(told(1), false, false);
        assert!(revision.has_changed().expect("it lives"), "to one who wanted it it is");
        assert!(board.take().is_some() && board.close(), "now it was taken");
    }
}
