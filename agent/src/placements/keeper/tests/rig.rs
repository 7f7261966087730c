//! A host with placements, a technology in memory, and a coordinator that says what a test wants.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tamer_model::{
    InstanceState, NativeId, Phase, PlacementId, PlacementOrder, PlacementStatus, Restart, Span,
};
use tamer_provider::Provider as _;
use tamer_provider::fake::Fake;
use tamer_provider::registry::Registry;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::folder;
use crate::placements::handle::{InSession, PlacementsHandle};
use crate::placements::keeper::Placements;
use crate::placements::kept::testing;
use crate::placements::store::{Replace, Store, blocking};
use crate::placements::{Board, Wanted};
use crate::providers::serving;
use crate::work::Accept;

/// How long anything may take, by the clock of the test.
const LIMIT: Duration = Duration::from_secs(3600);

pub struct Rig {
    pub fake: Fake,
    pub folder: tempfile::TempDir,
    pub accept: Accept,
    /// Cancelled when a write was the one to die at.
    pub crashed: CancellationToken,
    registry: Registry,
    /// What the coordinator wants: how it shall run, or why it shall go.
    wanted: BTreeMap<PlacementId, Result<PlacementOrder, String>>,
    life: Option<Life>,
    stop: CancellationToken,
}

/// One life of the agent.
struct Life {
    handle: PlacementsHandle,
    session: Option<InSession>,
    task: JoinHandle<()>,
}

