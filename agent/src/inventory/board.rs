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
        state.newest.clone()
    }

    /// The root of the newest picture.
    pub fn root(&self) -> Option<Digest> {
        self.state().newest.as_ref().map(|told| told.root)
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
        state.newest = Some(told);
        state.taken = taken;
        drop(state);
        if new {
            self.0.revision.send_modify(|revision| *revision += 1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
