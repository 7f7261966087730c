//! The owner of the placements.

mod copy;
mod launch;
mod orders;
mod settle;
mod sight;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use tamer_model::{InstanceName, PlacementId, PlacementStatus, ProviderName, Timestamp};
use tamer_provider::registry::{Changed, Registry, Watcher};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use self::copy::Copy;
use self::launch::{Checked, Lanes, Stepped};
use super::contact::{Contact, Steady};
use super::decide::Step;
use super::handle::{REQUESTS, Request};
use super::list::Gathering;
use super::store::{Replace, Store, StoreError};
use super::{Board, PlacementsHandle};
use crate::clock;
use crate::work::{Accept, Kind};

/// The placements of this host. Made and run by `run`.
pub struct Placements {
    registry: Registry,
    /// Why this host takes none, if so.
    refused: Option<String>,
    store: Store,
    disk: Disk,
    clock: Steady,
    requests: mpsc::Receiver<Request>,
    board: Board,
    copies: BTreeMap<PlacementId, Copy>,
    /// Whose name is whose.
    names: HashMap<(ProviderName, InstanceName), PlacementId>,
    /// The revision of each provider's view that was looked at; 0: all of it is to be looked at.
    looked: BTreeMap<ProviderName, u64>,
    /// Those to decide about.
    dirty: BTreeSet<PlacementId>,
    /// What is to be done when there is a lane for it; at most one for each placement.
    wants: BTreeMap<PlacementId, Step>,
    lanes: Lanes,
    steps: JoinSet<Stepped>,
    checks: JoinSet<Checked>,
    /// Those that are to go and are not gone: with which message they were told to, and until when
    /// new ones wait for them.
    leaving: BTreeMap<PlacementId, (u64, Timestamp)>,
    /// What is told when what it follows from is on the disk.
    shows: BTreeMap<PlacementId, PlacementStatus>,
    /// Those that are told of and not kept; at most as many as are kept.
    ghosts: BTreeSet<PlacementId>,
    gathering: Gathering,
    contact: Contact,
    /// Resolves when the session is over.
    over: Option<oneshot::Receiver<()>>,
    /// Counts the messages of coordinators: who came with which.
    batch: u64,
}

/// What is not on the disk yet.
#[derive(Debug, Default)]
struct Disk {
    /// Something that has to be, before anything is done about it.
    unsaved: bool,
    /// Something that would be good to have there, and since when.
    stale: Option<Timestamp>,
    /// After a failure: when to try again.
    again: Option<Timestamp>,
    /// When the last contact was written down.
    contact: Timestamp,
}

/// What happened.
enum Event {
    Asked(Request),
    Stepped(Stepped),
    Checked(Checked),
    Changed(ProviderName, Changed),
    SessionOver,
    Due,
}

impl Placements {
    /// Reads what an earlier life of the agent kept in `folder`. Blocks.
    pub fn open(
        folder: &Path,
        registry: Registry,
        accept: &Accept,
    ) -> Result<(Self, PlacementsHandle), StoreError> {
        Self::with(Store::new(folder), registry, accept)
    }

    /// The same, with another way to replace the files: a simulation's disk.
    pub fn on(
        folder: &Path,
        registry: Registry,
        accept: &Accept,
        replace: Replace,
    ) -> Result<(Self, PlacementsHandle), StoreError> {
        Self::with(Store::replacing(folder, replace), registry, accept)
    }

    fn with(
        store: Store,
        registry: Registry,
        accept: &Accept,
    ) -> Result<(Self, PlacementsHandle), StoreError> {
        let clock = Steady::new(clock::now());
        let now = clock.now();
        let (kept, last) = (store.read()?, store.read_contact()?);
        let (sender, requests) = mpsc::channel(REQUESTS);
        let board = Board::new();
        let mut placements = Self {
            registry,
            refused: accept.refusal(Kind::Placements),
            store,
            disk: Disk::default(),
            clock,
            requests,
            board: board.clone(),
            copies: BTreeMap::new(),
            names: HashMap::new(),
            looked: BTreeMap::new(),
            dirty: BTreeSet::new(),
            wants: BTreeMap::new(),
            lanes: Lanes::default(),
            steps: JoinSet::new(),
            checks: JoinSet::new(),
            leaving: BTreeMap::new(),
            shows: BTreeMap::new(),
            ghosts: BTreeSet::new(),
            gathering: Gathering::default(),
            contact: Contact::resumed(last, now),
            over: None,
            batch: 0,
        };
        for mut kept in kept {
            kept.reckon_from(now);
            placements.insert(Copy::resumed(kept));
        }
        Ok((placements, PlacementsHandle { requests: sender, board }))
    }