/// The write at which the agent dies, and whether it is done then.
#[derive(Debug, Clone, Copy)]
pub struct Death {
    pub write: usize,
    pub done: bool,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Rig {
    /// A host on which the agent runs, in session.
    pub async fn new() -> Self {
        let mut rig = Self::off().await;
        rig.open(None);
        rig.session().await;
        rig
    }

    /// A host on which the agent does not run yet.
    pub async fn off() -> Self {
        let fake = Fake::new("fake".parse().expect("a name"));
        let stop = CancellationToken::new();
        let registry = serving(Arc::new(fake.clone()), &stop).await;
        Self {
            fake,
            folder: tempfile::tempdir().expect("a folder"),
            accept: Accept::default(),
            crashed: CancellationToken::new(),
            registry,
            wanted: BTreeMap::new(),
            life: None,
            stop,
        }
    }

    /// Starts the agent, which dies at this write.
    pub fn open(&mut self, death: Option<Death>) {
        self.crashed = CancellationToken::new();
        let store = Store::replacing(self.folder.path(), dying(death, self.crashed.clone()));
        let opened = Placements::with(store, self.registry.clone(), &self.accept);
        let (placements, handle) = opened.expect("what was written is read");
        let task = tokio::spawn(placements.run(self.stop.clone()));
        self.life = Some(Life { handle, session: None, task });
    }

    /// Ends the agent as hard as that can be.
    pub async fn kill(&mut self) {
        let life = self.life.take().expect("it runs");
        life.task.abort();
        // Cancelled, which is what was asked for.
        let _ = life.task.await;
    }

    /// A session begins, and the coordinator lists what it wants.
    pub async fn session(&mut self) {
        let life = self.life.as_mut().expect("it runs");
        let Ok(attached) = life.handle.attach().await else { return };
        life.session = life.handle.in_session(true).await.ok();
        let mut list = Wanted { begins: true, complete: true, ..Wanted::default() };
        for (id, wanted) in &self.wanted {
            match wanted {
                Ok(_) if attached.wanted.contains(id) => list.keep.push(*id),
                Ok(order) => list.put.push(order.clone()),
                Err(cause) => list.gone.push((*id, cause.clone())),
            }
        }
        // An agent that died meanwhile hears it in its next life.
        let _ = life.handle.want(list).await;
    }

    /// The session ends.
    pub fn cut(&mut self) {
        self.life.as_mut().expect("it runs").session = None;
    }

    /// The coordinator wants this, and says so if there is a session.
    pub async fn put(&mut self, order: PlacementOrder) -> PlacementId {
        let id = order.id;
        self.wanted.insert(id, Ok(order.clone()));
        self.say(Wanted { put: vec![order], ..Wanted::default() }).await;
        id
    }

    /// The coordinator does not want this any more, and says so if there is a session.
    pub async fn go(&mut self, id: PlacementId) {
        let cause = "an update replaces it".to_owned();
        self.wanted.insert(id, Err(cause.clone()));
        self.say(Wanted { gone: vec![(id, cause)], ..Wanted::default() }).await;
    }

    /// The coordinator heard that it is gone, and names it no more.
    pub fn forget(&mut self, id: PlacementId) {
        self.wanted.remove(&id);
    }

    pub async fn say(&self, wanted: Wanted) {
        let life = self.life.as_ref().expect("it runs");
        if life.session.is_some() {
            let _ = life.handle.want(wanted).await;
        }
    }

    pub fn board(&self) -> Board {
        self.life.as_ref().expect("it runs").handle.board.clone()
    }

    pub fn status(&self, id: PlacementId) -> Option<PlacementStatus> {
        self.board().get(id)
    }

    /// Waits until it is told so.
    #[track_caller]
    pub fn until(
        &self,
        id: PlacementId,
        test: impl Fn(&PlacementStatus) -> bool,
    ) -> impl Future<Output = PlacementStatus> {
        let (board, caller) = (self.board(), std::panic::Location::caller());
        async move {
            let mut revision = board.revision();
            let wait = async {
                loop {
                    revision.mark_unchanged();
                    if let Some(status) = board.get(id).filter(&test) {
                        return status;
                    }
                    revision.changed().await.expect("the board lives");
                }
            };
            match timeout(LIMIT, wait).await {
                Ok(status) => status,
                Err(_) => panic!("not in time, {caller}; it is told: {:?}", board.get(id)),
            }
        }
    }

    #[track_caller]
    pub fn phase(&self, id: PlacementId, phase: Phase) -> impl Future<Output = PlacementStatus> {
        self.until(id, move |status| status.phase == phase)
    }

    /// Lets time pass.
    pub async fn pass(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    /// Waits until this holds of what the technology runs.
    #[track_caller]
    pub fn holds(
        &self,
        test: impl Fn(&[(String, InstanceState)]) -> bool,
    ) -> impl Future<Output = ()> {
        let (fake, caller) = (self.fake.clone(), std::panic::Location::caller());
        async move {
            let begin = Instant::now();
            loop {
                let seen = seen(&fake).await;
                if test(&seen) {
                    return;
                }
                assert!(begin.elapsed() < LIMIT, "not in time, {caller}; there is: {seen:?}");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// The instances of the technology: names and states.
    pub async fn instances(&self) -> Vec<(String, InstanceState)> {
        seen(&self.fake).await
    }

    /// The instance of a placement.
    pub async fn native(&self, id: PlacementId) -> NativeId {
        self.until(id, |status| status.instance.is_some()).await.instance.expect("one")
    }
}

/// A placement of this number that runs this.
pub fn running(number: u8, command: &[&str]) -> PlacementOrder {
    let mut order = testing::order(number);
    order.instance.command = command.iter().map(|word| (*word).to_owned()).collect();
    order
}

/// A placement of this number that is to end by itself.
pub fn completing(number: u8) -> PlacementOrder {
    PlacementOrder { completes: true, ..testing::order(number) }
}

/// A placement of this number that is given up at its first end.
pub fn fragile(number: u8) -> PlacementOrder {
    let order = testing::order(number);
    let restart = Restart { attempts: 0, window: Span::from_secs(60), ..order.restart };
    PlacementOrder { restart, ..order }
}

/// What an order's instance is called.
pub fn name(order: &PlacementOrder) -> String {
    order.instance.name.as_ref().expect("a name").to_string()
}

async fn seen(fake: &Fake) -> Vec<(String, InstanceState)> {
    let list = fake.list().await.unwrap_or_default();
    let mut seen: Vec<_> =
        list.iter().map(|instance| (instance.name.to_string(), instance.state)).collect();
    seen.sort();
    seen
}

/// Replaces files until the write to die at; from then on none.
fn dying(death: Option<Death>, crashed: CancellationToken) -> Replace {
    let writes = AtomicUsize::new(0);
    blocking(move |path: &Path, bytes: &[u8]| {
        let write = writes.fetch_add(1, Ordering::Relaxed) + 1;
        match death {
            Some(death) if write >= death.write => {
                if write == death.write && death.done {
                    folder::replace(path, bytes)?;
                }
                crashed.cancel();
                Err(io::Error::other("it is dead"))
            }
            Some(_) | None => folder::replace(path, bytes),
        }
    })
}
