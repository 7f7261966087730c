//! A technology in memory, with every ability and with knobs to break it: for the tests of
//! whatever uses providers. It passes the same suite as the real ones.
//!
//! Its instances are made of the image [`IMAGE`]. What one runs is its command: nothing at all or
//! `idle`, `deaf` (does not hear a polite stop), `write N` (writes `line 1` to `line N` to its
//! log), `tick` (writes `tick 1` and so on, ten a second). A command run in one is `print OUT ERR`,
//! `exit N`, `cat`, `flood BYTES`, `endless`, `count N`, `size`, `sleep SECONDS`, `burn`,
//! `write-file PATH TEXT` or `read-file PATH`.

mod exec;
mod logs;
mod provider;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tamer_model::{
    Ability, Capabilities, Instance, InstanceState, NativeId, Operation, ProviderName,
};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::{Fault, FaultKind, ProviderEvent, Result};
use world::World;

/// The image that is always there.
pub const IMAGE: &str = "fake/idle:1";
/// Events that a reader may be behind; one that is further behind is told that some were lost.
const EVENTS: usize = 1024;

/// The technology. Clones are the same one.
#[derive(Clone)]
pub struct Fake(Arc<Inner>);

struct Inner {
    name: ProviderName,
    world: Mutex<World>,
    knobs: Mutex<Knobs>,
    /// Calls that hang go on, in the order in which they came.
    goes_on: Notify,
    events: broadcast::Sender<ProviderEvent>,
}

struct Knobs {
    /// Whether calls hang.
    hung: bool,
    can: Capabilities,
    latency: Duration,
    /// Cancelled when the technology dies.
    life: CancellationToken,
    calls: BTreeMap<&'static str, u64>,
    /// The method of which the next call panics.
    panics: Option<&'static str>,
}

impl Fake {
    /// A technology that can do everything and has no instances.
    pub fn new(name: ProviderName) -> Self {
        let can = Operation::ALL.iter().map(|operation| (*operation, Ability::Yes)).collect();
        let knobs = Knobs {
            hung: false,
            can,
            latency: Duration::ZERO,
            life: CancellationToken::new(),
            calls: BTreeMap::new(),
            panics: None,
        };
        Self(Arc::new(Inner {
            name,
            world: Mutex::new(World::new()),
            knobs: Mutex::new(knobs),
            goes_on: Notify::new(),
            events: broadcast::Sender::new(EVENTS),
        }))
    }

    /// Adds this many instances that were made by others and run. Returns their ids.
    pub fn populate(&self, count: usize) -> Vec<NativeId> {
        let ids: Vec<_> = (0..count).map(|_| self.world().foreign()).collect();
        self.emit(ProviderEvent::Lost);
        ids
    }

    /// One more image is there.
    pub fn add_image(&self, reference: &str) {
        self.world().add_image(reference, 4096);
    }

    /// Says of an operation whether it can be had; it is refused otherwise.
    pub fn set(&self, operation: Operation, ability: Ability) {
        self.knobs().can.insert(operation, ability);
    }

    /// How long every call takes at least.
    pub fn set_latency(&self, latency: Duration) {
        self.knobs().latency = latency;
    }

    /// Every call hangs, those under way too, until [`Fake::unhang`].
    pub fn hang(&self) {
        self.knobs().hung = true;
    }

    /// Calls go on.
    pub fn unhang(&self) {
        self.knobs().hung = false;
        self.0.goes_on.notify_waiters();
    }

    /// Dies: streams end, calls fail. Its instances run on.
    pub fn die(&self) {
        self.knobs().life.cancel();
    }

    /// Answers again.
    pub fn come_back(&self) {
        self.knobs().life = CancellationToken::new();
    }

    /// The next call of this method panics.
    pub fn panic_in(&self, method: &'static str) {
        self.knobs().panics = Some(method);
    }

    /// How often this method of the contract was called: `list`, `get`, `probe`.
    pub fn calls(&self, method: &str) -> u64 {
        self.knobs().calls.get(method).copied().unwrap_or(0)
    }

    /// How often any method of the contract was called.
    pub fn all_calls(&self) -> u64 {
        self.knobs().calls.values().sum()
    }

    /// Somebody else changes the state of an instance, and the technology tells it. False when
    /// there is no such instance.
    pub fn change(&self, id: &NativeId, state: InstanceState) -> bool {
        let changed = self.change_silently(id, state);
        self.emit(ProviderEvent::Instance(id.clone()));
        changed
    }

    /// What an instance runs ends by itself with this code, after it wrote a line to its log, and
    /// the technology tells it. False when no such instance runs.
    pub fn exit(&self, id: &NativeId, code: i32, last_words: &str) -> bool {
        let ended = self.world().exit(id, code, last_words);
        self.emit(ProviderEvent::Instance(id.clone()));
        ended
    }

    /// As [`Fake::change`], and the technology tells nobody.
    pub fn change_silently(&self, id: &NativeId, state: InstanceState) -> bool {
        self.world().change(id, state)
    }

    /// Somebody else removes an instance, and the technology tells it.
    pub fn vanish(&self, id: &NativeId) -> bool {
        let was = self.world().instances.remove(id).is_some();
        self.emit(ProviderEvent::Instance(id.clone()));
        was
    }

    /// Its instances as they are, whether it answers or not.
    pub fn behind(&self) -> Vec<Instance> {
        self.world().instances.values().map(|thing| thing.told.clone()).collect()
    }

    /// What it tells from now on, also while it is dead.
    pub fn overhear(&self) -> broadcast::Receiver<ProviderEvent> {
        self.0.events.subscribe()
    }

    /// The technology tells this, true or not.
    pub fn emit(&self, event: ProviderEvent) {
        // Nobody may listen.
        let _ = self.0.events.send(event);
    }

    async fn while_hung(&self) {
        loop {
            let mut goes_on = std::pin::pin!(self.0.goes_on.notified());
            // From here on nothing is missed.
            goes_on.as_mut().enable();
            if !self.knobs().hung {
                return;
            }
            goes_on.await;
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.0.knobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn life(&self) -> CancellationToken {
        self.knobs().life.clone()
    }

    /// A call begins: it is counted, hangs when calls hang, takes its time, and fails when the
    /// technology is not there.
    async fn enter(&self, method: &'static str) -> Result<()> {
        let (life, latency, panics) = {
            let mut knobs = self.knobs();
            *knobs.calls.entry(method).or_default() += 1;
            let panics = knobs.panics.take_if(|panics| *panics == method).is_some();
            (knobs.life.clone(), knobs.latency, panics)
        };
        assert!(!panics, "{method} panics, as it was told to");
        self.while_hung().await;
        if !latency.is_zero() {
            tokio::select! {
                biased;
                () = life.cancelled() => {}
                () = tokio::time::sleep(latency) => {}
            }
        }
        if life.is_cancelled() { Err(self.gone()) } else { Ok(()) }
    }

    /// As [`Fake::enter`], for a call that needs this operation.
    async fn may(&self, method: &'static str, operation: Operation) -> Result<()> {
        self.enter(method).await?;
        match self.knobs().can.get(&operation) {
            Some(Ability::Yes) => Ok(()),
            Some(Ability::No(why) | Ability::NotNow(why)) => {
                Err(Fault::unsupported(operation.as_str(), why))
            }
            None => Err(Fault::unsupported(operation.as_str(), "nothing is known of it")),
        }
    }

    fn gone(&self) -> Fault {
        Fault::new(FaultKind::Unavailable, format!("{} is not there", self.0.name))
    }
}
