//! How many calls a technology gets at once.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Fault, FaultKind, Result};

/// Lets a few calls through, a few more wait, and refuses the rest.
pub(super) struct Gate {
    /// One permit for each call under way or waiting.
    places: Semaphore,
    /// One permit for each call under way.
    calls: Semaphore,
    most: usize,
}

/// A call under way. Dropping it makes room.
pub(super) struct Pass<'a> {
    _call: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl Gate {
    pub fn new(calls: usize, waiting: usize) -> Self {
        let places = calls + waiting;
        Self { places: Semaphore::new(places), calls: Semaphore::new(calls), most: places }
    }

    /// Waits for its turn.
    pub async fn enter(&self) -> Result<Pass<'_>> {
        let full = |_| {
            let message = format!("{} calls are under way or waiting already", self.most);
            Fault::new(FaultKind::ResourceExhausted, message).remedy("ask again in a moment")
        };
        let place = self.places.try_acquire().map_err(full)?;
        let call = self.calls.acquire().await.expect("the gate is never closed");
        Ok(Pass { _call: call, _place: place })
    }
}
