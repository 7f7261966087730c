//! How a session reaches the inventory.

use tamer_drift::Digest;
use tokio::sync::mpsc;

use super::board::Board;

/// Requests that may wait: one for each picture that a session's coordinator stored, and there is
/// one session. What finds no room is asked again with the next picture.
pub(super) const REQUESTS: usize = 16;

/// A handle to the inventory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InventoryHandle {
    pub(super) board: Board,
    pub(super) requests: mpsc::Sender<Request>,
}

/// What a coordinator asks of the picture that it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nodes that it lacks.
    Nodes(Vec<Digest>),
    /// It has stored the picture with this root.
    Stored(Digest),
}

#[derive(Debug)]
pub(super) enum Request {
    Stored(Digest),
}

impl InventoryHandle {
    /// The root that a heartbeat carries; none while there is no picture.
    pub fn root(&self) -> Option<Digest> {
        self.board.root()
    }

    /// The newest picture.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The coordinator has this picture, and so what was told with it.
    pub fn stored(&self, root: Digest) {
        // Full or over: what was told with it is told again, which changes nothing.
        let _ = self.requests.try_send(Request::Stored(root));
    }
}
