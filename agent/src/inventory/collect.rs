//! What a collector is: one source of the picture, and the bounds it works within.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tamer_drift::{Kind, ResourceKey, Source};

use super::found::Found;

/// One source of the picture. It looks whenever it is asked to, and remembers nothing that the
/// picture depends on: two looks at an unchanged machine find the same.
#[async_trait::async_trait]
pub trait Collector: Send + Sync + 'static {
    /// Who it is, and its bounds.
    fn about(&self) -> &About;

    /// Files and folders whose change means that there is something new. Asked after each look, as
    /// what is looked at may lie elsewhere then.
    fn marks(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Looks. What it could not look at is in [`Found::miss`]; a fault means that it saw nothing.
    /// It is dropped when its time is over.
    async fn collect(&self) -> Result<Found, Fault>;
}

/// Who a collector is.
#[derive(Debug, Clone)]
pub struct About {
    /// Its name: `packages`, or that of a provider.
    pub name: String,
    /// Whose resources it finds.
    pub source: Source,
    /// Of which kinds.
    pub kinds: BTreeSet<Kind>,
    /// Which ids of those kinds.
    pub ids: Ids,
    /// How it learns that there is something new.
    pub news: News,
    /// Its bounds.
    pub limits: Limits,
}

/// Which ids of its kinds are a collector's own, where two share a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ids {
    /// All.
    #[default]
    All,
    /// Those that begin so.
    With(&'static str),
    /// Those that do not.
    Without(&'static str),
}

/// How a collector learns that there is something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// By events: what it does not hear of, the full pass finds.
    Events,
    /// By looking again and again: no event tells everything of it.
    Polled,
}

/// The bounds of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take.
    pub time: Duration,
    /// How many bytes it may find, about.
    pub bytes: usize,
    /// How many resources it may find.
    pub resources: usize,
}

impl Default for Limits {
    /// 20 s, 16 MiB and 20,000 resources: some ten times what a large machine has of one source.
    fn default() -> Self {
        Self { time: Duration::from_secs(20), bytes: 16 << 20, resources: 20_000 }
    }
}

/// Why a collector saw nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Fault {
    /// What went wrong, on what.
    pub why: String,
    /// Whether there is nothing to look at, as far as anybody knows: of a source of which nothing
    /// was ever seen that is not worth telling.
    pub absent: bool,
}

impl About {
    /// A collector of the host itself.
    pub fn host(name: &str, kinds: impl IntoIterator<Item = Kind>, news: News) -> Self {
        Self {
            name: name.to_owned(),
            source: Source::host(),
            kinds: kinds.into_iter().collect(),
            ids: Ids::All,
            news,
            limits: Limits::default(),
        }
    }

    /// Whether this resource is one of its own.
    pub fn owns(&self, key: &ResourceKey) -> bool {
        let mine = match self.ids {
            Ids::All => true,
            Ids::With(begin) => key.id().starts_with(begin),
            Ids::Without(begin) => !key.id().starts_with(begin),
        };
        mine && *key.source() == self.source && self.kinds.contains(&key.kind())
    }
}

impl Fault {
    /// From a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { why: text.into(), absent: false }
    }
}
