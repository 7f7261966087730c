//! An inventory whose collectors are played, on a disk that a test made.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tamer_drift::tree::iter;
use tamer_drift::{Kind, Resource};
use tamer_provider::registry::Registry;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::Inventory;
use crate::inventory::collect::{About, Collector, Fault, Limits, News};
use crate::inventory::store::{Replace, Store};
use crate::inventory::{Cover, Found, InventoryHandle, Settings, Told, host};

/// A collector that does what it is told. Clones are the same one.
#[derive(Clone)]
pub struct Played {
    about: About,
    play: Arc<Mutex<Play>>,
}

/// What it does when it is asked.
pub struct Play {
    /// What there is.
    pub there: Vec<Resource>,
    /// What comes of a look.
    pub act: Act,
    /// How long a look takes.
    pub delay: Duration,
    /// How often it was asked.
    pub looks: u32,
}

#[derive(Clone, Copy)]
pub enum Act {
    Find,
    /// It never comes back.
    Hang,
    /// It sees nothing.
    Fail,
    /// There is nothing to see, as far as it knows.
    Away,
    Panic,
    /// Of what begins so it sees nothing.
    Partly(&'static str),
    /// It goes on for ever.
    Flood,
}

impl Played {
    pub fn new(name: &str, kind: Kind) -> Self {
        let limits = Limits { resources: 100, bytes: 64 << 10, ..Limits::default() };
        let about = About { limits, ..About::host(name, [kind], News::Polled) };
        let play = Play { there: Vec::new(), act: Act::Find, delay: Duration::ZERO, looks: 0 };
        Self { about, play: Arc::new(Mutex::new(play)) }
    }

    pub fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().expect("no panic")
    }

    pub fn taking(self, delay: Duration) -> Self {
        self.play().delay = delay;
        self
    }

    pub fn with(self, names: &[&str]) -> Self {
        let kind = *self.about.kinds.first().expect("one");
        self.play().there =
            names.iter().map(|name| host(kind, name).int("n", 1u32).done()).collect();
        self
    }
}

#[async_trait::async_trait]
impl Collector for Played {
    fn about(&self) -> &About {
        &self.about
    }

    async fn collect(&self) -> Result<Found, Fault> {
        let (act, there, delay) = {
            let mut play = self.play();
            play.looks += 1;
            (play.act, play.there.clone(), play.delay)
        };
        tokio::time::sleep(delay).await;
        let mut found = Found::within(self.about.limits);
        let kind = *self.about.kinds.first().expect("one");
        match act {
            Act::Find => {}
            Act::Hang => std::future::pending().await,
            Act::Fail => return Err(Fault::new("it does not answer")),
            Act::Away => return Err(Fault { absent: true, ..Fault::new("it is not there") }),
            Act::Panic => panic!("a collector breaks"),
            Act::Partly(prefix) => found.miss(Cover::Prefix(kind, prefix.to_owned()), "a part"),
            Act::Flood => {
                let garbage =
                    |at: u64| host(kind, &at.to_string()).text("x", "y".repeat(1000)).done();
                assert!((0..).any(|at| found.put(garbage(at)).is_err()), "it is stopped");
                return Ok(found);
            }
        }
        let seen = |one: &&Resource| match act {
            Act::Partly(prefix) => !one.key.id().starts_with(prefix),
            _ => true,
        };
        for one in there.iter().filter(seen) {
            if found.put(one.clone()).is_err() {
                break;
            }
        }
        Ok(found)
    }
}

/// An inventory that runs.
pub struct Rig {
    pub handle: InventoryHandle,
    pub finish: CancellationToken,
    running: JoinHandle<()>,
}

impl Rig {
    pub fn start(folder: &Path, collectors: &[Played]) -> Self {
        Self::on(Store::new(folder), collectors)
    }

    pub fn replacing(folder: &Path, collectors: &[Played], replace: Replace) -> Self {
        Self::on(Store::replacing(folder, replace), collectors)
    }

    fn on(store: Store, collectors: &[Played]) -> Self {
        let collectors = collectors.iter().map(|one| Arc::new(one.clone()) as Arc<dyn Collector>);
        let registry = Registry::default();
        let opened =
            Inventory::with(store, collectors.collect(), &registry, Settings::default(), None);
        let (inventory, handle) = opened.expect("opened");
        let finish = CancellationToken::new();
        let running = tokio::spawn(inventory.run(finish.clone()));
        Self { handle, finish, running }
    }

    /// Waits for a picture that is so, as a session does.
    pub async fn until(&self, test: impl Fn(&Told) -> bool) -> Arc<Told> {
        let mut revision = self.handle.board().revision();
        let mut last = None;
        let wait = async {
            loop {
                revision.mark_unchanged();
                if let Some(told) = self.handle.board().take() {
                    if test(&told) {
                        return told;
                    }
                    last = Some(format!("{:?} {:?}", ids(&told), told.sources));
                }
                revision.changed().await.expect("it runs");
            }
        };
        match timeout(Duration::from_secs(3600), wait).await {
            Ok(told) => told,
            Err(_) => panic!("not in time; was told last: {last:?}"),
        }
    }

    /// Asks it to end, and waits.
    pub async fn stop(self) {
        self.finish.cancel();
        self.running.await.expect("it ended");
    }

    /// Ends it as a kill does.
    pub async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}

/// The ids of a picture.
pub fn ids(told: &Told) -> Vec<String> {
    let all = iter::<Resource>(&told.root, &told.nodes).expect("a tree");
    all.map(|one| one.expect("a resource").key.id().to_owned()).collect()
}

/// What is wrong with each source.
pub fn problems(told: &Told) -> BTreeMap<&str, Option<&str>> {
    told.sources.iter().map(|one| (one.name.as_str(), one.problem.as_deref())).collect()
}

/// Whether every source was looked at, and whole.
pub fn is_whole(told: &Told) -> bool {
    told.sources.iter().all(|source| source.problem.is_none())
}
