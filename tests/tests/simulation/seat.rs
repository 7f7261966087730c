//! Where the coordinator sits: whoever lives there now serves who dials.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_coordinator::simulated::{self, Coordinator};
use tamer_store::Store;
use tokio::task::{AbortHandle, JoinSet};
use tokio_stream::wrappers::ReceiverStream;

use super::disk::Disk;
use super::link::{FromCoordinator, ToCoordinator};
use super::machine::{Fate, Machine, Mortal};
use super::trace::Trace;

/// Clones are the same seat.
#[derive(Clone)]
pub struct Seat(Arc<Inner>);

struct Inner {
    disk: Disk,
    folder: PathBuf,
    trace: Trace,
    life: Mutex<Option<Lives>>,
}

/// A coordinator that lives.
struct Lives {
    coordinator: Coordinator,
    fate: Fate,
    /// Its tasks and the sessions; all of them end when it dies.
    tasks: JoinSet<()>,
}

impl Seat {
    pub fn new(disk: Disk, folder: PathBuf, trace: Trace) -> Self {
        Self(Arc::new(Inner { disk, folder, trace, life: Mutex::default() }))
    }

    /// A coordinator begins, on what is stored.
    pub async fn begin(&self) {
        let store = Store::new(self.0.disk.clone());
        match simulated::start(store, &self.0.folder).await {
            Ok((coordinator, work)) => {
                let (fate, mut tasks) = (Fate::new(), JoinSet::new());
                for part in work {
                    tasks.spawn(Mortal::new(part, fate.clone()));
                }
                *self.life() = Some(Lives { coordinator, fate, tasks });
                self.0.trace.tell("the coordinator begins");
            }
            Err(problem) => self.0.trace.broken(format_args!("no coordinator begins: {problem}")),
        }
    }

    /// It will die at one of the next await points of its tasks.
    pub fn seal(&self, polls: u32) {
        if let Some(lives) = &*self.life() {
            lives.fate.seal(polls);
        }
    }

    /// It dies, if it did not yet.
    pub fn end(&self) {
        // The tasks are dropped, and what they own with them.
        self.life().take();
    }

    /// What it writes to.
    pub fn disk(&self) -> &Disk {
        &self.0.disk
    }

    /// Who lives there now.
    pub fn coordinator(&self) -> Option<Coordinator> {
        self.life().as_ref().map(|lives| lives.coordinator.clone())
    }

    /// Takes calls of this host's agent.
    pub fn listen(
        &self,
        machine: &Machine,
    ) -> impl FnOnce(ToCoordinator, FromCoordinator) -> bool + use<> {
        let (seat, host) = (self.clone(), machine.id);
        move |heard, said| {
            let mut life = seat.life();
            let Some(lives) = &mut *life else { return false };
            while lives.tasks.try_join_next().is_some() {}
            let session = lives.coordinator.session(host, ReceiverStream::new(heard), said);
            let _: AbortHandle = lives.tasks.spawn(Mortal::new(session, lives.fate.clone()));
            true
        }
    }

    fn life(&self) -> MutexGuard<'_, Option<Lives>> {
        self.0.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