    /// Keeps them until the agent stops, which leaves every instance as it is.
    pub async fn run(mut self, finish: CancellationToken) {
        let mut watcher = self.registry.watch();
        self.look_at_all();
        loop {
            self.settle().await;
            let due = self.due().map(|at| self.clock.instant(at));
            // Cancel-safe: sets of tasks, queues, watches and timers, which keep what is not taken.
            let event = tokio::select! {
                biased;
                () = finish.cancelled() => return,
                Some(Ok(stepped)) = self.steps.join_next() => Event::Stepped(stepped),
                Some(Ok(checked)) = self.checks.join_next() => Event::Checked(checked),
                request = self.requests.recv() => match request {
                    Some(request) => Event::Asked(request),
                    None => return,
                },
                (name, changed) = next(&mut watcher) => Event::Changed(name, changed),
                () = over(&mut self.over) => Event::SessionOver,
                () = at(due) => Event::Due,
            };
            self.take(event);
            // What ended at the same time shares one write.
            while let Some(Ok(stepped)) = self.steps.try_join_next() {
                self.stepped(stepped);
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Asked(request) => self.asked(request),
            Event::Stepped(stepped) => self.stepped(stepped),
            Event::Checked(checked) => self.checked(checked),
            Event::Changed(name, Changed::View) => self.look(&name),
            Event::Changed(name, Changed::Status) => {
                self.look(&name);
                let of = self.copies.iter().filter(|(_, copy)| copy.kept.order.provider == name);
                self.dirty.extend(of.map(|(id, _)| *id));
            }
            Event::SessionOver => {
                self.over = None;
                self.heard(Contact::Away(self.clock.now()));
            }
            Event::Due => {
                let now = self.clock.now();
                let due = self.copies.iter().filter(|(_, copy)| copy.is_due(now));
                self.dirty.extend(due.map(|(id, _)| *id));
            }
        }
    }

    /// Whether a coordinator is heard has changed.
    fn heard(&mut self, contact: Contact) {
        self.contact = contact;
        self.dirty.extend(self.copies.keys());
    }

    fn insert(&mut self, copy: Copy) {
        let order = &copy.kept.order;
        if let Some(name) = &order.instance.name {
            self.names.insert((order.provider.clone(), name.clone()), order.id);
        }
        if let Some(leaving) = copy.leaving(self.batch, self.clock.now()) {
            self.leaving.insert(order.id, leaving);
        }
        self.looked.remove(&order.provider);
        self.dirty.insert(order.id);
        self.copies.insert(order.id, copy);
    }

    fn remove(&mut self, id: PlacementId) {
        self.board.remove(id);
        self.dirty.remove(&id);
        self.wants.remove(&id);
        self.shows.remove(&id);
        self.leaving.remove(&id);
        if let Some(copy) = self.copies.remove(&id)
            && let Some(name) = &copy.kept.order.instance.name
        {
            self.names.remove(&(copy.kept.order.provider.clone(), name.clone()));
        }
        self.disk.unsaved = true;
    }
}

/// The next change of a provider; never, when there are none.
async fn next(watcher: &mut Watcher) -> (ProviderName, Changed) {
    match watcher.changed().await {
        Some(changed) => changed,
        None => std::future::pending().await,
    }
}

/// The end of the session, if there is one.
async fn over(over: &mut Option<oneshot::Receiver<()>>) {
    match over {
        // Its end is that its other side is gone.
        Some(over) => drop(over.await),
        None => std::future::pending().await,
    }
}

async fn at(instant: Option<tokio::time::Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
