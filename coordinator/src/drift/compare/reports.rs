//! Reports that are good for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Asked, Drifted};
use crate::clock;
use crate::drift::Board;

/// How long a report is good for while nothing that it is made of changes.
const FRESH: Duration = Duration::from_secs(10);
/// Reports that are kept: one a baseline and selector that somebody watches.
const REPORTS: usize = 16;

/// Reports that are good for a while. Bounded by [`REPORTS`].
#[derive(Default)]
pub struct Reports(Mutex<Vec<Kept>>);

struct Kept {
    asked: Asked,
    /// The change of the board that it was made at.
    at: u64,
    made: u64,
    drifted: Arc<Drifted>,
}

impl Reports {
    pub(super) fn get(&self, asked: &Asked, at: u64) -> Option<Arc<Drifted>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let good = kept.iter().find(|kept| kept.asked == *asked && kept.is_good(at));
        good.map(|kept| kept.drifted.clone())
    }

    pub(super) fn put(&self, asked: Asked, at: u64, drifted: Arc<Drifted>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is good no more would only fill the memory: of a large fleet it is many megabytes.
        kept.retain(|kept| kept.asked != asked && kept.is_good(at));
        if kept.len() >= REPORTS {
            kept.remove(0);
        }
        kept.push(Kept { asked, at, made: clock::steady(), drifted });
    }
}

impl Kept {
    /// Whether it is what would be made anew.
    fn is_good(&self, at: u64) -> bool {
        let age = clock::steady().saturating_sub(self.made);
        self.at == at && age < FRESH.as_millis() as u64
    }
}

/// Waits until something that reports depend on changed.
pub async fn changed(board: &Board, since: u64) {
    let mut changes = board.changes();
    // The sender lives in the board, so the only way out is the condition.
    let _ = changes.wait_for(|count| *count != since).await;
}
