//! How a session reaches the placements.

use tamer_model::{PlacementId, PlacementOrder, Problem};
use tokio::sync::{mpsc, oneshot};

use super::Board;

/// Requests that may wait. Full means that the disk is slow; the session then waits, and is heard by
/// its heartbeats all the same.
pub(super) const REQUESTS: usize = 16;

/// A handle to the placements. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PlacementsHandle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) board: Board,
}

/// What a session begins with.
#[derive(Debug)]
pub struct Attached {
    /// Those that are on the disk and shall run.
    pub wanted: Vec<PlacementId>,
    /// How all of them stand.
    pub board: Board,
}

/// What the coordinator wants, one message of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The first message of a whole list.
    pub begins: bool,
    /// The last one.
    pub complete: bool,
    /// Those that shall run.
    pub put: Vec<PlacementOrder>,
    /// Those that shall run and are told in a way that nobody here understands.
    pub bad: Vec<(PlacementId, Problem)>,
    /// Those that shall run, and are here already.
    pub keep: Vec<PlacementId>,
    /// Those that shall go, and why.
    pub gone: Vec<(PlacementId, String)>,
}

/// As long as this lives a coordinator is heard.
#[derive(Debug)]
pub struct InSession(#[expect(dead_code, reason = "its end is what counts")] oneshot::Sender<()>);

/// The agent stops.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the agent stops, and takes no orders for placements any more")]
pub struct Stopped;

#[derive(Debug)]
pub(super) enum Request {
    Attach { reply: oneshot::Sender<Vec<PlacementId>> },
    InSession { lists: bool, over: oneshot::Receiver<()> },
    Wanted(Box<Wanted>),
}

impl PlacementsHandle {
    /// A session is about to begin. What an earlier one began to list is forgotten.
    pub async fn attach(&self) -> Result<Attached, Stopped> {
        let (reply, wanted) = oneshot::channel();
        self.ask(Request::Attach { reply }).await?;
        let wanted = wanted.await.map_err(|_| Stopped)?;
        Ok(Attached { wanted, board: self.board.clone() })
    }

    /// A session is up. `lists`: it will say what it wants; an older coordinator does not, and then
    /// everything stays as it is.
    pub async fn in_session(&self, lists: bool) -> Result<InSession, Stopped> {
        let (sign, over) = oneshot::channel();
        self.ask(Request::InSession { lists, over }).await?;
        Ok(InSession(sign))
    }

    /// The coordinator wants this.
    pub async fn want(&self, wanted: Wanted) -> Result<(), Stopped> {
        self.ask(Request::Wanted(Box::new(wanted))).await
    }

    async fn ask(&self, request: Request) -> Result<(), Stopped> {
        self.requests.send(request).await.map_err(|_| Stopped)
    }
}
