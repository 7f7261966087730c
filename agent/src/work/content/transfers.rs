//! Contents between the coordinator and this host: a few at once, over whatever connection is up,
//! each going on where it was cut.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::keyed::Keyed;
use super::link::Link;
use crate::work::{Failure, Halt};

/// Transfers at once. More wait: the disk and the network of one host are soon busy, and each holds
/// a window of the connection and up to a megabyte of memory.
pub const MAX_TRANSFERS: usize = 4;
/// How long the coordinator may take to answer a question.
pub const ANSWER: Duration = Duration::from_secs(30);
/// How long it may take until it begins to send or to take a content: of ten thousand hosts most
/// wait for their turn, which it grants within five minutes, and for another host that brings the
/// same, two minutes more. A connection that is lost is noticed long before that.
pub const TURN: Duration = Duration::from_secs(450);
/// How long it may send nothing in the middle of one.
pub const IDLE: Duration = Duration::from_secs(60);
/// How long it may take to look through a whole content: it reads 16 GiB at 100 MB/s in 170 s.
pub const VERIFY: Duration = Duration::from_secs(300);

/// What transfers share. Clones are the same.
#[derive(Debug, Clone)]
pub struct Transfers {
    link: Link,
    places: Arc<Semaphore>,
    files: Keyed,
}

/// The turn at a file, for as long as it is kept.
#[derive(Debug)]
pub struct Turn {
    _file: OwnedMutexGuard<()>,
}

/// The right to move something, for as long as it is kept.
#[derive(Debug)]
pub struct Place {
    _place: OwnedSemaphorePermit,
}

impl Transfers {
    /// Over the connections that `link` tells.
    pub fn new(link: Link) -> Self {
        Self { link, places: Arc::new(Semaphore::new(MAX_TRANSFERS)), files: Keyed::default() }
    }

    /// The connection of the moment.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Waits for the turn at this file, of those who work on it. It comes before a place, so that
    /// whoever waits for another task's file holds up nobody.
    pub async fn turn(&self, file: &Path, halt: &mut Halt) -> Result<Turn, Failure> {
        Ok(Turn { _file: halt.or(self.files.lock(file)).await? })
    }

    /// Waits for a place among those that move something.
    pub async fn place(&self, halt: &mut Halt) -> Result<Place, Failure> {
        let place = halt.or(self.places.clone().acquire_owned()).await?;
        Ok(Place { _place: place.expect("the places are never closed") })
    }
}
