//! The providers of a host, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{join_all, select_all};
use tamer_model::{ProviderName, ProviderStatus, Resource};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::supervise::{Keeper, Settings, Supervised};
use crate::{Fault, FaultKind, Provider, Result};

/// The supervised providers of a host, in the order of their names. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<BTreeMap<ProviderName, Supervised>>);

/// The tasks of a registry's providers.
pub struct Keepers(Vec<Keeper>);

/// Tells whatever changes in a registry, for one reader.
pub struct Watcher(Vec<Watched>);

struct Watched {
    name: ProviderName,
    status: watch::Receiver<ProviderStatus>,
    view: watch::Receiver<u64>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Whether the technology is there, or what it can do.
    Status,
    /// The view of its instances.
    View,
}

impl Registry {
    /// Puts these providers under supervision, each within its bounds. [`FaultKind::AlreadyExists`] when two have one
    /// name.
    pub fn new(
        providers: impl IntoIterator<Item = (Arc<dyn Provider>, Settings)>,
    ) -> Result<(Self, Keepers)> {
        let mut by_name = BTreeMap::new();
        let mut keepers = Vec::new();
        for (provider, settings) in providers {
            let name = provider.name().clone();
            let (supervised, keeper) = Supervised::new(provider, settings);
            keepers.push(keeper);
            if by_name.insert(name.clone(), supervised).is_some() {
                let message = format!("two providers are named {name}");
                return Err(Fault::new(FaultKind::AlreadyExists, message));
            }
        }
        Ok((Self(Arc::new(by_name)), Keepers(keepers)))
    }

    /// The provider of this name, or [`FaultKind::NotFound`] that names those there are.
    pub fn get(&self, name: &ProviderName) -> Result<&Supervised> {
        self.0.get(name).ok_or_else(|| {
            let known: Vec<_> = self.0.keys().map(ProviderName::as_str).collect();
            let remedy = match known[..] {
                [] => "this host has no providers; its agent's configuration names them".to_owned(),
                _ => format!("this host has: {}", known.join(", ")),
            };
            let message = format!("this host has no provider {name}");
            Fault::new(FaultKind::NotFound, message).on("provider").remedy(remedy)
        })
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Supervised> {
        self.0.values()
    }

    /// How all of them stand.
    pub fn statuses(&self) -> Vec<ProviderStatus> {
        self.0.values().map(|provider| provider.status().borrow().clone()).collect()
    }

    /// Watches all of them from now on.
    pub fn watch(&self) -> Watcher {
        let watched = self.0.iter().map(|(name, provider)| Watched {
            name: name.clone(),
            status: provider.status(),
            view: provider.view().revision(),
        });
        Watcher(watched.collect())
    }

    /// Scans all of them at once. A technology that is away or cannot be scanned is a fault of its
    /// own part.
    pub async fn scan(&self) -> Vec<(ProviderName, Result<Vec<Resource>>)> {
        let scans =
            self.0.iter().map(async |(name, provider)| (name.clone(), provider.scan().await));
        join_all(scans).await
    }
}

impl Keepers {
    /// Runs all of them until they are told to stop, and returns when the last one has.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for keeper in self.0 {
            tasks.spawn(keeper.run(stop.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the task of a provider broke");
            }
        }
    }
}

impl Watcher {
    /// Waits for the next change. However many there were meanwhile, each provider's status and
    /// view are told once. None when there are no providers, or they are gone.
    pub async fn changed(&mut self) -> Option<(ProviderName, Changed)> {
        // Cancel-safe: only the one that is told is marked as seen.
        let waits = self.0.iter_mut().flat_map(|watched| {
            let (name, status, view) = (&watched.name, &mut watched.status, &mut watched.view);
            let status = status.changed().map(move |told| told.map(|()| (name, Changed::Status)));
            let view = view.changed().map(move |told| told.map(|()| (name, Changed::View)));
            [status.boxed(), view.boxed()]
        });
        let waits: Vec<_> = waits.collect();
        if waits.is_empty() {
            return None;
        }
        let (told, at, rest) = select_all(waits).await;
        drop(rest);
        let (name, changed) = told.ok()?;
        let name = name.clone();
        // Who was told goes last, so that one that changes all the time hides no other.
        self.0.rotate_left(at / 2 + 1);
        Some((name, changed))
    }
}
